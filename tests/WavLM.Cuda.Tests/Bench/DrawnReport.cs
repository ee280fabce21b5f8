using System.Globalization;
using System.Text.RegularExpressions;

namespace WavLM.Cuda.Tests.Bench;

/// <summary>A report as a browser drew it: where its plots lie, and which pixels are there.</summary>
internal sealed partial class DrawnReport
{
    private const int Width = 1280;

    // Asks the browser where each plot is and each thing in it that has the colour of a series. The report itself has no scripts.
    private const string Question = """
        <script>
        const lines = ["page " + document.documentElement.scrollHeight];
        for (const plot of document.querySelectorAll("[data-plot]"))
            for (const drawn of plot.querySelectorAll("svg .mark > :not(title), svg rect, svg circle")) {
                const box = drawn.getBoundingClientRect();
                const of = drawn.closest(".mark") ?? drawn;
                lines.push(["drawn", plot.dataset.plot, of.getAttribute("class").replace("mark ", ""), box.left, box.top, box.right, box.bottom].join(" "));
            }
        const answer = document.createElement("pre");
        answer.id = "answer";
        answer.textContent = lines.join("\n");
        document.body.append(answer);
        </script>
        """;

    // The light colours of the style sheet.
    private static readonly Dictionary<string, int> Colours = new()
    {
        ["fp16"] = 0x2a78d6, ["bf16"] = 0xe2622b, ["fp32"] = 0x6a4fc3, ["other"] = 0x77766f, ["measured"] = 0xb9cfe9, ["least"] = 0x2a78d6, ["ours"] = 0x2a78d6,
        ["noise"] = 0xe4e3dc, ["same"] = 0x77766f, ["slower"] = 0xc8322f, ["faster"] = 0x11804d,
    };

    private readonly List<(string Plot, string Series, double Left, double Top, double Right, double Bottom)> _drawn = [];

    public string Console { get; private set; } = "";

    public required Png Picture { get; init; }

    public static DrawnReport Of(string path, TemporaryFolder folder)
    {
        Chromium browser = new(folder);
        string asked = folder.File("asked.html");
        File.WriteAllText(asked, File.ReadAllText(path) + Question);
        (_, string console) = browser.Load(path, Width, 900);
        string answer = Answer().Match(browser.Load(asked, Width, 900).Document).Groups[1].Value;
        string[] lines = answer.Split('\n');
        int height = lines[0].StartsWith("page ", StringComparison.Ordinal) ? int.Parse(lines[0][5..], CultureInfo.InvariantCulture) : 900;
        DrawnReport report = new() { Console = console, Picture = browser.Screenshot(path, Width, height) };
        foreach (string[] words in lines.Skip(1).Select(line => line.Split(' ')))
        {
            double[] box = [.. words[3..].Select(word => double.Parse(word, CultureInfo.InvariantCulture))];
            report._drawn.Add((words[1], words[2], box[0], box[1], box[2], box[3]));
        }
        return report;
    }

    /// <summary>What is wrong with it, for plots that must show these series.</summary>
    public IEnumerable<string> Faults(params (string Plot, string[] Series)[] expected)
    {
        if (Console.Length > 0) yield return $"the console says {Console}";
        foreach ((string plot, string[] series) in expected)
            foreach (string name in series)
            {
                var things = _drawn.Where(d => d.Plot == plot && d.Series == name).ToList();
                // Marks may cover each other; most of a series must be seen.
                int seen = things.Count(d => HasColour(d.Left, d.Top, d.Right, d.Bottom, Colours[name]));
                if (seen * 2 <= things.Count || things.Count == 0) yield return $"{plot}: {seen} of {things.Count} of {name} have their colour where they should be";
            }
    }

    private bool HasColour(double left, double top, double right, double bottom, int colour)
    {
        for (int y = (int)top; y <= bottom; y++)
            for (int x = (int)left; x <= right; x++)
                if (Picture[x, y] == colour) return true;
        return false;
    }

    [GeneratedRegex("<pre id=\"answer\">(.*?)</pre>", RegexOptions.Singleline)] private static partial Regex Answer();
}
