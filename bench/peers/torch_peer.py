"""PyTorch as a contestant: one JSON request a line on stdin, one reply a line on stdout (README.md has the protocol)."""
import functools
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

from wavlm_torch import load


class TorchPeer:
    def load(self, model, threads, precision):
        if precision != "fp32":
            raise ValueError(f"precision {precision}: this peer computes in fp32 alone")
        torch.set_num_threads(threads)
        self.encoder = load(model)
        return {"ok": True, "name": f"PyTorch {torch.__version__}, {blas()}"}

    def run(self, waveforms, lengths, layer, batch, output):
        if layer != len(self.encoder.layers):
            raise ValueError(f"layer {layer}: this peer gives the last one, {len(self.encoder.layers)}")
        utterances = read_utterances(waveforms, tuple(lengths))
        start = time.perf_counter()
        with torch.inference_mode():
            features = [self.encoder(pad(utterances[i:i + (batch or 1)])) for i in range(0, len(utterances), batch or 1)]
        seconds = time.perf_counter() - start
        if output:
            rows = (row for padded in features for row in padded)
            Path(output).write_bytes(b"".join(row[:self.encoder.frames(n)].numpy().tobytes() for row, n in zip(rows, lengths)))
        return {"seconds": seconds}


@functools.lru_cache(maxsize=4)
def read_utterances(path, lengths):
    return torch.from_numpy(np.fromfile(path, "<f4")).split(lengths)


def pad(utterances):
    return torch.nn.utils.rnn.pad_sequence(utterances, batch_first=True)


def blas():
    """Debian's PyTorch takes whichever BLAS the system has: reference BLAS is slower by a factor of ten and more."""
    libraries = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "libblas" in line}
    return "OpenBLAS" if any("openblas" in library for library in libraries) else f"BLAS {', '.join(sorted(libraries))}"


def main():
    peer = TorchPeer()
    for line in sys.stdin:
        request = json.loads(line)
        operation = request.pop("op")
        if operation == "quit":
            break
        try:
            reply = {"load": peer.load, "run": peer.run}[operation](**request)
        except Exception as error:   # the one who asked decides what a failure means
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
