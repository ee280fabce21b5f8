using System.Globalization;
using System.Text.RegularExpressions;

namespace WavLM.Cuda.Mutants;

/// <summary>What can be changed in a kernel's source, found in its text alone: nobody chooses.</summary>
internal sealed partial class KernelSites(SourceText source)
{
    private const string Never = "false", Always = "true";

    /// <summary>Every site of a source under kernels/.</summary>
    public static IEnumerable<Site> Of(string file, string text) => new KernelSites(SourceText.OfKernel(file, text)).All();

    private IEnumerable<Site> All() => [.. Barriers(), .. Copies(), .. Shuffles(), .. Comparisons(), .. new KernelIndices(source).All()];

    private IEnumerable<Site> Barriers() => Barrier().Matches(source.Code).Select(match => At("barrier", match, ";"));

    private IEnumerable<Site> Copies()
    {
        foreach (Match wait in Wait().Matches(source.Code))
        {
            int pending = int.Parse(wait.Groups["pending"].Value, CultureInfo.InvariantCulture);
            yield return At("wait", wait, $"copy_async_wait<{pending + 1}>();");
        }
        foreach (Match commit in Commit().Matches(source.Code)) yield return At("commit", commit, ";");
    }

    // A tree of exchanges that leaves out its first step, and an exchange without the last lane.
    private IEnumerable<Site> Shuffles()
    {
        foreach (Match tree in Halving().Matches(source.Code)) yield return At("shuffle", tree.Groups["start"], $"({tree.Groups["start"].Value}) / 2");
        foreach (Match tree in Doubling().Matches(source.Code)) yield return At("shuffle", tree.Groups["start"], $"({tree.Groups["start"].Value}) * 2");
        foreach (Match mask in FullMask().Matches(source.Code)) yield return At("shuffle", mask, "0x7fffffffu");
    }

    private IEnumerable<Site> Comparisons()
    {
        foreach (Match match in Comparison().Matches(source.Code))
        {
            int operation = match.Index;
            if (source.Code[source.StatementAt(operation)..operation].Contains("constexpr", StringComparison.Ordinal)) continue;
            (int start, int end) = Operands(operation, operation + match.Length);
            string before = source.Code[start..end];
            (string statement, int opening) = StatementOf(operation);
            if (statement == "for" && !IsTail(opening, operation, before)) continue;
            if (match.Value is not ("==" or "!="))
            {
                string other = match.Value.EndsWith('=') ? match.Value[..1] : match.Value + "=";
                yield return At("bound", start, end, before[..(operation - start)] + other + before[(operation - start + match.Length)..]);
            }
            if (statement is "for" or "while") continue;   // without its condition a loop does not end
            bool leaves = statement == "if" && Leaving().IsMatch(source.Code, source.Behind(opening));
            yield return At(leaves ? "guard" : "mask", start, end, leaves ? Never : Always);
        }
    }

    /// <summary>Whether a loop's comparison is its condition, and bounds what follows from a batch or is spread over threads: loops
    /// over registers end at constants.</summary>
    private bool IsTail(int opening, int operation, string comparison)
    {
        string head = source.Code[(opening + 1)..operation];
        if (head.Count(static c => c == ';') != 1) return false;
        bool fromZero = LiteralStart().IsMatch(head), toConstant = !Variable().IsMatch(comparison[(comparison.IndexOfAny(['<', '>']) + 1)..]);
        return !(fromZero && toConstant) && !HalvingStart().IsMatch(source.Code, opening);
    }

    /// <summary>From where to where the operands of a comparison go, blanks around them left out.</summary>
    private (int Start, int End) Operands(int from, int to)
    {
        string code = source.Code;
        int start = from, end = to, depth = 0;
        while (start > 0)
        {
            char c = code[start - 1], next = code[start], last = start > 1 ? code[start - 2] : ' ';
            if (c is ')' or ']' or '}') depth++;
            else if (c is '(' or '[' or '{' && depth-- == 0) break;
            if (depth == 0 && (c is ';' or ',' or '?' || (c == ':' && last != ':' && next != ':') || (c is '&' or '|' && last == c) || (c == '=' && last is not ('=' or '<' or '>' or '!') && next != '='))) break;
            start--;
        }
        for (depth = 0; end < code.Length; end++)
        {
            char c = code[end], next = end + 1 < code.Length ? code[end + 1] : ' ';
            if (c is '(' or '[' or '{') depth++;
            else if (c is ')' or ']' or '}' && depth-- == 0) break;
            if (depth == 0 && (c is ';' or ',' or '?' || (c == ':' && next != ':' && code[end - 1] != ':') || (c is '&' or '|' && next == c))) break;
        }
        while (start < from && char.IsWhiteSpace(code[start])) start++;
        if (code.AsSpan(start).StartsWith("return ", StringComparison.Ordinal)) start += "return ".Length;
        while (end > to && char.IsWhiteSpace(code[end - 1])) end--;
        return (start, end);
    }

    /// <summary>The if, for or while whose condition a place lies in, and its bracket; nothing for an expression of another statement.</summary>
    private (string Statement, int Opening) StatementOf(int place)
    {
        for (int opening = source.Opening(place); opening >= 0 && source.Code[opening] != '{'; opening = source.Opening(opening))
        {
            string word = source.WordBefore(opening);
            if (source.Code[opening] == '(' && word is "if" or "for" or "while") return (word, opening);
        }
        return ("", -1);
    }

    private Site At(string kind, Capture capture, string after) => At(kind, capture.Index, capture.Index + capture.Length, after);

    private Site At(string kind, int start, int end, string after)
        => new(source.File, source.LineOf(start), kind, source.FunctionAt(start), source.Code[start..end], after, start, end - start);

    [GeneratedRegex(@"\b__sync(?:threads|warp)\s*\([^()]*\)\s*;")]
    private static partial Regex Barrier();

    [GeneratedRegex(@"\bcopy_async_wait<(?<pending>\d+)>\(\)\s*;")]
    private static partial Regex Wait();

    [GeneratedRegex(@"\bcopy_async_commit\(\)\s*;")]
    private static partial Regex Commit();

    [GeneratedRegex(@"\bfor\s*\(\s*int\s+(\w+)\s*=\s*(?<start>[^;]+);\s*\1\s*>\s*0\s*;\s*\1\s*/=\s*2\s*\)")]
    private static partial Regex Halving();

    [GeneratedRegex(@"\bfor\s*\(\s*int\s+(\w+)\s*=\s*(?<start>[1-9]\w*)\s*;[^;]*;\s*\1\s*\*=\s*2\s*\)")]
    private static partial Regex Doubling();

    [GeneratedRegex(@"\G\(\s*int\s+(\w+)\s*=\s*[^;]+;\s*\1\s*>\s*0\s*;\s*\1\s*/=\s*2\s*\)")]
    private static partial Regex HalvingStart();

    [GeneratedRegex(@"\b0xffffffffu\b")]
    private static partial Regex FullMask();

    // Of templates no bracket has a blank on both sides.
    [GeneratedRegex(@"(?<=\s)(?:<|<=|>|>=|==|!=)(?=\s)")]
    private static partial Regex Comparison();

    [GeneratedRegex(@"\G\s*(?:return|continue|break)\b")]
    private static partial Regex Leaving();

    [GeneratedRegex(@"=\s*0\s*;")]
    private static partial Regex LiteralStart();

    [GeneratedRegex(@"\b(?!(?:int|long|float|double|sizeof)\b)[a-z]\w*")]
    private static partial Regex Variable();
}
