using WavLM.Cuda.Bench.Results;
using WavLM.Cuda.Tests.Cli;

namespace WavLM.Cuda.Tests.Bench;

/// <summary>`wavlm bench compare`, as a user runs it.</summary>
public sealed class BenchCompareCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Two_runs_of_one_build_are_clean()
    {
        Wavlm.Finished run = Compare(new InventedResults(1).Kernels(), new InventedResults(2).Kernels());

        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal("nothing is slower: 50 measurements compared", LastLine(run));
    }

    [Fact]
    public void A_slowed_kernel_is_named_in_the_last_line_and_heads_the_table()
    {
        Wavlm.Finished run = Compare(new InventedResults(1).Kernels(), new InventedResults(2).Kernels(slowed: 31));

        Assert.Equal((1, ""), (run.ExitCode, run.Error));
        Assert.Matches(@"^slower: k31 base 64x15 fp16 \(1\.1\d\d, limit 1\.0\d\d\)$", LastLine(run));
        string[] lines = run.Output.Split('\n');
        int head = Array.FindIndex(lines, line => line.StartsWith("name ", StringComparison.Ordinal));
        Assert.Matches(@"^k31 +base 64x15 +fp16 +\d+ us +\d+ us +1\.1\d\d +1\.0\d\d +slower$", lines[head + 1]);
    }

    [Fact]
    public void A_slower_machine_is_said_to_be_slower_and_is_no_failure()
    {
        Wavlm.Finished run = Compare(new InventedResults(1).Kernels(), new InventedResults(2) { Drift = 1.09 }.Kernels());

        Assert.Equal(0, run.ExitCode);
        Assert.Matches(@"all measurements together are (8\.\d|9\.\d|10) % slower in B, and so is the machine; each ratio is held against 1\.\d{3}", run.Output);
        Assert.Contains("the machine's own ceilings changed: copy ", run.Output);
    }

    [Fact]
    public void A_build_that_is_slower_as_a_whole_fails()
    {
        Wavlm.Finished run = Compare(new InventedResults(1).Kernels(), new InventedResults(2) { Build = 1.2 }.Kernels());

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("which its ceilings don't explain", run.Output);
        Assert.Matches(@"^slower: everything \((19|20|21) % slower\)$", LastLine(run));
    }

    [Fact]
    public void A_build_that_gains_less_than_the_machine_is_not_slower()
    {
        BenchResults a = new InventedResults(1).Kernels(), b = new InventedResults(2) { Drift = 0.95 }.Kernels();
        b = b with { Ceilings = [.. b.Ceilings.Select(c => c with { PerSecond = c.PerSecond * 1.4, Seconds = [.. c.Seconds.Select(s => s / 1.4)] })], Notes = ["other programs ran"] };

        Wavlm.Finished run = Compare(a, b);

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("warning: B: other programs ran", run.Output);
    }

    [Fact]
    public void Without_ceilings_a_common_slowdown_is_the_machines_only_as_far_as_machines_drift()
    {
        Wavlm.Finished little = Compare(new InventedResults(1).Kernels(withCeilings: false), new InventedResults(2) { Build = 1.1 }.Kernels(withCeilings: false));
        Wavlm.Finished much = Compare(new InventedResults(1).Kernels(withCeilings: false), new InventedResults(2) { Build = 1.3 }.Kernels(withCeilings: false));

        Assert.Equal((0, 1), (little.ExitCode, much.ExitCode));
        Assert.Contains("without ceilings a slower machine looks the same as a slower build", little.Output);
        Assert.Contains("slower: everything (", much.Output);
    }

    [Fact]
    public void What_only_one_file_has_is_listed_and_what_is_no_longer_timed_fails()
    {
        BenchResults a = new InventedResults(1).Kernels(), b = new InventedResults(2).Kernels();
        b = b with { Measurements = [.. b.Measurements.Skip(2), b.Measurements[1] with { Seconds = [], NotTimed = "wrong result" }, b.Measurements[0] with { Name = "new" }] };

        Wavlm.Finished run = Compare(a, b);

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("only in A: k0 base 64x15 fp16", run.Output);
        Assert.Contains("only in B: new base 64x15 fp16", run.Output);
        Assert.Contains("no longer timed: wrong result", run.Output);
        Assert.Equal("slower: k1 base 64x15 fp16 (no longer timed)", LastLine(run));
    }

    [Fact]
    public void A_peer_that_is_slower_is_nobodys_failure()
    {
        static Measurement Peer(string runner, double seconds) => new("peers", "encode", "base 64x15", "fp16") { Runner = runner, Seconds = new InventedResults(3).Times(seconds) };
        static BenchResults Peers(double seconds) => new("peers", "2026-11-22", InventedResults.Machine) { Measurements = [Peer("wavlm", 1), Peer("transformers", seconds)] };

        Wavlm.Finished run = Compare(Peers(2), Peers(3));

        Assert.Equal(0, run.ExitCode);
        Assert.Matches(@"encode \(transformers\) .* 1\.500 +- +peer", run.Output);
    }

    [Fact]
    public void Another_machine_is_compared_with_a_warning()
    {
        BenchResults a = new InventedResults(1).Kernels(), b = new InventedResults(2) { Drift = 0.8 }.Kernels();
        b = b with { Machine = b.Machine with { Device = "NVIDIA H200" } };

        Wavlm.Finished run = Compare(a, b);

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("warning: A ran on NVIDIA H100, B on NVIDIA H200", run.Output);
        Assert.Contains("50 faster", LastLine(run));
    }

    [Fact]
    public void An_emulated_device_and_files_without_anything_in_common_are_refused()
    {
        BenchResults a = new InventedResults(1).Kernels(), other = a with { Command = "ops", Measurements = [.. a.Measurements.Select(m => m with { Group = "ops" })] };

        Wavlm.Finished emulated = Compare(a, a with { Machine = a.Machine with { Emulated = true } }), nothing = Compare(a, other);

        Assert.All([emulated, nothing], run => Assert.Equal((2, ""), (run.ExitCode, run.Output)));
        Assert.Contains("B was measured on an emulated device: its times are meaningless", emulated.Error);
        Assert.Contains("no measurement is in both files: A has 50 of \"kernels\", B 50 of \"ops\"", nothing.Error);
    }

    [Theory]
    [InlineData("", "not a file of benchmark results")]
    [InlineData("null", "null, expected an object")]
    [InlineData("[]", "not a file of benchmark results")]
    [InlineData("""{"command":"kernels","date":"","machine":{"device":"","device_set":"","processor":"","threads":1}}""", "results of format 0, expected 1")]
    [InlineData("""{"schema":2,"command":"kernels","date":"","machine":{"device":"","device_set":"","processor":"","threads":1}}""", "results of format 2, expected 1")]
    [InlineData("""{"schema":1,"command":"kernels","date":""}""", "machine")]
    [InlineData("""{"schema":1,"command":"kernels","date":"","machine":{"device":null,"device_set":"","processor":"","threads":1}}""", "device")]
    [InlineData("""{"schema":1,"command":"kernels","date":"","machine":{"device":"","device_set":"","processor":"","threads":1},"measurements":[null]}""", "null in a list")]
    [InlineData("""{"schema":1,"command":"kernels","date":"","machine":{"device":"","device_set":"","processor":"","threads":1},"measurements":[{"group":"g","name":"n","case":"c","precision":"p","seconds":[0.1,0]}]}""", "\"g n c p wavlm\" has a time that is not above 0")]
    [InlineData("""{"schema":1,"command":"kernels","date":"","machine":{"device":"","device_set":"","processor":"","threads":1},"ceilings":[{"name":"copy","unit":"byte","per_second":-1}]}""", "ceiling \"copy\" has a rate or time that is not above 0")]
    [InlineData("""{"schema":1,"command":"kernels","date":"","machine":{"device":"","device_set":"","processor":"","threads":1},"measurements":[{"group":"g","name":"n","case":"c","precision":"p"},{"group":"g","name":"n","case":"c","precision":"p"}]}""", "\"g n c p wavlm\" is there 2 times")]
    [InlineData("""{"schema":1,"command":"kernels","date":"","processes":2,"machine":{"device":"","device_set":"","processor":"","threads":1},"measurements":[{"group":"g","name":"n","case":"c","precision":"p","seconds":[1,2,3]}]}""", "\"g n c p wavlm\" has 3 times, which is not as many of each of 2 processes")]
    public void Broken_files_are_refused_by_name(string text, string fault)
    {
        string good = _folder.File("good.json"), broken = _folder.File("broken.json");
        new InventedResults(1).Kernels().Write(good);
        File.WriteAllText(broken, text);

        Wavlm.Finished run = Wavlm.Run("bench", "compare", good, broken);

        Assert.Equal((2, ""), (run.ExitCode, run.Output));
        Assert.StartsWith($"wavlm: {broken}: ", run.Error);
        Assert.Contains(fault, run.Error);
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        Wavlm.Finished run = Wavlm.Run("bench", "compare", _folder.File("a.json"), _folder.File("b.json"));

        Assert.Equal((2, ""), (run.ExitCode, run.Output));
        Assert.StartsWith($"wavlm: {_folder.File("a.json")}: cannot be read", run.Error);
    }

    private Wavlm.Finished Compare(BenchResults a, BenchResults b)
    {
        a.Write(_folder.File("a.json"));
        b.Write(_folder.File("b.json"));
        return Wavlm.Run("bench", "compare", _folder.File("a.json"), _folder.File("b.json"));
    }

    private static string LastLine(Wavlm.Finished run) => run.Output.TrimEnd('\n').Split('\n')[^1];
}
