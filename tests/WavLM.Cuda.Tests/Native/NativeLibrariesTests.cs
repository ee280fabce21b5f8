using System.Runtime.InteropServices;
using WavLM.Cuda.Audio.Interop;
using WavLM.Cuda.Native;

namespace WavLM.Cuda.Tests.Native;

public class NativeLibrariesTests
{
    [Theory]
    [InlineData("c")]
    [InlineData("dnnl")]
    [InlineData("gomp")]
    [InlineData("sndfile")]
    [InlineData("soxr")]
    public void A_key_of_the_table_leads_to_a_library(string key)
        => Assert.NotEqual(0, NativeLibraries.Resolve(key, typeof(NativeLibraries).Assembly, null));

    [Fact]
    public void A_name_that_is_not_owned_is_left_to_the_runtime()
        => Assert.Equal(0, NativeLibraries.Resolve("libSystem.Native", typeof(NativeLibraries).Assembly, null));

    [Fact]
    public void What_is_missing_is_named_with_every_path_tried_and_its_package()
    {
        using TemporaryFolder folder = new();
        string broken = folder.File("libnothing.so.7");
        File.WriteAllText(broken, "no library");

        NativeLibraryException error = Assert.Throws<NativeLibraryException>(() => NativeLibraries.Load(new("libnothing.so.7", "libnothing7"), folder.Path));
        Assert.Contains("libnothing.so.7 could not be loaded", error.Message);
        Assert.Contains($"{broken}: ", error.Message);
        Assert.Contains("the loader's folders for libnothing.so.7: ", error.Message);
        Assert.Contains("apt-get install libnothing7", error.Message);

        error = Assert.Throws<NativeLibraryException>(() => NativeLibraries.Load(new("libnothing.so.7", "libnothing7"), "/nowhere"));
        Assert.Contains("/nowhere/libnothing.so.7: no such file", error.Message);
    }

    [Fact]
    public unsafe void Structures_are_laid_out_as_in_C()
    {
        Assert.Equal(32, sizeof(SF_INFO));
        Assert.Equal(28, Marshal.OffsetOf<SF_INFO>(nameof(SF_INFO.seekable)) + sizeof(int));
        Assert.Equal(48, sizeof(soxr_quality_spec_t));
        // 28 bits is what the library's very high quality means: the structure came back whole.
        soxr_quality_spec_t quality = Soxr.soxr_quality_spec(Soxr.SOXR_VHQ, 0);
        Assert.Equal((28.0, 50.0, 1.0), (quality.precision, quality.phase_response, quality.stopband_begin));
    }
}
