using System.Diagnostics;
using WavLM.Cuda.Backends.Cuda.Interop;
using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Checks;
using Xunit.Abstractions;
using Fault = WavLM.Cuda.Checks.EmulatedDevice.Fault;

namespace WavLM.Cuda.Tests.Cuda;

/// <summary>
/// A model is loaded, encodes a batch and is disposed, and one call after the other fails on the way, once and from then on for
/// ever: the error is typed, nothing is left on the device, and the next run has the bits of one that never failed.
/// </summary>
[Collection(EmulatedDevice.Collection)]
public sealed class FaultTests(FaultModel model, ITestOutputHelper output) : IClassFixture<FaultModel>
{
    // Of a batch of one size: the first time its stages run as they are, the second time they are recorded, the third replayed.
    private const int PassesUntilReplay = 3;

    // What a living encoder held after its last pass: allocations, and handles where no records come and go.
    private (long Allocations, long Handles) _held;

    [Theory]
    [InlineData(nameof(Fault.Allocation), (int)CuResult.CUDA_ERROR_OUT_OF_MEMORY, typeof(DeviceMemoryException))]
    [InlineData(nameof(Fault.Allocation), (int)CuResult.CUDA_ERROR_ILLEGAL_ADDRESS, typeof(DeviceLostException))]   // of what ran before
    [InlineData(nameof(Fault.Copy), (int)CuResult.CUDA_ERROR_ILLEGAL_ADDRESS, typeof(DeviceLostException))]
    [InlineData(nameof(Fault.Copy), (int)CuResult.CUDA_ERROR_NOT_PERMITTED, typeof(CudaException))]
    [InlineData(nameof(Fault.Launch), (int)CuResult.CUDA_ERROR_LAUNCH_FAILED, typeof(DeviceLostException))]
    [InlineData(nameof(Fault.Launch), (int)CuResult.CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, typeof(CudaException))]
    [InlineData(nameof(Fault.Compile), (int)NvrtcResult.NVRTC_ERROR_COMPILATION, typeof(KernelCompilationException))]
    [InlineData(nameof(Fault.Compile), (int)NvrtcResult.NVRTC_ERROR_INTERNAL_ERROR, typeof(CudaException))]
    [InlineData(nameof(Fault.Matmul), (int)CublasStatus.CUBLAS_STATUS_EXECUTION_FAILED, typeof(DeviceLostException))]
    [InlineData(nameof(Fault.Matmul), (int)CublasStatus.CUBLAS_STATUS_NOT_SUPPORTED, typeof(CudaException))]
    public void Wherever_a_call_fails_the_error_is_typed_nothing_is_left_and_the_next_run_is_bit_exact(string call, int code, Type error)
    {
        Fault kind = Enum.Parse<Fault>(call);
        foreach ((bool preNorm, bool recorded) in (ReadOnlySpan<(bool, bool)>)[(false, true), (true, false)])
        {
            long began = Stopwatch.GetTimestamp();
            model.Begin(cached: kind != Fault.Compile);
            Assert.Null(Run(preNorm, recorded, again: false));
            (long, long) held = _held;
            int errors = 0, faults = 0;
            for (bool clean = false; !clean; faults++)
            {
                // A fault for ever is past the run's end once it does no harm; one that strikes once may be overcome on the way there.
                clean = Fails(forEver: true) is null;
                if (Fails(forEver: false) is not null) errors++;
                Assert.True(faults < 1000, $"{kind} {faults} still fails");
            }
            output.WriteLine($"{(preNorm ? "pre-norm" : "post-norm, recorded")}: {faults - 1} calls, {errors} of them an error when they fail once; {Stopwatch.GetElapsedTime(began).TotalSeconds:0.0} s");
            Assert.True(faults > 1, $"no {kind} ever failed");

            Exception? Fails(bool forEver)
            {
                string when = $"{kind} {faults + 1}, {(forEver ? "for ever" : "once")}, {(recorded ? "recorded" : "not recorded")}";
                EmulatedDevice.SetSchedule(faults % 5);   // late, at once, and three that are neither
                EmulatedDevice.Fail(kind, faults + 1, forEver, code);
                Exception? failure = Run(preNorm, recorded, again: !forEver);
                EmulatedDevice.ClearFaults();
                Assert.True(failure is null || failure.GetType() == error, $"{when}: {failure}");
                if (failure is not null) Assert.Matches("has no memory left|cuMem|launch of|cuGraphLaunch|(?i)nvrtc|cublasLtMatmul", failure.Message);   // what failed is said
                Assert.True(_held == held, $"{when}: the encoder held {_held}, expected {held}");
                Leftovers.AssertNone(when);
                Assert.Null(Run(preNorm, recorded: false, again: false));
                _held = held;
                return failure;
            }
        }
    }

    [Fact]
    public void An_entry_point_that_its_image_lacks_is_an_error_and_leaves_no_module()
    {
        using (DeviceSession session = new())
        {
            KernelSources sources = new(static _ => "extern \"C\" __global__ void one_name() {}");
            using KernelCompiler compiler = new(sources, KernelCache.None, session.Device.Architecture, threads: 1);
            using Kernels kernels = new(session.Device, compiler);
            KernelFamily<int> family = new(kernels, static _ => new("names.cu", "another_name", [], 32));
            Assert.Equal(CuResult.CUDA_ERROR_NOT_FOUND, Assert.Throws<CudaException>(() => family[0]).Code);
        }
        Leftovers.AssertNone("another name");
    }

    /// <summary>Load, encode, dispose; the first failure. Whatever is encoded has to be right.</summary>
    /// <param name="preNorm">The model.</param>
    /// <param name="recorded">Whether layers are recorded and replayed, which takes more passes.</param>
    /// <param name="again">Whether an encoder that failed has to go on as if nothing had been, or to say again that the device is lost.</param>
    private Exception? Run(bool preNorm, bool recorded, bool again)
    {
        SpeechEncoder encoder;
        try
        {
            encoder = model.Load(preNorm, recorded);
        }
        catch (Exception e)
        {
            return e;
        }
        using (encoder)
        {
            Exception? failure = null;
            for (int pass = recorded ? PassesUntilReplay : 1; pass > 0; pass--)
            {
                try
                {
                    Features[] features = encoder.Encode(FaultModel.Batch, FaultModel.All, CancellationToken.None);
                    for (int i = 0; i < features.Length; i++) Assert.Null(BatchInvariance.Difference(model.Expected(preNorm)[i], features[i]));
                }
                catch (Exception e) when (failure is null || (failure is DeviceLostException && e is DeviceLostException))
                {
                    if (failure is null) pass = PassesUntilReplay + 1;
                    failure ??= e;
                    if (!again) return failure;
                }
            }
            if (failure is not DeviceLostException) _held = (EmulatedDevice.Count("live_allocations"), recorded ? 0 : EmulatedDevice.Count("live_handles"));
            return failure;
        }
    }
}
