using System.Collections.Concurrent;
using System.Globalization;
using WavLM.Cuda.Checks;
using Xunit.Abstractions;

namespace WavLM.Cuda.Tests;

/// <summary>Every check of <see cref="CheckList"/> on every device, and what needs no device once.</summary>
public sealed class ChecksTests(ChecksTests.Devices devices, ITestOutputHelper output) : IClassFixture<ChecksTests.Devices>
{
    private static readonly Dictionary<string, Check> ByName = CheckList.All.ToDictionary(check => check.Name);

    /// <summary>Device and check by name: strings alone, so that every case is one of its own.</summary>
    public static TheoryData<string, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, string>();
            foreach (string device in CheckedDevice.Names)
            {
                foreach (Check check in CheckList.All)
                {
                    if (check.NeedsDevice || device == CheckedDevice.Names[0]) cases.Add(device, check.Name);
                }
            }
            return cases;
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Cases))]
    public void Holds(string device, string check)
    {
        try
        {
            double ratio = ByName[check].Run(devices[device]);
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{ratio:F3} of the bound"));
        }
        catch (CheckSkippedException skipped)
        {
            Skip.If(true, skipped.Message);
        }
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
