using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda;
using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Checks;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Mutants;

/// <summary>
/// What neither checks nor whole passes come to: memory that is short, copies and launches that nobody waits for any more,
/// records that are given up, tensors that are too small.
/// </summary>
internal static class HostTrials
{
    private const int Columns = 1024;

    // As late as is legal, and an order that only events and waits rule.
    private static readonly int[] Schedules = [0, 2, 7];

    public static IEnumerable<(string Name, Func<Subject, string> Run)> All { get; } =
    [
        ("memory that is kept is given back where it is short", WithShortMemory),
        ("a linear map's tensor that ends within a row tile is refused", subject => Refused(subject, TooFewRowsOfLinear)),
        ("a convolution's tensor that ends within a row tile is refused", subject => Refused(subject, TooFewRowsOfStridedConv)),
        .. Schedules.SelectMany(static schedule => new (string, Func<Subject, string>)[]
        {
            ($"what is uploaded is the caller's again in schedule {schedule}", subject => In(schedule, subject, UploadedIsRead)),
            ($"samples whose batch never got its place in schedule {schedule}", subject => In(schedule, subject, UploadWithoutPlace)),
            ($"a copy that nobody waits for in schedule {schedule}", subject => In(schedule, subject, CopyThatNobodyWaitsFor)),
            ($"launches that nobody waits for in schedule {schedule}", subject => In(schedule, subject, LaunchesThatNobodyWaitsFor)),
            ($"records that are given up in schedule {schedule}", subject => In(schedule, subject, RecordsThatAreGivenUp)),
        }),
    ];

    private static string In(int schedule, Subject subject, Func<CudaBackend, string> body)
    {
        EmulatedDevice.SetSchedule(schedule);
        using CudaBackend backend = subject.Backend();
        return body(backend);
    }

    // 60 MB that are free and kept, and 70 more, are more than the 100 that there are.
    private static string WithShortMemory(Subject subject)
    {
        using CudaBackend backend = subject.Backend();
        long taken = DeviceFacts.Of(ordinal: 0).TotalBytes - CudaDevice.FreeBytes;
        EmulatedDevice.SetMemory(taken + (100 << 20));
        Rent(backend, megabytes: 60).Dispose();
        using Tensor wanted = Rent(backend, megabytes: 70);
        return "";
    }

    private static string Refused(Subject subject, Action<CudaBackend> tooSmall)
    {
        using CudaBackend backend = subject.Backend();
        try
        {
            tooSmall(backend);
        }
        catch (ArgumentException)
        {
            return "";
        }
        throw new CheckFailedException("a tensor that ends within the rows of a product was taken");
    }

    private static void TooFewRowsOfLinear(CudaBackend backend)
    {
        const int Rows = 127, Inputs = 3, Outputs = 2;   // a product has 128
        using LinearWeights weights = backend.PackLinear(new float[Outputs * Inputs], [], Outputs, Inputs, ElementType.Float32);
        using Tensor x = backend.Keep(new float[Rows * Inputs], Rows, Inputs), y = backend.Rent(Rows, Outputs, ElementType.Float32);
        backend.Linear(x, weights, y);
    }

    private static void TooFewRowsOfStridedConv(CudaBackend backend)
    {
        const int Rows = 255, Inputs = 4;   // a product has 256, whose windows reach to row 513
        var shape = new ConvLayer(4, 3, 2);
        using StridedConvWeights weights = backend.PackStridedConv(new float[shape.Channels * shape.Kernel * Inputs], [], layerNorm: null, Inputs, shape, rowsOfSlot: 1, ElementType.Float32);
        using Tensor x = backend.Keep(new float[512 * Inputs], 512, Inputs), y = backend.Rent(Rows, shape.Channels, ElementType.Float32);
        backend.StridedConv(x, weights, y);
    }

    private static string UploadedIsRead(CudaBackend backend)
    {
        float[] values = Values(seed: 71), kept = [.. values];
        using Tensor x = backend.Keep(values, 1, Columns);
        Array.Fill(values, float.NaN);
        return Same(backend, x, kept);
    }

    // The page-locked memory of the first goes to the second.
    private static string UploadWithoutPlace(CudaBackend backend)
    {
        float[] values = Values(seed: 76), later = Values(seed: 77);
        using Tensor x = backend.Upload([new Waveform("without a place", values)])[0];
        using Tensor y = backend.Upload([new Waveform("the next one", later)])[0];
        _ = Same(backend, x, values);
        return Same(backend, y, later);
    }

    // Its memory goes to another copy at once.
    private static string CopyThatNobodyWaitsFor(CudaBackend backend)
    {
        float[] values = Values(seed: 72), later = Values(seed: 73);
        using Tensor x = backend.Keep(values, 1, Columns), y = backend.Keep(later, 1, Columns);
        using (IHostCopies given = backend.CopyToHost()) given.Add<float>(x, [new float[Columns]]);
        return Same(backend, y, later);
    }

    // The backend and all its memory go while they are queued.
    private static string LaunchesThatNobodyWaitsFor(CudaBackend backend)
    {
        using Tensor x = backend.Keep(Values(seed: 74), 1, Columns), sum = backend.Rent(1, Columns, ElementType.Float32);
        for (int i = 0; i < 3; i++) backend.WeightedSum(x, 0.5f, sum, first: i == 0);
        return "";
    }

    // One more stage than there is room for records, right behind a stage that is replayed.
    private static string RecordsThatAreGivenUp(CudaBackend backend)
    {
        float[] values = Values(seed: 75);
        using PackedBatch batch = PackedBatch.Create([new Waveform("one frame", new float[400])], EncoderSizes.Base, new WaveformNormalization(Normalize: false, Epsilon: 0, Center: false), backend);
        using Tensor x = backend.Keep(values, 1, Columns), y = backend.Rent(1, Columns, ElementType.Float32);
        for (int stage = 0; stage < CudaBackend.MostRecords; stage++) Replay(stage);
        Replay(0);
        Replay(0);
        Replay(CudaBackend.MostRecords);
        return Same(backend, y, values);

        void Replay(int stage) => backend.Replay(stage, batch, [x, y], () => backend.WeightedSum(x, 1, y, first: true));
    }

    private static Tensor Rent(CudaBackend backend, int megabytes) => backend.Rent(megabytes * 256, Columns, ElementType.Float32);

    private static float[] Values(int seed) => Inputs.Normal(Columns, seed);

    private static string Same(CudaBackend backend, Tensor x, float[] expected)
    {
        float[] found = new float[expected.Length];
        using IHostCopies copies = backend.CopyToHost();
        copies.Add<float>(x, [found]);
        copies.Finish();
        if (!found.AsSpan().SequenceEqual(expected)) throw new CheckFailedException("other values than went in");
        return "";
    }
}
