using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda;
using WavLM.Cuda.Bench.Results;

namespace WavLM.Cuda.Bench.Operations;

/// <summary>What the machine itself reaches: measured as benchmarks are, in between them.</summary>
internal static class Ceilings
{
    // On a GPU beyond any cache; on the CPU what is rotated in two sets of two. And wide enough that every multiprocessor has several tiles, or every worker.
    private const long DeviceCopyBytes = 512 << 20, EmulatedCopyBytes = 1 << 16;
    private const int DeviceWidth = 8192, HostWidth = 2048, EmulatedWidth = 64;

    private const string Case = "ceiling";

    private const int Samples = 25;

    /// <summary>One tensor to another.</summary>
    public static Operation Copy(BenchDevice device)
    {
        const int Columns = 1024;
        long bytes = device.Emulated ? EmulatedCopyBytes : device.Backend is CudaBackend ? DeviceCopyBytes : device.RotatedBytes / 4, rows = bytes / sizeof(float) / Columns;
        return new(Work.Copy, Case, $"{bytes >> 10:N0} KiB", new(2.0 * bytes, 0, Ceiling: null), on =>
        {
            RandomTensor x = on.Random(rows, Columns, ElementType.Float32);
            Tensor y = on.Rent(rows, Columns, ElementType.Float32);
            return new(() => on.Device.Copy(x.Tensor, y, bytes), _ =>
            {
                foreach (long row in Buffers.Spread(rows)) Agreement.RequireSame($"row {row}", on.Read(y, row).Values, x.Rows(row).Values);
            });
        });
    }

    /// <summary>A large product of the backend's own.</summary>
    public static Operation Gemm(BenchDevice device)
    {
        int width = device.Emulated ? EmulatedWidth : device.Backend is CudaBackend ? DeviceWidth : HostWidth;
        return MatrixOperations.Linear(
            device.Backend, FrontEndOperations.GemmOf(device.Backend.ProductType), Case, width, width, width, device.Backend.OperandType, Epilogue.None, biased: false);
    }

    /// <summary>All that a pass is held against: the copy, and products in its precision, in float32, and for int8 in bfloat16, which attention multiplies.</summary>
    /// <param name="precision">Of the pass.</param>
    /// <param name="open">Makes the device in a precision, on this thread.</param>
    /// <exception cref="DeviceMemoryException">There is no room for them.</exception>
    public static IReadOnlyList<Ceiling> Measure(Precision precision, Func<Precision, BenchDevice> open)
    {
        List<Ceiling> ceilings = [];
        Precision[] all = precision == Precision.Int8 ? [precision, Precision.BFloat16, Precision.Float32] : [precision, Precision.Float32];
        foreach (Precision of in all.Distinct())
        {
            using BenchDevice device = open(of);
            var random = new RandomValues(device.Emulated ? RandomValues.EightsOnEmulated : RandomValues.UsualEights, seed: 21);
            foreach (Operation operation in ceilings.Count == 0 ? [Copy(device), Gemm(device)] : (Operation[])[Gemm(device)])
            {
                using TimedOperation timed = TimedOperation.Prepare(operation, device, random, Slowdown.None);
                timed.Settle();
                int samples = device.Emulated ? 1 : Samples;
                timed.Measure(samples + samples);
                ceilings.Add(Of(operation, [.. timed.Seconds.Skip(samples)]));   // in the first half the runtime still compiles
            }
        }
        return ceilings;
    }

    /// <summary>What its times come to.</summary>
    public static Ceiling Of(Operation operation, IReadOnlyList<double> seconds)
    {
        bool copy = operation.Name == Work.Copy;
        return new(operation.Name, copy ? "byte" : "flop", (copy ? operation.Work.Bytes : operation.Work.Flops) / Statistics.Median(seconds)) { Seconds = seconds };
    }
}
