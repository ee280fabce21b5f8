using System.Globalization;
using WavLM.Cuda.Bench.Comparison;
using WavLM.Cuda.Bench.Results;

namespace WavLM.Cuda.Bench.Report;

/// <summary>Files of measurements as one page that loads nothing: plots are drawn here, as SVG, and there are no scripts.</summary>
/// <param name="files">Each with its path.</param>
/// <param name="comparison">Of the two files, if they are compared.</param>
/// <param name="comparisonText">Its sentences.</param>
internal sealed class HtmlReport(IReadOnlyList<(string Path, BenchResults Results)> files, ResultsComparison? comparison = null, ComparisonText? comparisonText = null)
{
    private readonly MarkupWriter _page = new();

    /// <summary>Writes the page, or replaces it whole.</summary>
    /// <exception cref="BenchException">It cannot be written.</exception>
    public void Write(string path)
    {
        string unfinished = path + ".unfinished", markup = Markup();
        try
        {
            File.WriteAllText(unfinished, markup);
            File.Move(unfinished, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BenchException($"{path}: cannot be written: {e.Message}", e);
        }
    }

    private string Markup()
    {
        string devices = string.Join(" and ", files.Select(file => file.Results.Machine.Device).Distinct());
        _page.WriteConstant("""<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">""");
        _page.Write($"<title>{$"WavLM.Cuda on {devices}, {Day(files[0].Results.Date)}"}</title><style>");
        _page.WriteConstant(ReportStyle.Sheet);
        _page.WriteConstant("</style></head><body>");
        _page.Write($"<header><h1>{$"WavLM.Cuda on {devices}"}</h1>");
        List<Machine> machines = [.. files.Select(file => file.Results.Machine).DistinctBy(Facts)];
        if (machines.Count == 1) WriteMachine(files[0].Results);
        if (machines.TrueForAll(m => m.Emulated)) _page.WriteConstant("""<p class="banner">Times of an emulated device are meaningless.</p>""");
        _page.WriteConstant("</header>");
        if (comparison is not null) ComparisonSection.Write(_page, comparison, comparisonText!);
        for (int i = 0; i < files.Count; i++) WriteFile(i, ofItsOwnMachine: machines.Count > 1);
        _page.WriteConstant("</body></html>");
        return _page.ToString();
    }

    private static (string Device, string DeviceSet, string Processor, int Threads, string Version, bool Emulated) Facts(Machine m) => (m.Device, m.DeviceSet, m.Processor, m.Threads, m.Version, m.Emulated);

    private void WriteMachine(BenchResults results)
    {
        Machine machine = results.Machine;
        string version = machine.Version.Length > 0 ? $"Version {machine.Version}, " : "";
        _page.Write($"""<p class="sub">{version}{Minute(results.Date)}</p><dl>""");
        if (machine.Processor != machine.Device) _page.Write($"<dt>Processor</dt><dd>{machine.Processor}</dd>");
        _page.Write($"<dt>Threads</dt><dd>{machine.Threads}</dd><dt>Load before</dt><dd>{Units.Plain(machine.LoadAverage)}</dd>");
        if (machine.DeviceSet.Length > 0) _page.Write($"<dt>Libraries</dt><dd>{machine.DeviceSet}</dd>");
        _page.WriteConstant("</dl>");
    }

    private void WriteFile(int index, bool ofItsOwnMachine)
    {
        (string path, BenchResults results) = files[index];
        string letter = comparison is null ? "" : index == 0 ? "A: " : "B: ";
        _page.Write($"""<section><h2>{letter}{Title(results.Command)}</h2><p class="sub">{Path.GetFileName(path)}, {Minute(results.Date)}</p>""");
        if (ofItsOwnMachine)
        {
            _page.Write($"<h3>{results.Machine.Device}</h3>");
            WriteMachine(results);
            if (results.Machine.Emulated) _page.WriteConstant("""<p class="banner">Times of an emulated device are meaningless.</p>""");
        }
        WriteCeilings(results.Ceilings);
        foreach (string note in results.Notes) _page.Write($"""<p class="note">{note}</p>""");
        foreach (IGrouping<string, Measurement> group in results.Measurements.GroupBy(m => m.Group))
        {
            List<Measurement> measurements = [.. group];
            Roofline roofline = CeilingsFor(results);
            WritePlots(group.Key, measurements, roofline);
            MeasurementTable.Write(_page, measurements, roofline);
        }
        _page.WriteConstant("</section>");
    }

    // A command that measures no ceilings is held against those of another file of the machine.
    private Roofline CeilingsFor(BenchResults results) => new(results.Ceilings.Count > 0 ? results.Ceilings
        : files.Select(file => file.Results).FirstOrDefault(other => other.Ceilings.Count > 0 && Facts(other.Machine) == Facts(results.Machine))?.Ceilings ?? []);

    private void WriteCeilings(IReadOnlyList<Ceiling> ceilings)
    {
        if (ceilings.Count == 0) return;
        _page.WriteConstant("""<div class="tiles">""");
        foreach (Ceiling ceiling in ceilings) _page.Write($"<div><b>{Units.Rate(ceiling.PerSecond, ceiling.Unit)}</b><span>{ceiling.Name}, measured</span></div>");
        _page.WriteConstant("</div>");
    }

    private void WritePlots(string group, List<Measurement> measurements, Roofline roofline)
    {
        if (group == "peers")
        {
            foreach (IGrouping<string, Measurement> work in measurements.GroupBy(m => $"{m.Name}, {m.Case}")) PeerPlot.Write(_page, work.Key, work);
            return;
        }
        // Base and Large have other widths: a plot each, where there are both.
        if (group is "kernels" or "ops")
            foreach (IGrouping<string, Measurement> model in measurements.GroupBy(m => m.Case.Split(' ')[0])) RooflinePlot.Write(_page, model, roofline, $"Roofline, {model.Key}");
        List<Measurement> passes = [.. measurements.Where(m => m.Stages.Count > 0)];
        if (passes.Count == 0) return;
        _page.WriteConstant("""<h3>Where the time goes</h3>""");
        if (passes.Any(m => m.Stages.Any(s => roofline.LeastSeconds(s) is not null))) StagePlot.WriteLegend(_page);
        _page.WriteConstant("""<div class="pair">""");
        foreach (Measurement m in passes) StagePlot.Write(_page, m, roofline);
        _page.WriteConstant("</div>");
    }

    private static string Title(string command) => command switch
    {
        "kernels" => "Kernels",
        "ops" => "Operations on the CPU",
        "encode" => "Whole passes",
        "files" => "From files to features",
        "peers" => "Beside other engines",
        _ => command,
    };

    private static string Minute(string date) => Formatted(date, "d MMMM yyyy, HH:mm 'UTC'");

    private static string Day(string date) => Formatted(date, "d MMMM yyyy");

    private static string Formatted(string date, string format)
        => DateTimeOffset.TryParse(date, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset at) ? at.ToUniversalTime().ToString(format, CultureInfo.InvariantCulture) : date;
}
