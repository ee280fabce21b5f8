using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cpu;

/// <summary>A batch's frames cut into tiles, each inside one utterance: tiles follow from their utterance alone.</summary>
internal readonly struct FrameTiles
{
    private readonly PackedBatch _batch;
    private readonly long[] _firstTile;
    private readonly int[] _framesOfTile;

    /// <param name="batch">The utterances.</param>
    /// <param name="framesOfTile">Frames of an utterance to the frames of each of its tiles.</param>
    public FrameTiles(PackedBatch batch, Func<long, int> framesOfTile)
    {
        _batch = batch;
        _firstTile = new long[batch.Count + 1];
        _framesOfTile = new int[batch.Count];
        for (int i = 0; i < batch.Count; i++)
        {
            _framesOfTile[i] = framesOfTile(batch[i].Frames);
            _firstTile[i + 1] = _firstTile[i] + (batch[i].Frames + _framesOfTile[i] - 1) / _framesOfTile[i];
        }
    }

    public long Count => _firstTile[^1];

    /// <summary>The utterance of a tile, the tile's first frame in it, and its frames; the last tile may reach past the utterance.</summary>
    public (PackedUtterance Utterance, long Frame, int Frames) this[long tile]
    {
        get
        {
            int found = Array.BinarySearch(_firstTile, tile);
            int index = found >= 0 ? found : ~found - 1;
            return (_batch[index], (tile - _firstTile[index]) * _framesOfTile[index], _framesOfTile[index]);
        }
    }
}
