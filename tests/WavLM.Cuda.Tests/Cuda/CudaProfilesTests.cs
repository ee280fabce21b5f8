using WavLM.Cuda.Checks;

namespace WavLM.Cuda.Tests.Cuda;

/// <summary>Every check once more, on other devices, in another order of the streams, and with copies that arrive early: make test-long.</summary>
[Collection(EmulatedDevice.Collection)]
[Trait("Category", "Long")]
public sealed class CudaProfilesTests
{
    [Theory]
    [InlineData(86, 1, true)]
    [InlineData(89, 5, false)]
    [InlineData(90, 6, true)]
    public void Every_check_holds(int architecture, int schedule, bool copiesEarly)
    {
        EmulatedDevice.Reset();
        EmulatedDevice.SetProfile(architecture);
        EmulatedDevice.SetSchedule(schedule);
        EmulatedDevice.SetCopyAsync(copiesEarly);
        using CheckedDevice device = CheckedDevice.Named("cuda");
        List<string> failures = [];
        foreach (Check check in CheckList.All.Where(check => check.NeedsDevice && CheckedDevice.Has(device.Name, check.Precision)))
        {
            try
            {
                check.Run(device);
            }
            catch (CheckFailedException e)
            {
                failures.Add(e.Message);
            }
        }
        Assert.Empty(failures);
        Assert.Empty(EmulatedDevice.Reports());
    }
}
