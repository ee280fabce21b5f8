using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace WavLM.Cuda.Cli;

/// <summary>A command with examples at the end of its help.</summary>
/// <param name="name">Its name.</param>
/// <param name="description">What it does.</param>
/// <param name="closing">Examples and notes.</param>
internal sealed class ExplainedCommand(string name, string description, string closing) : Command(name, description)
{
    public string Closing => closing;
}

/// <summary>The library's help, and a command's examples after it.</summary>
internal sealed class ExplainedHelp(HelpAction help) : SynchronousCommandLineAction
{
    // Wider than this, a description is hard to read; narrower, the options take most of a line.
    private const int Columns = 110;

    public static void Apply(RootCommand root)
    {
        HelpOption option = root.Options.OfType<HelpOption>().Single();
        if (option.Action is not HelpAction help) return;
        help.MaxWidth = Columns;
        option.Action = new ExplainedHelp(help);
    }

    // `wavlm info --help` asks for help, not for a model.
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        int exitCode = help.Invoke(parseResult);
        if (parseResult.CommandResult.Command is ExplainedCommand command) parseResult.InvocationConfiguration.Output.WriteLine(command.Closing);
        return exitCode;
    }
}
