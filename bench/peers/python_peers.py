"""The Python peers, in one process: one JSON request a line on stdin, one answer a line on stdout (README.md has the protocol).

A request names its contestant; `load` names the module that makes it. What is in memory is shared: PyTorch's caching
allocator serves them all, so several settings of a library take no more of a GPU than the greediest.
"""
import importlib
import json
import sys
import time
from pathlib import Path

import numpy as np


class Stage:
    """The contestants of this process, and the waveforms they were last given."""

    def __init__(self):
        self.engines = {}
        self.prepared = {}
        self.waveforms = None

    def load(self, contestant, peer, model, threads, precision, device, **settings):
        try:
            module = importlib.import_module(peer)
        except ImportError as error:
            raise ValueError(f"not importable: {error}") from error
        self.engines[contestant] = engine = module.load(model, threads, precision, device, **settings)
        return {"ok": True, "name": engine.name, "stands_in": engine.stands_in}

    def run(self, contestant, waveforms, lengths, layer, batches, output):
        engine = self.engines[contestant]
        if layer != engine.layers:
            raise ValueError(f"layer {layer}: this peer gives the last one, {engine.layers}")
        if waveforms != self.waveforms:
            self.waveforms = waveforms
            self.prepared.clear()
            engine.release()
        key = contestant, str(batches)
        if key not in self.prepared:   # as a loader's workers would, beside the GPU's work: it is not timed
            utterances = np.split(np.fromfile(waveforms, "<f4"), np.cumsum(lengths)[:-1])
            self.prepared[key] = [engine.prepare([utterances[i] for i in batch]) for batch in batches or engine.batches(lengths)]
        batches, inputs = batches or engine.batches(lengths), self.prepared[key]
        start = time.perf_counter()
        features = engine.encode(inputs)
        seconds = time.perf_counter() - start
        if output:
            write_features(output, lengths, batches, [engine.rows(x, y) for x, y in zip(inputs, features)])
        return {"seconds": seconds}

    def attention(self, **request):
        return importlib.import_module("attention").measure(**request)


def write_features(path, lengths, batches, features):
    """Utterances end to end in the order of the waveforms, whatever the order of the batches."""
    rows = [None] * len(lengths)
    for batch, of_batch in zip(batches, features):
        for i, utterance in zip(batch, of_batch):
            rows[i] = np.ascontiguousarray(utterance, "<f4")
    Path(path).write_bytes(b"".join(row.tobytes() for row in rows))


def main():
    stage = Stage()
    try:
        import torch   # now, beside the other processes that start
    except ImportError:
        pass           # `load` says so
    for line in sys.stdin:
        request = json.loads(line)
        operation = request.pop("op")
        if operation == "quit":
            break
        try:
            answer = {"load": stage.load, "run": stage.run, "attention": stage.attention}[operation](**request)
        except Exception as error:   # the one who asked decides what a failure means
            kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "   # a ValueError is a peer's own word
            answer = {"error": kind + str(error).strip()[:500]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
