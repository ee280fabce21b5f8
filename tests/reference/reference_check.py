#!/usr/bin/env python3
"""The two flavours at full size: random Base- and Large-shaped checkpoints over 20 s of speech, every layer against the plain
PyTorch reference run on double weights and a double waveform.  A row per flavour and precision that the device has; exit 1
when a bound is broken.  Takes minutes (on the emulated CUDA device hours), some 8 GB of memory and 2 GB of disk: a script of
its own, not a part of `make test`.
"""
import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench/peers"))
from checkpoint import read_config, read_tensors   # noqa: E402
from speech import RATE, read_recording, write_recording   # noqa: E402

BOUND = {"fp32": 1e-5, "fp16": 2e-3, "bf16": 1.5e-2, "int8": 5e-2}   # relative L2 of every layer
NORMALISATION_EPS = 1e-7                 # of Hugging Face's feature extractor


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wavlm", type=Path, default=ROOT / "bin/wavlm")
    parser.add_argument("--reference", type=Path, default=ROOT.parent / "shared/reference", help="the folder of encoder.py")
    parser.add_argument("--audio", type=Path, nargs="+", required=True, help="recordings, 16 kHz, mono, 16 bit: joined, repeated, cut")
    parser.add_argument("--seconds", type=int, default=20, help="past the bias table's 800 frames")
    parser.add_argument("--sizes", nargs="+", default=["base", "large"])
    parser.add_argument("--device", default="cpu", help="cpu, or cuda[:N]")
    parser.add_argument("--precisions", nargs="+", choices=BOUND, help="by default all that the device has")
    options = parser.parse_args()
    if options.precisions is None:
        options.precisions = [precision for precision in BOUND if precision != ("fp16" if options.device == "cpu" else "int8")]
    return options


def main():
    options = parse_arguments()
    torch.set_num_threads(os.cpu_count())   # Debian's PyTorch starts with one
    encoder = load_reference(options.reference)
    samples = join(options.audio, options.seconds * RATE)
    held = True
    for size in options.sizes:
        with tempfile.TemporaryDirectory() as folder:
            model, recording = Path(folder) / "model", Path(folder) / "speech.wav"
            write_recording(recording, samples)
            wavlm(options.wavlm, "init", "--size", size, "--seed", "1", "--out", model)
            expected = reference_states(encoder, model, samples)
            for precision in options.precisions:
                out = Path(folder) / precision
                wavlm(options.wavlm, "extract", "--model", model, "--out", out, "--layers", "all", "--device", options.device,
                      "--precision", precision, recording)
                layer, error = worst_layer(expected, np.load(out / "speech.npy"))
                good = error <= BOUND[precision]   # false for NaN
                held &= good
                print(f"{'ok  ' if good else 'FAIL'} {size:6s} {precision}  {error:.1e} (at most {BOUND[precision]:.1e})  "
                      f"layer {layer} of {len(expected) - 1}, {expected.shape[1]} frames", flush=True)
    return held


def load_reference(folder):
    specification = importlib.util.spec_from_file_location("encoder", folder / "encoder.py")
    encoder = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(encoder)
    return encoder


def join(recordings, length):
    speech = np.concatenate([read_recording(path) for path in recordings])
    return speech[np.arange(length) % len(speech)]


def wavlm(command, *arguments):
    subprocess.run([command, *arguments], check=True)


def reference_states(encoder, model, samples):
    """[layers + 1, frames, width], float64 from the sample to the last layer."""
    waveform = torch.tensor(samples / 32768.0)
    if json.loads((model / "preprocessor_config.json").read_text())["do_normalize"]:
        waveform = encoder.normalize_waveform(waveform, NORMALISATION_EPS)
    states, _ = encoder.encode(read_config(model), read_tensors(model, torch.float64), waveform)
    return torch.stack(states).numpy()


def worst_layer(expected, actual):
    if actual.shape != expected.shape:
        sys.exit(f"reference_check: the features are {actual.shape}, expected are {expected.shape}")
    errors = [np.linalg.norm(a - e) / np.linalg.norm(e) for e, a in zip(expected, actual.astype(np.float64))]
    worst = int(np.argmax(errors))   # a NaN counts as the largest
    return worst, errors[worst]


if __name__ == "__main__":
    try:
        sys.exit(0 if main() else 1)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"reference_check: {error}")
