using WavLM.Cuda.Tests.Cuda;
using Xunit.Abstractions;

namespace WavLM.Cuda.Tests.Abi;

/// <summary>The bindings called against NVIDIA's own libraries, which load without a GPU: Debian's NVRTC 11.8, cuBLASLt 11.11 and libcuda 535.</summary>
public sealed class RealLibrariesTests(RealLibrariesTests.Answers answers, ITestOutputHelper output) : IClassFixture<RealLibrariesTests.Answers>
{
    private static readonly string Folder = Path.Combine(Path.GetDirectoryName(AbiHeaders.Folder)!, "..", "artifacts", "abi");

    private ProbeRun Probe
    {
        get
        {
            Needed.Present(File.Exists(Path.Combine(Folder, "complete")), "artifacts/abi does not lead to NVIDIA's libraries: tests/abi/fetch.sh could not get them, or was not run (make abi-check)");
            ProbeRun run = answers.Run.Value;
            output.WriteLine(run.ToString());
            return run;
        }
    }

    [SkippableFact]
    public void Each_is_found_in_the_named_folder_and_exports_every_import()
    {
        foreach (string library in new[] { "cuda", "nvrtc", "cublasLt" })
        {
            Assert.StartsWith($"lib{library}.so.", Path.GetFileName(Probe[$"{library}.path"]));
            Assert.Equal("False", Probe[$"{library}.emulated"]);
            Assert.NotEqual("0", Probe[$"{library}.imports"]);
            Assert.Equal("", Probe[$"{library}.missing"]);
        }
        Assert.InRange(int.Parse(Probe["search.ms"]), 0, 5000);   // some 60 when the files are in memory
    }

    [SkippableFact]
    public void Nvrtc_compiles_to_cubin_and_to_ptx()
    {
        Assert.Equal("11.8", Probe["nvrtc.version"]);
        Assert.EndsWith(" 80 86 87 89 90", Probe["nvrtc.architectures"]);
        foreach (string architecture in new[] { "sm_80", "sm_86" })
        {
            Assert.Equal("NVRTC_SUCCESS", Probe[$"nvrtc.{architecture}.result"]);
            Assert.Equal("7F454C46", Probe[$"nvrtc.{architecture}.cubin"]);   // an ELF file
            Assert.Equal("True", Probe[$"nvrtc.{architecture}.cubin.has_kernel"]);
            Assert.Equal($".target {architecture}", Probe[$"nvrtc.{architecture}.ptx"]);
        }
        Assert.Equal("", Probe["nvrtc.compute_80.cubin"]);
        Assert.Equal(".target sm_80", Probe["nvrtc.compute_80.ptx"]);
    }

    [SkippableFact]
    public void Nvrtc_says_what_is_wrong_with_a_source()
    {
        Assert.Equal("NVRTC_ERROR_COMPILATION", Probe["nvrtc.broken.result"]);
        Assert.Contains("kernels/probe.cu(1): error: identifier \"nowhere\" is undefined", Probe["nvrtc.broken.log"]);
        Assert.StartsWith("CudaException  NVRTC_ERROR_COMPILATION (6), ", Probe["nvrtc.broken.error"]);
        Assert.Equal("NVRTC_ERROR_INVALID_OPTION", Probe["nvrtc.option.result"]);
        Assert.Equal("NVRTC_ERROR_INVALID_OPTION", Probe["nvrtc.text"]);
    }

    [SkippableFact]
    public void The_driver_tells_its_version_and_refuses_by_code()
    {
        Assert.StartsWith("12", Probe["cuda.version"]);
        Assert.Equal("CUDA_ERROR_NOT_INITIALIZED", Probe["cuda.before_init"]);
        Skip.If(Probe["cuda.init"] == "CUDA_SUCCESS", "this machine has a device");
        Assert.Equal("CUDA_ERROR_NO_DEVICE", Probe["cuda.init"]);
        Assert.Equal("CudaException  CUDA_ERROR_NOT_INITIALIZED (3), initialization error, from Driver.cuDeviceGet(out _, 0)", Probe["cuda.call"]);
    }

    [SkippableFact]
    public void The_driver_calls_every_code_that_it_knows_by_our_name()
    {
        Assert.Equal("", Probe["cuda.codes.other"]);
        Assert.InRange(int.Parse(Probe["cuda.codes.named"]), 90, 200);
        Assert.Equal("54321", Probe["cuda.text.unknown"]);
        Assert.Contains("an illegal memory access was encountered", Probe["cuda.text"]);
        Assert.StartsWith("DeviceLostException CudaException the CUDA device was lost: CUDA_ERROR_ILLEGAL_ADDRESS (700), an illegal memory access was encountered, from ", Probe["cuda.lost"]);
        Assert.StartsWith("DeviceMemoryException CudaException the CUDA device has no memory left: CUDA_ERROR_OUT_OF_MEMORY (2), out of memory, from ", Probe["cuda.memory"]);
    }

    [SkippableFact]
    public void Calls_of_every_launch_allocate_nothing()
    {
        foreach (string call in new[] { "cuda.launch", "cuda.allocate", "cuda.free", "cublasLt.matmul" }) Assert.Equal("0", Probe[$"{call}.allocated"]);
        Assert.Equal("CUDA_ERROR_INVALID_HANDLE", Probe["cuda.launch"]);
    }

    [SkippableFact]
    public void CublasLt_makes_descriptors_and_takes_each_attribute_at_its_width_alone()
    {
        Assert.StartsWith("1111", Probe["cublasLt.version"]);
        (string Name, string Value)[] attributes = [.. Probe.Below("cublasLt.attribute.")];
        Assert.Equal(11, attributes.Length);
        Assert.All(attributes, attribute => Assert.Matches("^(8 bytes CUBLAS_STATUS_SUCCESS, 4|4 bytes CUBLAS_STATUS_SUCCESS, 2) bytes CUBLAS_STATUS_INVALID_VALUE$", attribute.Value));
    }

    [SkippableFact]
    public void CublasLt_refuses_a_handle_without_a_device()
    {
        Skip.If(Probe["cuda.init"] == "CUDA_SUCCESS", "this machine has a device");
        Assert.Equal("CUBLAS_STATUS_NOT_INITIALIZED", Probe["cublasLt.create"]);
        Assert.Equal("CUBLAS_STATUS_INVALID_VALUE", Probe["cublasLt.matmul"]);
        Assert.Equal("CUBLAS_STATUS_INVALID_VALUE", Probe["cublasLt.heuristic"]);
    }

    [SkippableFact]
    public void The_emulated_device_is_found_as_what_it_is()
    {
        ProbeRun probe = ProbeRun.On(Needed.EmulatedDevice, "find");
        foreach (string library in new[] { "cuda", "nvrtc", "cublasLt" })
        {
            Assert.Equal("True", probe[$"{library}.emulated"]);
            Assert.Equal("", probe[$"{library}.missing"]);
        }
    }

    /// <summary>One run of the probe for all tests.</summary>
    public sealed class Answers
    {
        internal Lazy<ProbeRun> Run { get; } = new(() => ProbeRun.On(Folder));
    }
}
