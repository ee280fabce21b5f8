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
    Terminal.WriteError($"see wavlm {(parsed.CommandResult.Command == root ? "" : parsed.CommandResult.Command.Name + " ")}--help");
    return ExitCode.NothingAttempted;
}
catch (Exception e) when (e is OperationCanceledException && StopSignals.Received is int signalled)
{
    return signalled;
}
catch (Exception e)
{
    Terminal.WriteError(Failures.Describe(e));
    return Failures.CodeOf(e);
}
