using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using WavLM.Cuda.Cli;

RootCommand root = new("WavLM speech features: from recordings to the hidden states of a speech encoder.")
{
    ExtractCommand.Create(),
    InfoCommand.Create(),
    InitCommand.Create(),
    DoctorCommand.Create(),
    BenchCommand.Create(),
};
ExplainedHelp.Apply(root);

// '@' begins a name like any other. Signals are ours: the parser would end the process after two seconds.
ParseResult parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
InvocationConfiguration invocation = new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
try
{
    if (parsed.Action is not ParseErrorAction) return await parsed.InvokeAsync(invocation);
    foreach (ParseError error in parsed.Errors) Terminal.WriteError(error.Message);
    IEnumerable<string> commands = EnumerateUp(parsed.CommandResult).Where(command => command != root).Reverse().Select(command => command.Name + " ");
    Terminal.WriteError($"see wavlm {string.Concat(commands)}--help");
    return ExitCode.NothingAttempted;
}
catch (Exception e) when (e is OperationCanceledException && StopSignals.Received is int signalled)
{
    return signalled;
}
catch (Exception e)
{
    Terminal.WriteError(Failures.Describe(e));
    return ExitCode.NothingAttempted;
}

static IEnumerable<Command> EnumerateUp(CommandResult? result)
{
    for (; result is not null; result = result.Parent as CommandResult) yield return result.Command;
}
