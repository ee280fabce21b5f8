// The tables of a packed batch, with the layout of the host's structs. Utterances lie end to end without padding; an
// utterance of T frames has T + 1 slots at the level of frames (more where a frame sees more than two slots), and as many
// rows a slot at the levels before it as the strides between come to.
#pragma once

struct Utterance
{
    float* samples;          // its own buffer
    long long sample_count;
    long long first_slot;    // where its slots begin at the level of frames
    long long first_frame;   // where its frames begin once compacted
    long long frames;        // at least one
};

// Frames of an utterance, as many as the kernel's define TILE_FRAMES says, fewer at its end.
struct Tile
{
    int utterance;
    int first;   // a frame of the utterance
};

static_assert(sizeof(Utterance) == 40 && sizeof(Tile) == 8, "the host writes these tables");

// The last utterance that begins at or before a slot. The lanes of a warp ask for one slot, so each step is one load.
__device__ __forceinline__ int utterance_at(const Utterance* utterances, int count, long long slot)
{
    int low = 0, high = count - 1;
    while (low < high) {
        const int middle = (low + high + 1) / 2;
        if (utterances[middle].first_slot <= slot) low = middle;
        else high = middle - 1;
    }
    return low;
}
