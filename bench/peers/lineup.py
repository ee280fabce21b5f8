"""Who runs what: the contestants of a device, the workloads, and in what batches each takes them."""
from dataclasses import dataclass, field

import numpy as np

from race import Workload
from speech import RATE

SHORTEST, LONGEST, MEAN = 2, 35, 12   # of LibriSpeech-like lengths, seconds


@dataclass
class Entry:
    """`process` groups contestants that share one; `takes` says in what batches: workload -> (size, by length)."""
    label: str
    process: str
    precision: str
    takes: dict
    peer: str = None
    settings: dict = field(default_factory=dict)


ALONE = [(0, False)]
PADDED = [(16, False), (32, False), (8, False)]
SORTED = [(32, True), (16, True)]


def of_cuda():
    """Half precision is what a GPU is used with. What compiles has a process of its own: it may be stopped for taking too long."""
    everything = {"64x15": ALONE, "mixed": ALONE, "1x10": ALONE}
    fixed = lambda *sizes: [(size, False) for size in sizes]
    hugging_face = {"64x15": fixed(32, 16, 64), "mixed": PADDED + SORTED, "1x10": fixed(1)}
    return [   # what matters most comes first: the budget may not reach to the end
        Entry("wavlm", "wavlm fp16", "fp16", everything),
        Entry("transformers eager", "eager", "fp16", hugging_face, "transformers_peer", {"attention": "eager"}),
        Entry("transformers sdpa", "eager", "fp16", {"64x15": fixed(32), "mixed": fixed(16, 32)}, "transformers_peer", {"attention": "sdpa"}),
        Entry("flex", "flex", "fp16", everything, "flex_peer"),
        Entry("transformers eager", "eager", "bf16", {"64x15": fixed(32), "mixed": fixed(16)}, "transformers_peer", {"attention": "eager"}),
        Entry("wavlm", "wavlm bf16", "bf16", {"64x15": ALONE, "mixed": ALONE}),
        Entry("transformers compiled", "compiled", "fp16", {"64x15": fixed(32), "1x10": fixed(1)}, "transformers_peer",
              {"attention": "eager", "compiled": True}),
        Entry("torchaudio", "eager", "fp16", {"64x15": fixed(32), "mixed": ALONE, "1x10": fixed(1)}, "torchaudio_peer"),
        Entry("onnxruntime", "onnxruntime", "fp32", {"64x15": fixed(16), "1x10": fixed(1)}, "onnxruntime_peer"),
        Entry("torch", "eager", "fp16", {"64x15": fixed(16), "1x10": fixed(1)}, "plain_peer"),
        Entry("flex", "flex", "bf16", {"64x15": ALONE}, "flex_peer"),
    ]


def of_cpu():
    return [
        Entry("onnxruntime-node", "onnxruntime-node", "fp32", {"1x10": ALONE, "mixed": [(0, False), (8, False)]}),
        Entry("wavlm", "wavlm fp32", "fp32", {"1x10": ALONE, "mixed": ALONE}),
        Entry("wavlm", "wavlm bf16", "bf16", {"1x10": ALONE}),
        Entry("wavlm", "wavlm int8", "int8", {"1x10": ALONE}),
        Entry("torch", "torch", "fp32", {"1x10": ALONE}, "plain_peer"),
    ]


def tiny(device):
    """Everyone that there is, on models of two narrow layers."""
    half = "fp16" if device == "cuda" else "bf16"
    every = {"2x2": [(0, False)], "mixed": [(0, False)]}
    padded = {"2x2": [(2, False)], "mixed": [(2, False), (2, True)]}
    ours = ("fp32", half) if device == "cuda" else ("fp32", half, "int8")
    entries = [Entry("wavlm", f"wavlm {precision}", precision, every) for precision in ours]
    for attention in ("eager", "sdpa"):
        entries.append(Entry(f"transformers {attention}", "python", "fp32", padded, "transformers_peer", {"attention": attention}))
    entries += [
        Entry("transformers compiled", "compiled", "fp32", {"2x2": [(2, False)]}, "transformers_peer", {"attention": "eager", "compiled": True}),
        Entry("torchaudio", "python", "fp32", {"2x2": [(2, False)], "mixed": [(0, False)]}, "torchaudio_peer"),
        Entry("torch", "python", "fp32", {"2x2": [(2, False)]}, "plain_peer"),
        Entry("torch", "python", half, {"2x2": [(2, False)]}, "plain_peer"),
        Entry("flex", "python", "fp32", every, "flex_peer"),
        Entry("flex", "python", half, every, "flex_peer"),
        Entry("onnxruntime", "python", "fp32", {"2x2": [(2, False)], "mixed": [(0, False)]}, "onnxruntime_peer"),
    ]
    if device == "cpu":   # the one device of Node's package
        entries.append(Entry("onnxruntime-node", "onnxruntime-node", "fp32", {"2x2": [(2, False)], "mixed": [(0, False), (2, False)]}))
    return entries


def workloads(device, is_tiny, speech, folder):
    """By the order in which they are run: the one that matters most first, in case the time runs out."""
    def of(name, lengths, rounds, warm_up, seed):
        return Workload.write(name, folder / f"{name}.f32", speech, lengths, seed, rounds, warm_up)

    if is_tiny:
        return [of("2x2", [2 * RATE] * 2, 1, 0, 3), of("mixed", [27_000, 9_600, 17_777], 1, 0, 4)]
    if device == "cpu":   # a minute of work needs no warm-up; of half a second, .NET still compiles during the first rounds
        return [of("1x10", [10 * RATE], 7, 5, 1), of("mixed", np.random.default_rng(2).integers(2 * RATE, 20 * RATE + 1, 64), 3, 0, 3)]
    return [of("64x15", [15 * RATE] * 64, 5, 0, 1), of("mixed", librispeech_like(64), 5, 0, 3), of("1x10", [10 * RATE], 20, 5, 5)]


def librispeech_like(utterances):
    """Many near 15 s, as many short ones, a few up to the longest: a seeded draw of two humps whose mean is 12 s."""
    random = np.random.default_rng(2)
    long = random.random(utterances) < 0.55
    seconds = np.where(long, random.normal(15.2, 1.6, utterances), random.gamma(2.6, 2.6, utterances) + 1.2).clip(SHORTEST, LONGEST)
    seconds[0] = LONGEST
    others = seconds[1:]
    others *= (MEAN * utterances - LONGEST) / others.sum()
    return (seconds.clip(SHORTEST, LONGEST) * RATE).astype(int)
