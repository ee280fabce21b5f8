using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends;

/// <summary>What a linear map does to its result before it is stored.</summary>
internal enum Epilogue
{
    /// <summary>y = x W^T + b.</summary>
    None,

    /// <summary>y = GELU(x W^T + b), with erf, not its tanh approximation.</summary>
    GeluErf,

    /// <summary>y += x W^T + b, on a float32 y: the residual stream.</summary>
    AddToDestination,
}

/// <summary>
/// The dozen operations that the forward pass is written in. A backend does no modelling, the forward pass no arithmetic.
/// Rows are packed frames; an operation's result for a row never depends on which other rows there are, nor on their number.
/// Called from the encoder's own thread alone.
/// </summary>
internal interface IBackend : IDisposable
{
    /// <summary>What the bits of a result depend on beside the input: device, instruction set, library versions.</summary>
    string DeviceSet { get; }

    /// <summary>Type of the matrix operands: activations that feed a matmul, and weights. A strided convolution has its own.</summary>
    ElementType OperandType { get; }

    /// <summary>What linear maps and strided convolutions multiply: <see cref="OperandType" />, or integers that they make of it.</summary>
    ElementType ProductType => OperandType;

    /// <summary>Frames that the convolutional front end takes at a time: bounds its memory, changes no bit.</summary>
    int FrontEndTileFrames { get; }

    /// <summary>Rows up to the next multiple of this are computed with the last ones; tensors reach that far.</summary>
    int RowTile { get; }

    /// <summary>Begins to make ready what a model of this shape will want, beside the reading of its weights.</summary>
    void Prepare(EncoderConfig config);

    /// <param name="rows">Rows that mean something.</param>
    /// <param name="columns">Elements a row.</param>
    /// <param name="type">Element type.</param>
    /// <param name="readableRows">Rows that must be readable, where the next operation looks further than <paramref name="rows"/>.</param>
    /// <exception cref="DeviceMemoryException">No memory is left: the caller halves its batch.</exception>
    Tensor Rent(long rows, int columns, ElementType type, long readableRows = 0);

    /// <summary>Weights that stay: float32 values as they are.</summary>
    Tensor Keep(ReadOnlySpan<float> values, long rows, int columns);

    /// <summary>A linear map's weights [outputs, inputs] in their final form. <paramref name="bias"/> may be empty.</summary>
    LinearWeights PackLinear(ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, int outputs, int inputs, ElementType results);

    /// <summary>A strided convolution's weights, transposed to [outputs][tap][inputs], in their final form.</summary>
    /// <param name="weight">[outputs, taps, inputs].</param>
    /// <param name="bias">[outputs]; may be empty.</param>
    /// <param name="layerNorm">The norm over its channels, or null.</param>
    /// <param name="inputs">Input channels.</param>
    /// <param name="shape">Outputs, taps, stride.</param>
    /// <param name="rowsOfSlot">Output rows of one slot. Where it is even, an utterance's rows begin at an even row in every batch.</param>
    /// <param name="results">Type of y: the next convolution's operands, float32 at the end.</param>
    StridedConvWeights PackStridedConv(ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, NormWeights? layerNorm, int inputs, ConvLayer shape, int rowsOfSlot, ElementType results);

    /// <summary>A grouped convolution's weights, transposed to [group][tap][inputs of the group][outputs of the group], in their final form.</summary>
    PositionalConvWeights PackPositionalConv(ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, int channels, int groups, int kernel);

    /// <summary>Copies a batch's samples to the device as they are: of each utterance [samples, 1] float32. They are the caller's again once the batch has its place.</summary>
    Tensor[] Upload(IReadOnlyList<Waveform> waveforms);

    /// <summary>What the device keeps of a batch beside its samples, such as tables of where the utterances lie; null where it needs none.</summary>
    IDisposable? Place(PackedBatch batch);

    /// <summary>Centres or normalises each utterance's samples, in place; statistics over all of them, in float64.</summary>
    void NormalizeWaveforms(PackedBatch batch, WaveformNormalization normalization);

    /// <summary>
    /// Folds GroupNorm (one group a channel, statistics over the utterance's time) into the taps of the first convolution:
    /// one set of taps an utterance. Exact: a channel is linear in windows of samples, so its mean and variance follow from
    /// the windows' mean and second moments, taken in float64.
    /// </summary>
    /// <returns>[utterances x (kernel + 1), channels]: the taps, then the shift.</returns>
    Tensor FoldGroupNorm(PackedBatch batch, FirstConvWeights conv);

    /// <summary>y = GELU(norm(conv(samples))) for the rows of y, which begin at <paramref name="firstRow"/> of the packed level 1.</summary>
    /// <param name="batch">Utterances and their samples.</param>
    /// <param name="taps">Of <see cref="FoldGroupNorm"/>, or the convolution's own.</param>
    /// <param name="conv">Kernel, stride, and the layer norm where the front end has one.</param>
    /// <param name="firstRow">Where y begins in the packed rows of level 1.</param>
    /// <param name="y">[rows, channels].</param>
    void FirstConv(PackedBatch batch, Tensor taps, FirstConvWeights conv, long firstRow, Tensor y);

