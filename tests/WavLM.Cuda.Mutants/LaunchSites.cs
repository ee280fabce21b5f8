using System.Text.RegularExpressions;

namespace WavLM.Cuda.Mutants;

/// <summary>A site whose change is switched on while the program runs: what is put before and behind it, given its number.</summary>
internal sealed record LaunchSite(Site Site, Func<int, string> Prefix, string Suffix);

/// <summary>
/// What can be changed in the C# that launches kernels: waits, grids, numbers of rows, tables, roundings. Found in its text alone,
/// and changed by putting calls of <see cref="SwitchClass"/> around it.
/// </summary>
internal sealed partial class LaunchSites(SourceText source)
{
    /// <summary>Every site of a source.</summary>
    public static IEnumerable<LaunchSite> Of(string file, string text) => new LaunchSites(SourceText.OfCSharp(file, text)).All();

    private IEnumerable<LaunchSite> All() => [.. Waits(), .. Grids(), .. Counts(), .. Tables(), .. Roundings()];

    private IEnumerable<LaunchSite> Waits()
    {
        foreach (Match wait in Wait().Matches(source.Code))
        {
            // A body that is nothing else is what others call.
            if (source.Code[..wait.Index].TrimEnd().EndsWith("=>", StringComparison.Ordinal)) continue;
            yield return At("wait", wait.Index, wait.Index + wait.Length, "", static number => $"if (!Mutant.Is({number})) ", "");
        }
    }

    private IEnumerable<LaunchSite> Grids()
    {
        foreach (Match grid in GridMade().Matches(source.Code))
        {
            int opening = grid.Index + grid.Length - 1, end = source.Behind(opening);
            yield return At("grid", grid.Index, end, "a block fewer in x", static number => $"Mutant.FewerInX({number}, ", ")");
            if (grid.Value.StartsWith("new", StringComparison.Ordinal) && Arguments(opening).Count() > 1)
                yield return At("grid", grid.Index, end, "a block fewer in y", static number => $"Mutant.FewerInY({number}, ", ")");
        }
    }

    // Numbers that a launch, a product or a copy is given.
    private IEnumerable<LaunchSite> Counts()
    {
        foreach (Match call in Call().Matches(source.Code))
        {
            foreach ((int start, int end) in Arguments(call.Index + call.Length - 1))
            {
                if (Number().IsMatch(source.Code[start..end])) yield return OneLess("count", start, end);
            }
        }
    }

    private IEnumerable<LaunchSite> Tables()
    {
        foreach (Match entry in TableEntry().Matches(source.Code))
        {
            foreach ((int start, int end) in Arguments(entry.Index + entry.Length - 1))
            {
                if (!source.Code[start..end].EndsWith("Address", StringComparison.Ordinal)) yield return OneLess("table", start, end);
            }
        }
    }

    private IEnumerable<LaunchSite> Roundings()
    {
        foreach (Match ceiling in Ceiling().Matches(source.Code))
        {
            Group rest = ceiling.Groups["rest"];
            yield return At("rounding", rest.Index, rest.Index + rest.Length, "0", static number => $"Mutant.Nothing({number}, ", ")");
        }
        foreach (Match call in Rounded().Matches(source.Code))
        {
            if (source.WordBefore(call.Index) is "" or "return") yield return OneLess("rounding", call.Index, source.Behind(call.Index + call.Length - 1));
        }
    }

    /// <summary>Where the arguments behind a bracket begin and end.</summary>
    private IEnumerable<(int Start, int End)> Arguments(int opening)
    {
        int start = opening + 1, last = source.Behind(opening) - 1;
        for (int i = start; i <= last; i++)
        {
            if (i < last && source.Code[i] is '(' or '[' or '{') i = source.Behind(i);
            if (i < last && source.Code[i] != ',') continue;
            int first = start, end = i;
            while (first < end && char.IsWhiteSpace(source.Code[first])) first++;
            if (first < end) yield return (first, end);
            start = i + 1;
        }
    }

    private LaunchSite OneLess(string kind, int start, int end)
        => At(kind, start, end, $"{source.Code[start..end]} - 1", static number => $"Mutant.OneLess({number}, ", ")");

    private LaunchSite At(string kind, int start, int end, string after, Func<int, string> prefix, string suffix)
        => new(new(source.File, source.LineOf(start), kind, source.FunctionAt(start), source.Code[start..end], after, start, end - start), prefix, suffix);

    [GeneratedRegex(@"(?<![\w.])(?:(?:\w+\.)+(?:Wait|Record|Finish)\([\w.]*\);|(?:\w+\.)*(?:Synchronize|Trim)\(\);|_ = Driver\.cu\w+Synchronize\([^;]*\);)")]
    private static partial Regex Wait();

    [GeneratedRegex(@"\b(?:new Grid|Grid\.Over)\(")]
    private static partial Regex GridMade();

    [GeneratedRegex(@"\.(?:Launch|Run|Copy|CopyToHost)\(")]
    private static partial Regex Call();

    [GeneratedRegex(@"^(?:[\w.!]+\.(?:Rows|Columns|Count)|\w*(?:[rR]ows|[cC]ount|[cC]hunks|[bB]ytes)|first\w+|RowsOf\(\w+\)|checked\(\(int\)[\w.]+\))$")]
    private static partial Regex Number();

    [GeneratedRegex(@"\] = new\(")]
    private static partial Regex TableEntry();

    [GeneratedRegex(@" \+ (?<rest>(?<divisor>[\w.]+) - 1)\) / \k<divisor>\b")]
    private static partial Regex Ceiling();

    [GeneratedRegex(@"\b(?:\w+\.)*(?:RowsOfCall|RowsOfProduct|CeilingOf)\(|\bMath\.Max\((?=[^;]*readableRows\))")]
    private static partial Regex Rounded();
}
