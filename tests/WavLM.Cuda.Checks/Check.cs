using System.Globalization;

namespace WavLM.Cuda.Checks;

/// <summary>
/// One named statement about the code, with no test framework in it: the tests run the list as one theory, and a program on a
/// machine with another device runs the same list there.
/// </summary>
public sealed class Check
{
    private readonly Action<CheckedBackend>? _body;
    private readonly Action<Errors>? _onHost;

    private Check(string name, Precision precision, Action<CheckedBackend>? body, Action<Errors>? onHost)
        => (Name, Precision, _body, _onHost) = (name, precision, body, onHost);

    /// <summary>Operation, statement, precision and sizes: unique in the list.</summary>
    public string Name { get; }

    /// <summary>Of the backend that it calls.</summary>
    public Precision Precision { get; }

    /// <summary>Whether it calls a backend; what does not is run once, whatever devices there are.</summary>
    public bool NeedsDevice => _body is not null;

    /// <returns>The largest error found as a part of its bound; 0 where the check compares bits.</returns>
    /// <exception cref="CheckFailedException">The statement does not hold.</exception>
    /// <exception cref="CheckSkippedException">It cannot be decided here.</exception>
    public double Run(CheckedDevice device)
    {
        if (_body is not null) return device.Run(Name, Precision, _body);
        var errors = new Errors(Name, "host");
        _onHost!(errors);
        return errors.WorstRatio;
    }

    /// <summary>A statement about code that no device changes.</summary>
    internal static Check OnHost(string name, Action<Errors> body) => new(name, Precision.Float32, body: null, body);

    internal static IEnumerable<Check> Cross(string name, Action<CheckedBackend> body)
    {
        yield return new Check($"{name} fp32", Precision.Float32, body, onHost: null);
        yield return new Check($"{name} fp16", Precision.Float16, body, onHost: null);
        yield return new Check($"{name} bf16", Precision.BFloat16, body, onHost: null);
    }

    /// <summary>Every length up to one past four tiles of 64, so that no tail of any kernel is left out.</summary>
    /// <param name="name">Operation and statement.</param>
    /// <param name="first">The least length that there can be: 0 or 1.</param>
    /// <param name="body">Of one length.</param>
    internal static IEnumerable<Check> OfEveryLength(string name, int first, Action<CheckedBackend, int> body) => Cross($"{name} of every length", on =>
    {
        for (int length = first; length <= 257; length++) body(on, length);
    });

    internal static IEnumerable<Check> Cross(string name, (string Name, int[] Values) a, Action<CheckedBackend, int> body)
        => a.Values.SelectMany(x => Cross(Named(name, a.Name, x), on => body(on, x)));

    internal static IEnumerable<Check> Cross(string name, (string Name, int[] Values) a, (string Name, int[] Values) b, Action<CheckedBackend, int, int> body)
        => a.Values.SelectMany(x => Cross(Named(name, a.Name, x), b, (on, y) => body(on, x, y)));

    internal static IEnumerable<Check> Cross(
        string name, (string Name, int[] Values) a, (string Name, int[] Values) b, (string Name, int[] Values) c, Action<CheckedBackend, int, int, int> body)
        => a.Values.SelectMany(x => Cross(Named(name, a.Name, x), b, c, (on, y, z) => body(on, x, y, z)));

    private static string Named(string name, string parameter, int value)
        => string.Create(CultureInfo.InvariantCulture, $"{name} {parameter}={value}");
}
