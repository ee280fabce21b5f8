using WavLM.Cuda.Backends.Cpu;
using WavLM.Cuda.Backends.Cuda;

namespace WavLM.Cuda.Cli;

/// <summary>The self-test of a CUDA device against the CPU, a line an operation and precision.</summary>
internal static class SelfTestReport
{
    // The exact one, and what users get.
    private static readonly Precision[] Tested = [Precision.Float32, Precision.Float16];

    /// <returns>The exit code.</returns>
    public static int Write(DoctorReport report, int ordinal)
    {
        int failed = 0;
        try
        {
            foreach (Precision precision in Tested) failed += Write(report, ordinal, precision);
        }
        catch (DeviceLostException e)
        {
            Terminal.WriteError(e.Message);
            return ExitCode.DeviceLost;
        }
        if (failed == 0) return ExitCode.Done;
        Terminal.WriteError($"{failed} operation{(failed == 1 ? "" : "s")} computed something else than the CPU: do not use this device");
        return ExitCode.InputsFailed;
    }

    /// <returns>How many failed.</returns>
    private static int Write(DoctorReport report, int ordinal, Precision precision)
    {
        int failed = 0;
        string name = precision.CommandLineName();
        using SelfTest test = new(
            static () => new CpuBackend(Precision.Float32, Environment.ProcessorCount), () => CudaBackend.Open(ordinal, precision, Terminal.WriteError), precision);
        foreach (SelfTestResult result in test.Run())
        {
            string verdict = result.Passed ? "ok" : "FAILED";
            string found = result.Failure ?? FormattableString.Invariant($"largest difference {result.Difference:0.0e+0}, allowed {result.Bound:0.0e+0}");
            report.Line($"self-test {name}", $"{result.Case.Operation,-20}{result.Case.Shape,-46}{verdict,-8}{found}");
            if (!result.Passed) failed++;
        }
        report.Line($"bits of {name}", $"depend on {test.DeviceSet}");
        return failed;
    }
}
