using WavLM.Cuda.Backends;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Cli;

/// <summary>
/// Every operation on two backends, on the same seeded values. It finds a device that computes something else; how exact a
/// backend is, the checks of the tests decide, against float64.
/// </summary>
internal sealed class SelfTest : IDisposable
{
    private readonly Precision _precision;
    private readonly Side _expected, _actual;

    /// <param name="expected">Makes the backend that is believed, in float32.</param>
    /// <param name="actual">Makes the one under test.</param>
    /// <param name="precision">Of the one under test; the operands of both are rounded to its type.</param>
    public SelfTest(Func<IBackend> expected, Func<IBackend> actual, Precision precision)
    {
        _precision = precision;
        _expected = new Side(expected);
        try
        {
            _actual = new Side(actual);
        }
        catch
        {
            _expected.Dispose();
            throw;
        }
    }

    /// <summary>What the backend under test depends on, once all ran: its algorithms are part of it.</summary>
    public string DeviceSet => _actual.DeviceSet;

    // Float32 sums of a thousand terms in another order differ by some 1e-6 of the largest value. In float16 results, and what lies between
    // an operation's two kernels, are rounded by up to 5e-4 of themselves.
    private double Tolerance => _precision == Precision.Float32 ? 1e-5 : 1e-3;

    /// <summary>Runs the cases one by one: all of them in float32, in another precision those that have operands of its type.</summary>
    /// <exception cref="DeviceLostException">The device died; nothing more can be tried on it.</exception>
    public IEnumerable<SelfTestResult> Run() => SelfTestCases.All.Where(tested => _precision == Precision.Float32 || tested.HasOperands).Select(Compare);

    public void Dispose()
    {
        _actual.Dispose();
        _expected.Dispose();
    }

    private SelfTestResult Compare(SelfTestCase tested)
    {
        try
        {
            float[] expected = _expected.Run(tested, _precision), actual = _actual.Run(tested, _precision);
            if (expected.Length != actual.Length) return new(tested, double.NaN, 0, $"{actual.Length} values, expected {expected.Length}");
            double largest = 0, difference = 0;
            for (int i = 0; i < expected.Length; i++)
            {
                double error = Math.Abs((double)actual[i] - expected[i]);
                if (double.IsNaN(error)) return new(tested, double.NaN, 0, $"value {i} is {actual[i]}, expected {expected[i]}");
                difference = Math.Max(difference, error);
                largest = Math.Max(largest, Math.Abs(expected[i]));
            }
            return new(tested, difference, tested.Exact ? 0 : Tolerance * largest, Failure: null);
        }
        catch (Exception e) when (e is not (DeviceLostException or OutOfMemoryException))
        {
            return new(tested, double.NaN, 0, e.Message);
        }
    }

    /// <summary>A backend with the thread that alone may call it.</summary>
    private sealed class Side : IDisposable
    {
        private readonly EncoderThread _thread = new();
        private readonly IBackend _backend;

        public Side(Func<IBackend> create)
        {
            try
            {
                _backend = _thread.Run(create);
            }
            catch
            {
                _thread.Dispose();
                throw;
            }
        }

        public string DeviceSet => _thread.Run(() => _backend.DeviceSet);

        public float[] Run(SelfTestCase tested, Precision precision) => _thread.Run(() => tested.Run(new SelfTestBench(_backend, precision)));

        public void Dispose()
        {
            _thread.Run(() =>
            {
                _backend.Dispose();
                return 0;
            });
            _thread.Dispose();
        }
    }
}

/// <param name="Operation">As in <see cref="IBackend"/>, spelled like its kernel.</param>
/// <param name="Shape">What it is run on, for people.</param>
/// <param name="Run">Gives the values that mean something.</param>
/// <param name="Exact">No rounding: the values are copies or indices.</param>
/// <param name="HasOperands">Whether some of its tensors are of the operands' type: in another precision it is another kernel.</param>
internal sealed record SelfTestCase(string Operation, string Shape, Func<SelfTestBench, float[]> Run, bool Exact = false, bool HasOperands = false);

/// <param name="Case">What was run.</param>
/// <param name="Difference">The largest of any value.</param>
/// <param name="Bound">What it may be.</param>
/// <param name="Failure">Why there is no difference; null where there is one.</param>
internal sealed record SelfTestResult(SelfTestCase Case, double Difference, double Bound, string? Failure)
{
    public bool Passed => Failure is null && Difference <= Bound;
}
