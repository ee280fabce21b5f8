using System.Collections.Immutable;

namespace WavLM.Cuda.Model;

/// <summary>
/// The rows that each level of the convolutional front end needs for a stretch of slots. Level 0 is the first
/// convolution's output, the last level is the frames'.
/// </summary>
internal readonly struct FrontEndTile
{
    private readonly ImmutableArray<ConvLayer> _layers;
    private readonly long[] _rows;
    private readonly int _rowTile;

    public FrontEndTile(EncoderConfig config, long firstSlot, long slots, int rowTile)
    {
        _layers = config.ConvLayers;
        _rowTile = rowTile;
        _rows = new long[_layers.Length];
        _rows[^1] = slots;
        for (int i = _rows.Length - 1; i > 0; i--) _rows[i - 1] = (_rows[i] - 1) * _layers[i].Stride + _layers[i].Kernel;
        long stride = 1;
        for (int i = 1; i < _layers.Length; i++) stride *= _layers[i].Stride;
        FirstRow = firstSlot * stride;
    }

    /// <summary>Where level 0 begins in the packed rows of the first convolution's output.</summary>
    public long FirstRow { get; }

    /// <summary>Rows of a level that end up in the tile's slots.</summary>
    public long Rows(int level) => _rows[level];

    /// <summary>Rows of a level that must be readable: the next level is computed in whole row tiles.</summary>
    public long ReadableRows(int level)
    {
        if (level == _rows.Length - 1) return _rows[level];
        long computed = (_rows[level + 1] + _rowTile - 1) / _rowTile * _rowTile;
        return computed * _layers[level + 1].Stride + _layers[level + 1].Kernel;
    }
}
