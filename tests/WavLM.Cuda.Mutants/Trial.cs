using WavLM.Cuda.Checks;

namespace WavLM.Cuda.Mutants;

/// <summary>One thing that a mutant is put to: a check, or a whole pass under some order of the device's queues.</summary>
internal sealed class Trial
{
    private const string Early = "early: ";

    private readonly Func<Subject, string> _body;
    private readonly bool _early;

    private Trial(string name, Func<Subject, string> body, bool early = false, bool ofHost = false) => (Name, _body, _early, OfHost) = (name, body, early, ofHost);

    /// <summary>Unique among all trials.</summary>
    public string Name { get; }

    /// <summary>Whether it differs from another trial in what the host does alone: it tells nothing more of a kernel.</summary>
    public bool OfHost { get; }

    /// <summary>The checks of the CUDA device with cp.async as late as it may be, then the passes.</summary>
    public static IReadOnlyList<Trial> All { get; } =
    [
        .. CheckList.All.Where(static check => check.NeedsDevice && CheckedDevice.Has("cuda", check.Precision)).Select(static check => OfCheck(check, early: false)),
        .. Passes.All.Select(static pass => new Trial(pass.Name, pass.Run, ofHost: pass.OfHost)),
        .. HostTrials.All.Select(static trial => new Trial(trial.Name, trial.Run, ofHost: true)),
    ];

    /// <summary>The same with cp.async landing at once, which is another race; null where the trial is no check.</summary>
    public Trial? WithEarlyCopies => CheckList.All.FirstOrDefault(check => check.Name == Name) is { } check ? OfCheck(check, early: true) : null;

    public static Trial Named(string name)
    {
        bool early = name.StartsWith(Early, StringComparison.Ordinal);
        Trial late = All.Single(trial => trial.Name == (early ? name[Early.Length..] : name));
        return early ? late.WithEarlyCopies! : late;
    }

    /// <returns>What must be the same with every mutant that changes nothing: the results' digest; empty for a check, which knows what is right.</returns>
    /// <exception cref="CheckFailedException">The check does not hold, or the device found something.</exception>
    public string Run(Subject subject)
    {
        EmulatedDevice.Reset();
        EmulatedDevice.SetCopyAsync(_early);
        string digest = _body(subject);
        if (EmulatedDevice.Reports() is [{ } report, ..]) throw new CheckFailedException(report);
        return digest;
    }

    private static Trial OfCheck(Check check, bool early) => new((early ? Early : "") + check.Name, subject =>
    {
        try
        {
            check.Run(subject.Device);
            return "";
        }
        catch (CheckSkippedException e)
        {
            throw new InvalidOperationException($"{check.Name} was skipped: {e.Message}", e);
        }
    }, early);
}
