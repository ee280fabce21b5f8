using WavLM.Cuda.Mutants;

namespace WavLM.Cuda.Tests.Mutants;

/// <summary>What make mutants changes is found in a source's text, and in its code alone.</summary>
public sealed class SitesTests
{
    private const string Kernel = """
        // if (row < rows) __syncthreads(); x[row] = y[row];
        #include "common/warp.cuh"
        constexpr int HALF = C <= 64 ? C : 64;   /* if (a < b) */
        static_assert(C >= 1, "a < b");

        extern "C" __global__ void __launch_bounds__(32)
        scale(const float* __restrict__ x, float* y, long long rows)
        {
            __shared__ float parts[32], others[32][2];
            const long long row = blockIdx.x;
            if (row >= rows) return;
            float values[4] = {};
            for (int i = 0; i < 4; i++) values[i] = x[row * C + i];
            for (int i = threadIdx.x; i < C; i += 32) parts[i] = i < C && row > 0 ? *(x + row) : 0.0f;
            copy_async_commit();
            copy_async_wait<1>();
            __syncthreads();   // __syncwarp()
            for (int distance = 16; distance > 0; distance /= 2) values[0] += __shfl_xor_sync(0xffffffffu, values[0], distance);
        #ifdef CUDA_ON_CPU
            if (row < 3) __syncwarp();
        #else
            asm volatile("x < y");
        #endif
            if (threadIdx.x == 0) y[row] = others[0][1];
            for (int lanes = 1; lanes < 4; lanes *= 2) values[0] += __shfl_xor_sync(mask, values[0], lanes);
        }
        """;

    private const string Launch = """
        internal sealed class Backend
        {
            // _stream.Synchronize();
            public void Scale<T>(Tensor x, Tensor y, int chunks)
                where T : unmanaged
            {
                long tiles = (x.Rows + Tile - 1) / Tile;
                _scales[x.Columns].Launch(_stream, new Grid(Grid.Over(x.Rows, 4).X, chunks), x, y, x.Rows, "x.Rows, 3");
                if (y.Rows > 0) _stream.Synchronize();
            }

            public void Synchronize() => _stream.Synchronize();
        }
        """;

    [Fact]
    public void In_a_kernel()
    {
        string[] changes = [.. KernelSites.Of("scale.cu", Kernel).Select(static site => $"{site.Line} {site.Kind}: {site.Before} -> {site.After}").Order(StringComparer.Ordinal)];
        Assert.Equal(
            [
                "11 bound: row >= rows -> row > rows",
                "11 guard: row >= rows -> false",
                "13 index: x[row * C + i] -> x[(row * C + i) + 1]",
                "14 bound: i < C -> i <= C",   // the loop's
                "14 bound: i < C -> i <= C",
                "14 bound: row > 0 -> row >= 0",
                "14 index: parts[i] -> parts[i + 1]",
                "14 index: x +  -> x + 1 + ",
                "14 mask: i < C -> true",
                "14 mask: row > 0 -> true",
                "15 commit: copy_async_commit(); -> ;",
                "16 wait: copy_async_wait<1>(); -> copy_async_wait<2>();",
                "17 barrier: __syncthreads(); -> ;",
                "18 shuffle: 0xffffffffu -> 0x7fffffffu",
                "18 shuffle: 16 -> (16) / 2",
                "24 index: others[0] -> others[0 + 1]",
                "24 index: others[0][1] -> others[0][1 + 1]",
                "24 index: y[row] -> y[row + 1]",
                "24 mask: threadIdx.x == 0 -> true",
                "25 bound: lanes < 4 -> lanes <= 4",
                "25 shuffle: 1 -> (1) * 2",
            ],
            changes);
    }

    [Fact]
    public void In_the_code_that_launches()
    {
        LaunchSite[] sites = [.. LaunchSites.Of("Backend.cs", Launch)];
        Assert.Equal(
            [
                "Scale 7 rounding: Tile - 1 -> 0",
                "Scale 8 count: x.Rows -> x.Rows - 1",
                "Scale 8 grid: Grid.Over(x.Rows, 4) -> a block fewer in x",
                "Scale 8 grid: new Grid(Grid.Over(x.Rows, 4).X, chunks) -> a block fewer in x",
                "Scale 8 grid: new Grid(Grid.Over(x.Rows, 4).X, chunks) -> a block fewer in y",
                "Scale 9 wait: _stream.Synchronize(); -> ",
            ],
            sites.Select(static site => $"{site.Site.Function} {site.Site.Line} {site.Site.Kind}: {site.Site.Before} -> {site.Site.After}").Order(StringComparer.Ordinal));

        string switched = SwitchedProduct.WithSwitches(Launch, sites.OrderBy(static site => site.Site.Start).ThenBy(static site => site.Site.After, StringComparer.Ordinal).Select(static (site, number) => (site, number)));
        Assert.Contains("(x.Rows + Mutant.Nothing(0, Tile - 1)) / Tile;", switched, StringComparison.Ordinal);
        Assert.Contains(
            ".Launch(_stream, Mutant.FewerInX(1, Mutant.FewerInY(2, new Grid(Mutant.FewerInX(3, Grid.Over(x.Rows, 4)).X, chunks))), x, y, Mutant.OneLess(4, x.Rows), \"x.Rows, 3\");",
            switched, StringComparison.Ordinal);
        Assert.Contains("if (y.Rows > 0) if (!Mutant.Is(5)) _stream.Synchronize();", switched, StringComparison.Ordinal);
    }

    [Fact]
    public void A_sites_key_does_not_change_with_the_lines_around_it()
    {
        Site[] sites = Site.Numbered(KernelSites.Of("scale.cu", Kernel)), further = Site.Numbered(KernelSites.Of("scale.cu", "// more\n\n" + Kernel));
        Assert.Equal(sites.Select(static site => site.Key), further.Select(static site => site.Key));
        Assert.Distinct(sites.Select(static site => site.Key));
        Assert.Contains("scale.cu scale: `i < C` -> `i <= C` #2", sites.Select(static site => site.Key));
    }

    [Fact]
    public void The_real_sources_have_sites_of_every_kind()
    {
        Site[] sites = Site.Numbered(KernelTexts.Sites);
        Assert.Equal(["barrier", "bound", "commit", "guard", "index", "mask", "shuffle", "wait"], sites.Select(static site => site.Kind).Distinct().Order(StringComparer.Ordinal));
        Assert.Distinct(sites.Select(static site => site.Key));
    }

    [Fact]
    public void Equivalent_mutants_are_listed_with_a_proof_each()
    {
        Equivalents equivalents = Equivalents.Parse("# Title\n\nIntroduction.\n\n### a: `1` -> `2`\n### b: `1` -> `2`\nBoth are\nthe same.\n\n### c: `1` -> `2`\nSo is this.\n");
        Assert.Equal(["a: `1` -> `2`", "b: `1` -> `2`", "c: `1` -> `2`"], equivalents.Keys);
        Assert.Contains("c: `1` -> `2`: there is no proof", Assert.Throws<FormatException>(static () => Equivalents.Parse("### c: `1` -> `2`\n\n")).Message, StringComparison.Ordinal);
        Assert.Contains("listed twice", Assert.Throws<FormatException>(static () => Equivalents.Parse("### c\nProof.\n### c\nProof.\n")).Message, StringComparison.Ordinal);
    }
}
