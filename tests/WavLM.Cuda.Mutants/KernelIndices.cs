using System.Text.RegularExpressions;

namespace WavLM.Cuda.Mutants;

/// <summary>
/// Indices into memory that threads share, each one too large. Arrays in registers are left out: past their end is nothing that
/// a compiler has to keep, so such a mutant would do anything or nothing.
/// </summary>
internal sealed partial class KernelIndices(SourceText source)
{
    public IEnumerable<Site> All()
    {
        (int Start, int End)[] parts = [.. Parts()];
        // What is declared outside all functions is known to all of them.
        HashSet<string> everywhere = SharedArrays(Outside(parts));
        foreach ((int start, int end) in parts)
        {
            string part = source.Code[start..end];
            HashSet<string> names = [.. everywhere, .. SharedArrays(part), .. Pointers(part), .. part.Contains("__sync", StringComparison.Ordinal) ? ReferencesToArrays(part) : []];
            foreach (Site site in Subscripts(start, end, names)) yield return site;
            foreach (Match offset in Offset().Matches(part))
            {
                if (names.Contains(offset.Groups["name"].Value)) yield return At(start + offset.Index, start + offset.Index + offset.Length, $"{offset.Value}1 + ");
            }
        }
    }

    private IEnumerable<Site> Subscripts(int start, int end, HashSet<string> names)
    {
        foreach (Match match in Subscripted().Matches(source.Code[start..end]))
        {
            int name = start + match.Index, opening = start + match.Index + match.Length - 1;
            bool member = name > 0 && source.Code[name - 1] is '.';
            if (!(member ? FieldsInMemory.Contains(match.Groups["name"].Value) : names.Contains(match.Groups["name"].Value))) continue;
            if (Declaration().IsMatch(source.Code[source.StatementAt(name)..name])) continue;
            for (int behind; source.Code[opening] == '['; opening = behind)
            {
                behind = source.Behind(opening);
                string index = source.Code[(opening + 1)..(behind - 1)];
                yield return At(name, behind, $"{source.Code[name..opening]}[{(index.Contains(' ', StringComparison.Ordinal) ? $"({index})" : index)} + 1]");
            }
        }
    }

    // Of the structs of common/packed_batch.cuh.
    private static readonly string[] FieldsInMemory = ["samples"];

    /// <summary>Functions and structs, head and body.</summary>
    private IEnumerable<(int Start, int End)> Parts()
    {
        int start = 0;
        for (int i = 0; i < source.Code.Length; i++)
        {
            if (source.Code[i] is ';' or '}') start = i + 1;
            if (source.Code[i] != '{') continue;
            int end = source.Behind(i);
            yield return (start, end);
            (i, start) = (end - 1, end);
        }
    }

    private string Outside((int Start, int End)[] parts)
    {
        char[] code = source.Code.ToCharArray();
        foreach ((int start, int end) in parts) code.AsSpan(start, end - start).Fill(' ');
        return new string(code);
    }

    private static HashSet<string> SharedArrays(string code)
        => [.. SharedDeclaration().Matches(code).SelectMany(static declaration => Name().Matches(declaration.Value)).Select(static name => name.Groups[1].Value)];

    private static IEnumerable<string> Pointers(string code) => PointerDeclaration().Matches(code).Select(static match => match.Groups["name"].Value);

    private static IEnumerable<string> ReferencesToArrays(string code) => ReferenceDeclaration().Matches(code).Select(static match => match.Groups["name"].Value);

    private Site At(int start, int end, string after)
        => new(source.File, source.LineOf(start), "index", source.FunctionAt(start), source.Code[start..end], after, start, end - start);

    [GeneratedRegex(@"(?<![\w>])(?<name>[a-zA-Z_]\w*)\[")]
    private static partial Regex Subscripted();

    [GeneratedRegex(@"^(?:extern\s+)?__shared__\b")]
    private static partial Regex Declaration();

    [GeneratedRegex(@"(?<![\w.>])(?<name>[a-zA-Z_]\w*) \+=? ")]
    private static partial Regex Offset();

    [GeneratedRegex(@"\b__shared__\b[^;]*;")]
    private static partial Regex SharedDeclaration();

    [GeneratedRegex(@"\b([a-z_]\w*)\[")]
    private static partial Regex Name();

    // No blank between a type and its asterisk: with one it is a product.
    [GeneratedRegex(@"[\w>]\*\s+(?:const\s+)?(?:__restrict__\s+)?(?<name>[a-zA-Z_]\w*)")]
    private static partial Regex PointerDeclaration();

    [GeneratedRegex(@"\(&(?<name>[a-zA-Z_]\w*)\)\[")]
    private static partial Regex ReferenceDeclaration();
}
