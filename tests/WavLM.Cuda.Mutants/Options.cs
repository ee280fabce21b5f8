using System.Text.RegularExpressions;

namespace WavLM.Cuda.Mutants;

/// <param name="Filter">A regular expression: only the sites whose line of the list has it in it.</param>
/// <param name="List">Whether the sites are listed and not tried.</param>
/// <param name="Verbose">Whether every mutant gets a line, not those alone that survive.</param>
internal sealed record Options(string Filter, bool List, bool Verbose)
{
    /// <exception cref="FormatException">An option that is not known.</exception>
    public static Options Parse(string[] arguments)
    {
        Options options = new("", List: false, Verbose: false);
        for (int i = 0; i < arguments.Length; i++)
        {
            options = arguments[i] switch
            {
                "--filter" when i + 1 < arguments.Length => options with { Filter = arguments[++i] },
                "--list" => options with { List = true },
                "--verbose" => options with { Verbose = true },
                var other => throw new FormatException($"{other} is not known; mutants [--filter REGEX] [--list] [--verbose]"),
            };
        }
        return options;
    }

    public bool Wants(Site site) => Filter.Length == 0 || Regex.IsMatch(site.ToString(), Filter);
}
