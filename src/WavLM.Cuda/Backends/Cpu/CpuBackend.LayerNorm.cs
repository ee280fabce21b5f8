using System.Runtime.Intrinsics;

namespace WavLM.Cuda.Backends.Cpu;

internal sealed unsafe partial class CpuBackend
{
    /// <inheritdoc />
    public void LayerNorm(Tensor x, NormWeights norm, Tensor y, Tensor? operands = null, GateWeights? gate = null, Tensor? gates = null)
    {
        int columns = x.Columns;
        RequireShape(y, x.Rows, columns, nameof(y));
        if (operands is not null) RequireShape(operands, x.Rows, columns, nameof(operands));
        if (gate is not null) RequireShape(gates ?? throw new ArgumentNullException(nameof(gates)), x.Rows, gate.Heads, nameof(gates));
        Tensor? second = ReferenceEquals(operands, y) ? null : operands;
        (nint source, nint first, nint gains, nint biases) = (x.Address, y.Address, norm.Gain.Address, norm.Bias.Address);
        ForRows(x.Rows, (worker, begin, end) =>
        {
            float* scratch = (float*)worker.Scratch((nint)columns * sizeof(float));
            for (long row = begin; row < end; row++)
            {
                float* normalized = y.Type == ElementType.Float32 ? (float*)first + row * columns : scratch;
                NormalizeRow((float*)source + row * columns, (float*)gains, (float*)biases, normalized, columns, norm.Epsilon);
                if (y.Type != ElementType.Float32) VectorMath.Convert(normalized, RowOf(y, row), columns, y.Type);
                if (second is not null) VectorMath.Convert(normalized, RowOf(second, row), columns, second.Type);
                if (gate is not null) GateRow(normalized, gate, (float*)RowOf(gates!, row));
            }
        });
    }

    private static void* RowOf(Tensor tensor, long row) => (byte*)tensor.Address + row * tensor.Columns * tensor.Type.Bytes();

    // Two passes: E[x^2] - E[x]^2 cancels when a row's mean is large against its spread.
    private static void NormalizeRow(float* x, float* gain, float* bias, float* y, int columns, float epsilon)
    {
        int vectors = columns / VectorMath.Lanes * VectorMath.Lanes;

        Vector512<float> sums = Vector512<float>.Zero;
        for (int i = 0; i < vectors; i += VectorMath.Lanes) sums += Vector512.Load(x + i);
        float sum = Vector512.Sum(sums);
        for (int i = vectors; i < columns; i++) sum += x[i];
        float mean = sum / columns;

        Vector512<float> means = Vector512.Create(mean), squares = Vector512<float>.Zero;
        for (int i = 0; i < vectors; i += VectorMath.Lanes)
        {
            Vector512<float> centered = Vector512.Load(x + i) - means;
            squares = Vector512.FusedMultiplyAdd(centered, centered, squares);
        }
        float square = Vector512.Sum(squares);
        for (int i = vectors; i < columns; i++) square += (x[i] - mean) * (x[i] - mean);
        float scale = 1 / MathF.Sqrt(square / columns + epsilon);

        Vector512<float> scales = Vector512.Create(scale);
        for (int i = 0; i < vectors; i += VectorMath.Lanes)
            Vector512.FusedMultiplyAdd((Vector512.Load(x + i) - means) * scales, Vector512.Load(gain + i), Vector512.Load(bias + i)).Store(y + i);
        for (int i = vectors; i < columns; i++) y[i] = float.FusedMultiplyAdd((x[i] - mean) * scale, gain[i], bias[i]);
    }

    private static void GateRow(float* u, GateWeights gate, float* gates)
    {
        int width = gate.Rows.Columns;
        float* rows = (float*)gate.Rows.Address, biases = (float*)gate.Biases.Address, constants = (float*)gate.Constants.Address;
        for (int head = 0; head < gate.Heads; head++)
        {
            float* ofHead = u + head * width;
            float a = Sigmoid(VectorMath.Dot(ofHead, rows, width) + biases[0]);
            float c = Sigmoid(VectorMath.Dot(ofHead, rows + width, width) + biases[1]);
            gates[head] = a * (c * constants[head] - 1) + 2;
        }
    }

    private static float Sigmoid(float x) => 1 / (1 + MathF.Exp(-x));
}