    /// <summary>y[r] = GELU(norm(W x[s r .. s r + k - 1] + b)): the same for every row, whichever utterance it is of.</summary>
    void StridedConv(Tensor x, StridedConvWeights conv, Tensor y);

    /// <summary>Copies the rows of <paramref name="slots"/> that are frames to their places in <paramref name="frames"/>.</summary>
    void Compact(PackedBatch batch, Tensor slots, long firstSlot, Tensor frames);

    /// <summary>y = (x - mean) / sqrt(var + eps) * gain + bias by row; statistics in float32, in two passes.</summary>
    /// <param name="x">[rows, columns] float32; may be y.</param>
    /// <param name="norm">Gain, bias, epsilon.</param>
    /// <param name="y">[rows, columns].</param>
    /// <param name="operands">The same once more as matmul operands; null or y where one is enough.</param>
    /// <param name="gate">The gate that reads y, where the next operation is a gated attention.</param>
    /// <param name="gates">[rows, heads] float32, with <paramref name="gate"/>.</param>
    void LayerNorm(Tensor x, NormWeights norm, Tensor y, Tensor? operands = null, GateWeights? gate = null, Tensor? gates = null);

    /// <summary>y (+)= x W^T + b.</summary>
    void Linear(Tensor x, LinearWeights weights, Tensor y, Epilogue epilogue = Epilogue.None);

    /// <summary>y = x + GELU(conv(x) + b) along each utterance's own frames; what lies outside them counts as zero.</summary>
    void PositionalConv(PackedBatch batch, Tensor x, PositionalConvWeights conv, Tensor y);

    /// <summary>softmax_j(q_i . k_j + gate_i bias[j - i]) v_j for each utterance and head, powers of two instead of e.</summary>
    /// <param name="batch">Where the utterances lie.</param>
    /// <param name="qkv">[frames, 3 width]: q (scaled, see <see cref="EncoderWeights"/>), k, v.</param>
    /// <param name="heads">Heads.</param>
    /// <param name="bias">Null where the model has none.</param>
    /// <param name="gates">[frames, heads] float32, with <paramref name="bias"/>.</param>
    /// <param name="context">[frames, width].</param>
    /// <param name="cancellationToken">Seen between tiles.</param>
    void GatedAttention(PackedBatch batch, Tensor qkv, int heads, RelativeBias? bias, Tensor? gates, Tensor context, CancellationToken cancellationToken);

    /// <summary>
    /// Runs operations that see the batch through the sizes of its tensors and its places alone, and that rent what else they
    /// need and give it back. A backend may record them, and replay the record for another batch of such sizes.
    /// </summary>
    /// <param name="stage">Which operations they are: the same number, the same operations.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="tensors">The tensors from outside that they read or write.</param>
    /// <param name="operations">The operations.</param>
    void Replay(int stage, PackedBatch batch, ReadOnlySpan<Tensor?> tensors, Action operations);

    /// <summary>sum = weight * x, or sum += weight * x behind the first one.</summary>
    /// <param name="x">[rows, columns] float32.</param>
    /// <param name="weight">Of this x.</param>
    /// <param name="sum">[rows, columns] float32.</param>
    /// <param name="first">Whether sum holds nothing yet.</param>
    void WeightedSum(Tensor x, float weight, Tensor sum, bool first);

    /// <summary>The mean of each utterance's frames and, where asked for, behind it their unbiased standard deviation (0 for a single frame).</summary>
    /// <param name="batch">Where the utterances lie.</param>
    /// <param name="x">[frames, columns] float32.</param>
    /// <param name="withDeviation">Whether a row of y is mean and deviation, or the mean alone.</param>
    /// <param name="y">[at least firstRow + utterances, columns or 2 columns] float32.</param>
    /// <param name="firstRow">The row of the first utterance.</param>
    void Pool(PackedBatch batch, Tensor x, bool withDeviation, Tensor y, long firstRow);

    /// <summary>The row of <paramref name="centroids"/> with the least squared distance from each row of x; of equal ones the first, and -1 where no distance is finite.</summary>
    /// <param name="x">[rows, columns] float32.</param>
    /// <param name="centroids">[centroids, columns] float32.</param>
    /// <param name="indices">[rows, 1] int32.</param>
    void NearestCentroid(Tensor x, Tensor centroids, Tensor indices);

    /// <summary>Begins to copy tensors to the host; one at a time.</summary>
    IHostCopies CopyToHost();
}

/// <summary>
/// Copies on their way to the host. A tensor may change as soon as its copy was added: at most two finished ones lie on the
/// device and wait. Disposed before the end, nothing more is written.
/// </summary>
internal interface IHostCopies : IDisposable
{
    /// <summary>Adds one copy: the tensor's rows end to end, shared out to the arrays in their order.</summary>
    void Add<T>(Tensor x, ReadOnlySpan<T[]> destinations)
        where T : unmanaged;

    /// <summary>Waits until every array holds its values.</summary>
    /// <exception cref="DeviceLostException">The device failed meanwhile.</exception>
    void Finish();
}
