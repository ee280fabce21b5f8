using System.Diagnostics;
using WavLM.Cuda.Native;

namespace WavLM.Cuda.Tests.Native;

public sealed class CudaPlacesTests : IDisposable
{
    private readonly TemporaryFolder _root = new();

    public void Dispose() => _root.Dispose();

    [Fact]
    public void Places_come_in_order_and_the_highest_toolkit_after_the_chosen_one()
    {
        foreach (string toolkit in new[] { "cuda-11.8", "cuda-12.10", "cuda-12.8", "cuda" }) Make($"usr/local/{toolkit}/lib64");
        Make("usr/local/cuda-9.2");   // no lib64 in it
        Make("usr/local/nvidia/lib64");
        string python = Python("env/bin", "env/lib/python3.11/site-packages");

        IReadOnlyList<CudaPlace> places = CudaPlaces.Of("named", python, windowsToolkit: null, _root.Path);
        Assert.Equal([$"WAVLM_CUDA_PATH=named", "the loader's folders", In("usr/local/cuda*/lib64"), In("usr/local/nvidia/lib*"), In("env/lib/python3.11/site-packages/nvidia/*/lib")], places.Select(place => place.Label));
        Assert.Equal([In("usr/local/cuda/lib64"), In("usr/local/cuda-12.10/lib64"), In("usr/local/cuda-12.8/lib64"), In("usr/local/cuda-11.8/lib64")], places[2].Folders!);
        Assert.Equal([In("usr/local/nvidia/lib64")], places[3].Folders!);
        Assert.Equal([In("env/lib/python3.11/site-packages/nvidia/cu13/lib"), In("env/lib/python3.11/site-packages/nvidia/cublas/lib")], places[4].Folders!);
        Assert.Equal([true, false, false, false, false], places.Select(place => place.Named));
    }

    [Fact]
    public void A_link_leads_to_the_packages_of_the_python_behind_it_but_not_out_of_a_virtual_environment()
    {
        string python = Python("opt/python/bin", "opt/python/lib/python3.12/site-packages");
        Make("bin");
        File.CreateSymbolicLink(In("bin/python3"), Path.Combine(python, "python3"));
        Assert.Equal([In("opt/python/lib/python3.12/site-packages")], PythonPackages.Folders(In("bin")));

        Make("env/bin");
        File.WriteAllText(In("env/pyvenv.cfg"), "");
        File.CreateSymbolicLink(In("env/bin/python3"), Path.Combine(python, "python3"));
        Make("env/lib/python3.12/site-packages");
        Assert.Equal([In("env/lib/python3.12/site-packages")], PythonPackages.Folders(In("env/bin")));
    }

    [Fact]
    public void A_pyenv_script_leads_to_the_version_it_would_choose()
    {
        string shims = Python("pyenv/shims", "pyenv/versions/3.11.7/lib/python3.11/site-packages");
        File.WriteAllText(In("pyenv/version"), "3.11.7\n");
        Assert.Equal([In("pyenv/versions/3.11.7/lib/python3.11/site-packages")], PythonPackages.Folders(shims));
    }

    [Fact]
    public void Debians_own_folder_of_packages_is_known()
    {
        Python("bin", "lib/python3/dist-packages");
        Make("lib/python3.11/site-packages");
        Assert.Equal([In("lib/python3/dist-packages"), In("lib/python3.11/site-packages")], PythonPackages.Folders(In("bin")));
    }

    [Fact]
    public void Looking_around_this_machine_takes_no_second()
    {
        long started = Stopwatch.GetTimestamp();
        Assert.NotEmpty(CudaPlaces.OfThisMachine());
        Assert.InRange(Stopwatch.GetElapsedTime(started).TotalSeconds, 0, 1);
    }

    private string In(string path) => Path.Combine(_root.Path, path);

    private void Make(string folder) => Directory.CreateDirectory(In(folder));

    /// <summary>A python3 with NVIDIA's wheels.</summary>
    private string Python(string bin, string packages)
    {
        Make(bin);
        File.WriteAllText(Path.Combine(In(bin), "python3"), "");
        Make($"{packages}/nvidia/cublas/lib");
        Make($"{packages}/nvidia/cu13/lib");
        Make($"{packages}/nvidia/cuda_nvcc/bin");
        return In(bin);
    }
}
