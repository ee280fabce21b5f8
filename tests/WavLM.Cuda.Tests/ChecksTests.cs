using System.Collections.Concurrent;
using System.Globalization;
using WavLM.Cuda.Checks;
using WavLM.Cuda.Tests.Cuda;
using Xunit.Abstractions;

namespace WavLM.Cuda.Tests;

/// <summary>Every check of <see cref="CheckList"/> on a device; what needs no device is run with the first one.</summary>
public abstract class ChecksTests(string device, ChecksTests.Devices devices, ITestOutputHelper output) : IClassFixture<ChecksTests.Devices>
{
    private static readonly Dictionary<string, Check> ByName = CheckList.All.ToDictionary(check => check.Name);

    /// <summary>The checks of a device by name: strings alone, so that every case is one of its own.</summary>
    protected static TheoryData<string> CasesOf(string device) => [.. CheckList.All
        .Where(check => check.NeedsDevice ? CheckedDevice.Has(device, check.Precision) : device == CheckedDevice.Names[0])
        .Select(check => check.Name)];

    protected void Run(string check)
    {
        double ratio = ByName[check].Run(devices[device]);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{ratio:F3} of the bound"));
    }

    /// <summary>The devices of a run, kept so that their backends are made once.</summary>
    public sealed class Devices : IDisposable
    {
        private readonly ConcurrentDictionary<string, CheckedDevice> _devices = new();

        public CheckedDevice this[string name] => _devices.GetOrAdd(name, CheckedDevice.Named);

        public void Dispose()
        {
            foreach (CheckedDevice device in _devices.Values) device.Dispose();
        }
    }
}

public sealed class CpuChecksTests(ChecksTests.Devices devices, ITestOutputHelper output) : ChecksTests("cpu", devices, output)
{
    public static TheoryData<string> Cases => CasesOf("cpu");

    [SkippableTheory]
    [MemberData(nameof(Cases))]
    public void Holds(string check)
    {
        try
        {
            Run(check);
        }
        catch (CheckSkippedException skipped)
        {
            Skip.If(true, skipped.Message);   // not every CPU has every precision
        }
    }
}

[Collection(EmulatedDevice.Collection)]
public sealed class CudaChecksTests(ChecksTests.Devices devices, ITestOutputHelper output) : ChecksTests("cuda", devices, output)
{
    public static TheoryData<string> Cases => CasesOf("cuda");

    // The emulated device is there and has all that is asked of it, so nothing is skipped.
    [Theory]
    [MemberData(nameof(Cases))]
    public void Holds(string check)
    {
        EmulatedDevice.Reset();   // watched, whoever came before
        Run(check);
        Assert.Empty(EmulatedDevice.Reports());
    }
}
