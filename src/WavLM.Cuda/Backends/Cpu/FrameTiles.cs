using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cpu;

/// <summary>A batch's frames cut into tiles, each inside one utterance: where a tile lies follows from its utterance alone.</summary>
internal readonly struct FrameTiles
{
    private readonly PackedBatch _batch;
    private readonly long[] _firstTile;
    private readonly int _framesOfTile;

    public FrameTiles(PackedBatch batch, int framesOfTile)
    {
        _batch = batch;
        _framesOfTile = framesOfTile;
        _firstTile = new long[batch.Count + 1];
        for (int i = 0; i < batch.Count; i++) _firstTile[i + 1] = _firstTile[i] + (batch[i].Frames + framesOfTile - 1) / framesOfTile;
    }

    public long Count => _firstTile[^1];

    /// <summary>The utterance of a tile and the tile's first frame in it.</summary>
    public (PackedUtterance Utterance, long Frame) this[long tile]
    {
        get
        {
            int found = Array.BinarySearch(_firstTile, tile);
            int index = found >= 0 ? found : ~found - 1;
            return (_batch[index], (tile - _firstTile[index]) * _framesOfTile);
        }
    }
}
