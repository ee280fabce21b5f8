// frames[utterance's first_frame + t] = slots[utterance's first_slot + t] for each frame t of each utterance: between two
// utterances a batch's slots hold a row that is nobody's, its frames hold none.
// slots [rows, C] Element, the stretch of the batch's slots that begins at first_slot; frames [all frames, C] Element; C any
// value. Frames whose slots lie outside the stretch stay as they are. Slots that are no frame are not even read: nobody may
// have written them.
// One warp a slot, WARPS slots a block; each finds its utterance by itself, in log2(count) loads that all lanes share.
// A copy, bit by bit. 2 * rows * C * sizeof(Element) bytes, no FLOPs: bound by memory.
#include "common/packed.cuh"
#include "common/packed_batch.cuh"

extern "C" __global__ void __launch_bounds__(32 * WARPS)
compact(const Utterance* __restrict__ utterances, int count, const Element* __restrict__ slots, long long first_slot, long long rows,
        Element* __restrict__ frames)
{
    const long long row = (long long)blockIdx.x * WARPS + threadIdx.x / 32;
    if (row >= rows) return;

    const Utterance utterance = utterances[utterance_at(utterances, count, first_slot + row)];
    const long long frame = first_slot + row - utterance.first_slot;
    if (frame >= utterance.frames) return;

    const Element* from = slots + row * C;                        // [C]
    Element* to = frames + (utterance.first_frame + frame) * C;    // [C]
    for (int channel = threadIdx.x % 32 * WIDTH; channel < C; channel += 32 * WIDTH)
        store_packed(to + channel, load_packed<WIDTH>(from + channel));
}
