using WavLM.Cuda.Bench.Results;
using WavLM.Cuda.Tests.Cli;

namespace WavLM.Cuda.Tests.Bench;

/// <summary>`wavlm bench report`: the page it writes, and what a browser makes of it.</summary>
public sealed class BenchReportCommandTests : IDisposable
{
    private static readonly (string Plot, string[] Series)[] Plots =
    [
        ("roofline", ["fp16", "bf16", "fp32"]),
        ("stages", ["measured", "least"]),
        ("peers", ["ours"]),
    ];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [SkippableFact]
    public void A_browser_draws_every_plot_without_errors()
    {
        var drawn = DrawnReport.Of(Write(), _folder);

        Assert.Empty(drawn.Faults(Plots));
    }

    [SkippableFact]
    public void A_browser_draws_the_comparison()
    {
        string a = _folder.File("a.json"), b = _folder.File("b.json"), page = _folder.File("comparison.html");
        new InventedResults(1).Kernels().Write(a);
        BenchResults later = new InventedResults(2).Kernels(slowed: 3);
        (later with { Measurements = [.. later.Measurements.Select(m => m.Name == "k5" ? m with { Seconds = [.. m.Seconds.Select(s => s / 1.3)] } : m)] }).Write(b);

        Wavlm.Finished run = Wavlm.Run("bench", "compare", a, b, "--html", page);

        Assert.Equal((1, ""), (run.ExitCode, run.Error));
        Assert.Contains("1 of 50 measurements is slower: k3.", File.ReadAllText(page));
        Assert.Empty(DrawnReport.Of(page, _folder).Faults(("comparison", ["noise", "same", "slower", "faster"])));
    }

    // A check that passes whatever the page looks like would be none.
    [SkippableTheory]
    [InlineData("<circle cx=\"", "<circle cx=\"NaN", "console")]
    [InlineData("<rect class=\"least\" x=\"", "<rect class=\"least\" x=\"-9", "least")]
    [InlineData("--bf16: #e2622b", "--bf16: #fbfbf9", "bf16")]
    [InlineData(".mark { fill: var(--series)", ".mark { fill: var(--serie)", "fp32")]
    [InlineData("rect.ours {", "rect.ours { display: none;", "ours")]
    [InlineData("data-plot=\"roofline\"><figcaption>", "data-plot=\"roofline\" hidden><figcaption>", "roofline")]
    [InlineData("<svg viewBox=\"0 0 510", "<svh viewBox=\"0 0 510", "stages")]
    public void A_page_that_draws_something_else_is_noticed(string right, string wrong, string fault)
    {
        string page = Write(), text = File.ReadAllText(page);
        Assert.Contains(right, text);
        File.WriteAllText(page, text.Replace(right, wrong, StringComparison.Ordinal));

        Assert.Contains(DrawnReport.Of(page, _folder).Faults(Plots), found => found.Contains(fault, StringComparison.Ordinal));
    }

    [Fact]
    public void The_page_loads_nothing_and_texts_of_files_stay_texts()
    {
        const string Hostile = "<script>alert(1)</script>\"'&<img src=x onerror=alert(2)>";
        Measurement named = new("kernels", Hostile, Hostile, Hostile) { Runner = Hostile, Shape = Hostile, Seconds = [1e-3], Bytes = 1e6, Flops = 1e6, Ceiling = Hostile, AudioSeconds = 1, Stages = [new(Hostile, 1e-3)] };
        BenchResults hostile = new(Hostile, Hostile, new(Hostile, Hostile, Hostile, 1) { Version = Hostile })
        {
            Ceilings = [new(Hostile, "flop", 1e12), new("copy", Hostile, 1e12)],
            Measurements = [named, named with { Group = "peers" }, named with { Group = "ops", Seconds = [], NotTimed = Hostile }],
            Notes = [Hostile],
        };

        string page = File.ReadAllText(Write(hostile));

        Assert.DoesNotContain("<script", page);
        Assert.DoesNotContain("<img", page);
        Assert.DoesNotContain("http", page);
        Assert.DoesNotContain("url(", page);
        Assert.DoesNotContain("@import", page);
        Assert.Contains("&lt;script&gt;alert(1)", page);
    }

    [Fact]
    public void An_emulated_devices_times_are_called_meaningless()
    {
        BenchResults kernels = PlottedResults.Kernels();

        Assert.Contains("Times of an emulated device are meaningless.", File.ReadAllText(Write(kernels with { Machine = kernels.Machine with { Emulated = true } })));
        Assert.DoesNotContain("meaningless", File.ReadAllText(Write(kernels)));
    }

    [Fact]
    public void Every_number_of_a_small_file_is_in_its_table()
    {
        Measurement norm = new("kernels", "layer_norm", "large 64x15", "fp16") { Shape = "[47936, 1024]", Seconds = [90e-6, 100e-6, 110e-6], Bytes = 2e8, Flops = 4e8 };
        BenchResults results = new("kernels", "2026-11-22T21:40:11Z", InventedResults.Machine) { Ceilings = [new("copy", "byte", 2.5e12)], Measurements = [norm] };

        string page = File.ReadAllText(Write(results));

        Assert.Contains("WavLM.Cuda on NVIDIA H100, 22 November 2026", page);
        Assert.All(["[47936, 1024]", "100 µs", "± 5.0 %", ">2,000<", ">4.00<", "80 %", "2.50 TB/s"], number => Assert.Contains(number.Replace("µ", "&#181;").Replace("±", "&#177;"), page));
    }

    [Fact]
    public void A_page_that_cannot_be_written_and_a_missing_file_are_named()
    {
        string results = _folder.File("results.json");
        PlottedResults.Kernels().Write(results);

        Wavlm.Finished nowhere = Wavlm.Run("bench", "report", results, "--out", "/nowhere/report.html"), missing = Wavlm.Run("bench", "report", _folder.File("no.json"), "--out", _folder.File("r.html"));

        Assert.All([nowhere, missing], run => Assert.Equal((2, ""), (run.ExitCode, run.Output)));
        Assert.StartsWith("wavlm: /nowhere/report.html: cannot be written", nowhere.Error);
        Assert.StartsWith($"wavlm: {_folder.File("no.json")}: cannot be read", missing.Error);
    }

    private string Write() => Write(PlottedResults.Kernels(), PlottedResults.Passes(), PlottedResults.Peers());

    private string Write(params BenchResults[] results)
    {
        string page = _folder.File("report.html");
        for (int i = 0; i < results.Length; i++) results[i].Write(_folder.File($"{i}.json"));
        Wavlm.Finished run = Wavlm.Run(["bench", "report", .. results.Select((_, i) => _folder.File($"{i}.json")), "--out", page]);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        return page;
    }
}
