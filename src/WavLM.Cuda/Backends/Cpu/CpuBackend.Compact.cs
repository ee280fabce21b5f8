using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cpu;

internal sealed unsafe partial class CpuBackend
{
    /// <inheritdoc />
    public void Compact(PackedBatch batch, Tensor slots, long firstSlot, Tensor frames)
    {
        RequireShape(frames, batch.Frames, slots.Columns, nameof(frames));
        long rowBytes = (long)slots.Columns * slots.Type.Bytes();
        long slot = firstSlot, end = firstSlot + slots.Rows;
        while (slot < end)
        {
            PackedUtterance utterance = batch[batch.UtteranceAt(slot)];
            long frame = slot - utterance.FirstSlot, count = Math.Min(utterance.Frames - frame, end - slot);
            if (count > 0)
                Buffer.MemoryCopy(RowOf(slots, slot - firstSlot), RowOf(frames, utterance.FirstFrame + frame), count * rowBytes, count * rowBytes);
            slot = Math.Min(end, utterance.FirstSlot + utterance.Slots);
        }
    }
}
