using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using WavLM.Cuda.Backends.Cpu;
using WavLM.Cuda.Backends.Cuda;
using WavLM.Cuda.Bench.Operations;
using WavLM.Cuda.Bench.Results;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Cli;

/// <summary>`wavlm bench kernels` and `wavlm bench ops`: every kernel and product by itself, against what the machine reaches.</summary>
internal sealed class BenchKernelsCommand
{
    private const string AllPrecisions = "all";

    // Of a benchmark, in all processes together.
    private const int TurnsOfAll = 12, UsualProcesses = 12;

    private const string Closing = """
        Examples:
          wavlm bench kernels --json before.json
          wavlm bench kernels --filter 'attention|layer_norm' --precision all
          wavlm bench ops --precision bf16 --threads 1

        Each benchmark is first compared with its formula on random values; what computes something else is not timed.
        "of roofline" is the least time that the machine's own copy and large products, measured in between, allow, as a
        part of the median.

        Exit code: 0 all were timed or had no room; 1 one computed something else; 2 nothing was attempted; 3 the device was lost.
        """;

    private readonly Option<string?> _filter = new("--filter") { Description = "Only those whose name and case match.", HelpName = "REGEX" };
    private readonly Option<string> _shapes = new("--shapes") { Description = "One small load, those compared from day to day, or 1 to 64 utterances of 1 to 60 s.", HelpName = "small|usual|all", DefaultValueFactory = _ => "usual" };
    private readonly Option<string?> _json = new("--json") { Description = "Write every sample here, for wavlm bench compare and report.", HelpName = "FILE" };
    private readonly Option<int> _threads = new("--threads") { Description = "Threads that compute on the CPU.", HelpName = "N", DefaultValueFactory = _ => Environment.ProcessorCount };

    private readonly Option<int?> _processes = new("--processes") { Description = "Processes that take turns: a time differs from one to the next by more than within one. By default 12 on the CPU and one on a GPU.", HelpName = "N" };
    private readonly Option<int?> _rounds = new("--rounds") { Description = "Turns of each benchmark in a process.", Hidden = true };

    // For tests of who compares measurements.
    private readonly Option<string?> _slow = new("--slow") { Description = "Make a benchmark slower.", HelpName = "NAME=FACTOR", Hidden = true };

    private readonly Option<string> _precision;
    private readonly Option<string>? _device;

    private BenchKernelsCommand(string precisions, Option<string>? device)
    {
        _precision = new("--precision") { Description = "Type of the matrix operands.", HelpName = precisions, DefaultValueFactory = _ => "auto" };
        _device = device;
    }

    /// <summary>On a GPU.</summary>
    public static Command Kernels() => new BenchKernelsCommand("auto|fp32|fp16|bf16|all", new Option<string>("--device")
    {
        Description = "The GPU. auto: the first one; where there is none the operations run on the CPU.",
        HelpName = "auto|cuda[:N]",
        DefaultValueFactory = _ => "auto",
    }).Create("kernels", "Time every kernel and matrix product on the GPU.");

    /// <summary>On the CPU.</summary>
    public static Command Operations() => new BenchKernelsCommand("auto|fp32|bf16|int8|all", device: null).Create("ops", "Time the same operations on the CPU.");

    private ExplainedCommand Create(string name, string description)
    {
        ExplainedCommand command = new(name, description, Closing) { _filter, _shapes, _precision, _threads, _processes, _json, _slow, _rounds };
        if (_device is not null) command.Add(_device);
        command.SetAction((parsed, _) => BenchCommand.Measure(() => Run(parsed)));
        return command;
    }

    private int Run(ParseResult parsed)
    {
        Device device = _device is null ? Device.Cpu : Parsed("--", () => Device.Parse(parsed.GetValue(_device)!));
        if (_device is not null && !device.IsAuto && !device.IsCuda) throw new UsageException($"--device {device}: expected auto, cuda or cuda:N; wavlm bench ops is for the CPU");
        device = device.Resolve(out string? whyNotCuda);
        device.RequireUsable();
        int threads = parsed.GetValue(_threads);
        if (threads < 1) throw new UsageException($"--threads {threads}: expected 1 or more");
        OperationsRequest request = new()
        {
            Group = device.IsCuda ? "kernels" : "ops",
            Precisions = PrecisionsOf(parsed.GetValue(_precision)!, device, whyNotCuda),
            Shapes = Enum.TryParse(parsed.GetValue(_shapes), ignoreCase: true, out Shapes shapes) && Enum.IsDefined(shapes) ? shapes : throw new UsageException($"--shapes {parsed.GetValue(_shapes)}: expected small, usual or all"),
            Filter = parsed.GetValue(_filter) is { } filter ? Parsed("--filter ", () => OperationsRequest.Pattern(filter)) : null,
            Rounds = parsed.GetValue(_rounds),
            Slowed = parsed.GetValue(_slow) is { } slow ? Parsed("--slow ", () => Slowed.Parse(slow)) : null,
        };
        if (whyNotCuda is not null) Terminal.WriteError($"no GPU, so these are the operations on the CPU: {whyNotCuda}");
        int processes = parsed.GetValue(_processes) ?? (device.IsCuda || shapes != Shapes.Usual ? 1 : UsualProcesses);
        if (processes < 1) throw new UsageException($"--processes {processes}: expected 1 or more");
        if (processes > 1) return RunInProcesses(parsed, request, device, processes);
        return Run(request, precision => Open(device, precision, threads), threads, parsed.GetValue(_json));
    }

