using System.Globalization;
using System.Runtime.CompilerServices;

namespace WavLM.Cuda.Tests.Cuda;

[CollectionDefinition(EmulatedDevice.Collection, DisableParallelization = true)]   // its tests look for threads and memory that were left, too
public sealed class EmulatedDeviceTests : ICollectionFixture<EmulatedDeviceTests.Compilations>
{
    // Before any test loads the driver.
    [ModuleInitializer]
    internal static void PointTheEngineAtIt() => EmulatedDevice.PointTheEngineAtIt();

    /// <summary>What the device's compiler did for the tests of this process, left beside them for tests/run.sh to print.</summary>
    public sealed class Compilations : IDisposable
    {
        public void Dispose()
        {
            if (EmulatedDevice.Folder is null) return;
            File.WriteAllText(
                Path.Combine(AppContext.BaseDirectory, "compiled.txt"),
                string.Create(CultureInfo.InvariantCulture, $"{EmulatedDevice.Count("compiles")} kernels compiled for the emulated device in {EmulatedDevice.CompileSeconds():0.0} s, {EmulatedDevice.Count("compiles_reused")} kept from before\n"));
        }
    }
}
