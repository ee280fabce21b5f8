using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.Backends.Cuda;

/// <summary>
/// Values between page-locked memory and arrays, on several threads where there are many: one copies slower than the bus does, and
/// of a fresh array each page is a fault first. An hour of Large's features is 740 MB.
/// </summary>
internal static class PinnedPieces
{
    private const int BytesOfPiece = 1 << 20;

    /// <summary>Memories end to end into a buffer.</summary>
    public static void Gather<T>(IReadOnlyList<ReadOnlyMemory<T>> from, PinnedBuffer to)
        where T : unmanaged
        => InPieces<T>([.. from.Select(static memory => memory.Length)], (index, first, place, count) => from[index].Span.Slice(first, count).CopyTo(to.Span<T>().Slice(place, count)));

    /// <summary>A buffer's values to arrays, in their order.</summary>
    public static void Distribute<T>(PinnedBuffer from, T[][] to)
        where T : unmanaged
        => InPieces<T>([.. to.Select(static array => array.Length)], (index, first, place, count) => from.Span<T>().Slice(place, count).CopyTo(to[index].AsSpan(first, count)));

    private static unsafe void InPieces<T>(int[] lengths, Action<int, int, int, int> copy)
        where T : unmanaged
    {
        int most = BytesOfPiece / sizeof(T);
        List<(int Index, int First, int Place, int Count)> pieces = [];
        int place = 0;
        for (int i = 0; i < lengths.Length; i++)
        {
            for (int first = 0; first < lengths[i]; first += most) pieces.Add((i, first, place + first, Math.Min(most, lengths[i] - first)));
            place = checked(place + lengths[i]);
        }
        // A few pieces are copied sooner than others are woken for them.
        if (place <= most)
        {
            foreach ((int index, int first, int at, int count) in pieces) copy(index, first, at, count);
            return;
        }
        Parallel.ForEach(pieces, piece => copy(piece.Index, piece.First, piece.Place, piece.Count));
    }
}