    private static int Run(OperationsRequest request, Func<Precision, BenchDevice> open, int threads, string? json)
    {
        using EncoderThread thread = new();
        (BenchResults results, int failed) = thread.Run(() =>
        {
            using OperationsRun run = new(request, open, threads);
            return (run.Run(), run.Failed);
        });
        return Finish(results, json, failed > 0);
    }

    /// <summary>The same in processes of their own, one after the other, each with its part of the turns.</summary>
    private int RunInProcesses(ParseResult parsed, OperationsRequest request, Device device, int processes)
    {
        string folder = Directory.CreateTempSubdirectory("wavlm-bench-").FullName;
        try
        {
            List<BenchResults> parts = [];
            int worst = ExitCode.Done;
            for (int part = 0; part < processes && worst < ExitCode.NothingAttempted; part++)
            {
                string json = Path.Combine(folder, $"{part}.json");
                using Process process = Process.Start(OfPart(parsed, request, device, processes, json))!;
                process.StandardOutput.ReadToEnd();
                process.WaitForExit();
                worst = Math.Max(worst, process.ExitCode);
                if (File.Exists(json)) parts.Add(BenchResults.Read(json));
            }
            // A device that is lost takes nothing with it that other processes measured.
            return parts.Count == 0 ? worst : Math.Max(worst, Finish(MergedResults.Of(parts), parsed.GetValue(_json), worst == ExitCode.InputsFailed));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private ProcessStartInfo OfPart(ParseResult parsed, OperationsRequest request, Device device, int processes, string json)
    {
        string program = Environment.ProcessPath!;
        // Run as "dotnet wavlm.dll", the program is dotnet.
        string[] assembly = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [Environment.GetCommandLineArgs()[0]] : [];
        string[] optional =
        [
            .. device.IsCuda ? ["--device", device.ToString()] : (string[])[],
            .. parsed.GetValue(_filter) is { } filter ? ["--filter", filter] : (string[])[],
            .. parsed.GetValue(_slow) is { } slow ? ["--slow", slow] : (string[])[],
        ];
        return new(program,
        [
            .. assembly, "bench", request.Group, "--precision", parsed.GetValue(_precision)!, "--shapes", parsed.GetValue(_shapes)!, "--threads", Number(parsed.GetValue(_threads)),
            "--processes", "1", "--rounds", Number(Math.Max(1, TurnsOfAll / processes)), "--json", json, .. optional,
        ])
        { RedirectStandardOutput = true };

        static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
    }

    private static int Finish(BenchResults results, string? json, bool failed)
    {
        OperationsTable.Write(results, Console.Out);
        if (json is not null) results.Write(json);
        if (!failed) return ExitCode.Done;
        Terminal.WriteError("some benchmarks computed something else than the formula, or failed");
        return ExitCode.InputsFailed;
    }

    private static BenchDevice Open(Device device, Precision precision, int threads) => device.IsCuda
        ? new CudaBenchDevice(CudaBackend.Open(device.Ordinal, precision, Terminal.WriteError))
        : new CpuBenchDevice(new CpuBackend(precision, threads));

    private static IReadOnlyList<Precision> PrecisionsOf(string text, Device device, string? whyNotCuda) => text == AllPrecisions
        ? device.IsCuda ? Precisions.OfCuda : Precisions.OfCpu
        : [Precisions.On(device, Parsed("--", () => Precisions.Parse(text)), whyNotCuda)];

    private static T Parsed<T>(string option, Func<T> parse)
    {
        try
        {
            return parse();
        }
        catch (FormatException e)
        {
            throw new UsageException($"{option}{e.Message}");
        }
    }
}
