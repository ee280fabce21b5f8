using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using WavLM.Cuda.AbiProbe;
using WavLM.Cuda.Backends.Cuda.Interop;
using WavLM.Cuda.Native;
using WavLM.Cuda.Tests.Cuda;

namespace WavLM.Cuda.Tests.Abi;

/// <summary>The bindings against the genuine headers of CUDA 11.8, 12.8 and 13.0. Nothing is loaded.</summary>
public sealed partial class BindingsTests
{
    // The plain name stands for a newer entry in later headers, and the older one, whose arguments are those of 11.8, is still exported.
    private static readonly string[] OlderEntries = ["cuEventElapsedTime"];

    private static readonly Type[] Types = [.. typeof(Driver).Assembly.GetTypes().Where(type => type.Namespace == typeof(Driver).Namespace && !type.IsNested)];

    // Macros in the header, an argument without any value in use, and an enum of our own.
    private static readonly Type[] NoHeaderEnum = [typeof(CuMemHostAllocFlags), typeof(CuGraphInstantiateFlags), typeof(CudaErrorFamily)];

    // Enums whose every member may come back, so that all of them must be known.
    private static readonly Type[] ResultCodes = [typeof(CuResult), typeof(NvrtcResult), typeof(CublasStatus)];

    public static TheoryData<string> Enums => [.. Types.Where(type => type.IsEnum).Except(NoHeaderEnum).Select(type => type.Name)];

    public static TheoryData<string> Structs => [.. Types.Where(type => type.IsValueType && !type.IsEnum).Select(type => type.Name)];

    [Fact]
    public void Every_driver_import_is_the_entry_that_all_headers_mean()
    {
        Assert.NotEmpty(Imports.ByLibrary[CudaLibraries.Driver]);
        foreach (string import in Imports.ByLibrary[CudaLibraries.Driver])
        {
            string plain = VersionSuffix().Replace(import, "");
            foreach (AbiHeaders headers in AbiHeaders.All.Where(headers => headers.Version == "11.8" || !OlderEntries.Contains(import)))
                Assert.True(headers.SymbolOf(plain) == import, $"{import}: {plain} is {headers.SymbolOf(plain)} in CUDA {headers.Version}");
            Assert.True(AbiHeaders.DriverExports.Contains(import), $"{import} is not in libcuda 535");
        }
    }

    [Theory]
    [InlineData(CudaLibraries.Nvrtc, "libnvrtc")]
    [InlineData(CudaLibraries.CublasLt, "libcublasLt")]
    public void Every_other_import_is_exported_by_all_versions(string key, string library)
    {
        Assert.NotEmpty(Imports.ByLibrary[key]);
        foreach (AbiHeaders headers in AbiHeaders.All)
            Assert.Empty(Imports.ByLibrary[key].Except(headers.ExportsOf(library)));
    }

    [Theory]
    [MemberData(nameof(Enums))]
    public void Every_member_has_the_value_it_has_in_all_headers(string name)
    {
        Type type = Named(name);
        bool anyMayCome = ResultCodes.Contains(type);
        Dictionary<string, long> ours = Members(type);
        Assert.NotEmpty(ours);
        foreach (AbiHeaders headers in AbiHeaders.All)
        {
            Dictionary<string, long> theirs = headers.Enums.Single(header => Plain(header.Key) == Plain(name)).Value;
            foreach ((string member, long value) in ours)
            {
                Assert.True(theirs.ContainsKey(member) || anyMayCome, $"{member} is not in CUDA {headers.Version}");
                if (theirs.TryGetValue(member, out long expected)) Assert.True(expected == value, $"{member} is {expected} in CUDA {headers.Version}, and {value} here");
            }
            if (anyMayCome) Assert.Empty(theirs.Keys.Except(ours.Keys));
        }
        if (anyMayCome) Assert.Empty(ours.Keys.Except(AbiHeaders.All.SelectMany(headers => headers.Enums.Single(header => Plain(header.Key) == Plain(name)).Value.Keys)));
        Assert.Equal(sizeof(int), Marshal.SizeOf(Enum.GetUnderlyingType(type)));   // as in C
    }

    [Fact]
    public void Flags_that_are_no_enum_in_the_headers_have_the_width_of_their_argument_and_none_is_set()
    {
        Assert.Equal(sizeof(uint), sizeof(CuMemHostAllocFlags));
        Assert.Equal(["None"], Enum.GetNames<CuMemHostAllocFlags>());
        Assert.Equal(sizeof(ulong), sizeof(CuGraphInstantiateFlags));   // unsigned long long flags
        Assert.Equal(["None"], Enum.GetNames<CuGraphInstantiateFlags>());
    }

    [Theory]
    [MemberData(nameof(Structs))]
    public void Every_structure_is_as_large_as_in_all_headers_and_its_fields_lie_where_they_do(string name)
    {
        Type type = Named(name);
        Assert.True(type.IsExplicitLayout);
        FieldInfo[] fields = type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic);
        foreach (AbiHeaders headers in AbiHeaders.All)
        {
            Dictionary<string, int> theirs = headers.Structs[name];
            Assert.Equal(theirs["size"], Marshal.SizeOf(type));
            bool opaque = theirs.Count == 1;
            foreach (FieldInfo field in fields)
                Assert.Equal(opaque ? 0 : theirs[field.Name], field.GetCustomAttribute<FieldOffsetAttribute>()!.Value);
        }
    }

    [SkippableFact]
    public void The_emulated_device_exports_what_is_imported_and_nothing_else()
    {
        string[] exports = ExportsOf(Path.Combine(Needed.EmulatedDevice, EmulatedDevice.Library));
        Assert.Contains("emu_version", exports);
        Assert.Equal(Imports.ByLibrary.Values.SelectMany(imports => imports).Order(StringComparer.Ordinal), exports.Where(IsOfNvidia).Order(StringComparer.Ordinal));
    }

    private static string[] ExportsOf(string library)
    {
        using Process nm = Process.Start(new ProcessStartInfo("nm", ["-D", "--defined-only", library]) { RedirectStandardOutput = true })!;
        string[] lines = nm.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        nm.WaitForExit();
        Assert.Equal(0, nm.ExitCode);
        return [.. lines.Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Where(fields => fields[^2] is "T" or "W").Select(fields => fields[^1])];
    }

    // The rest of its exports are what kernels that were compiled for it call.
    private static bool IsOfNvidia(string symbol) => symbol.StartsWith("cu", StringComparison.Ordinal) || symbol.StartsWith("nvrtc", StringComparison.Ordinal);

    private static Type Named(string name) => Types.Single(type => type.Name == name);

    private static Dictionary<string, long> Members(Type type)
        => type.GetEnumNames().ToDictionary(name => name, name => Convert.ToInt64(Enum.Parse(type, name), CultureInfo.InvariantCulture));

    // CuDeviceAttribute is CUdevice_attribute, CublasStatus is cublasStatus_t.
    private static string Plain(string name) => TypeSuffix().Replace(name, "").Replace("_", "").ToLowerInvariant();

    [GeneratedRegex(@"_v\d+$")]
    private static partial Regex VersionSuffix();

    [GeneratedRegex("_t$")]
    private static partial Regex TypeSuffix();
}
