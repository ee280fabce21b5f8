#!/usr/bin/env python3
"""WavLM.Cuda against ONNX Runtime and PyTorch on the CPU: the same audio, the same threads, in turn; outputs compared first.

The last line is RESULT with three ratios: how many times faster than ONNX Runtime's float32 we are (README.md has the rules).
"""
import argparse
import json
import os
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from contestant import Contestant, ContestantError
from race import Race, Runner, Workload
from speech import RATE, find_speech

HERE = Path(__file__).resolve().parent
SHORTEST, LONGEST, PADDED_BATCH = 2, 20, 8   # of the mixed workload: seconds, seconds, utterances
WARM_UP = 5   # uncounted rounds of the single utterance: .NET still compiles in the background during the first ones


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wavlm", type=Path, required=True, help="the command, to make a checkpoint with")
    parser.add_argument("--bench", type=Path, required=True, help="the benchmark program; `serve` makes it a contestant")
    parser.add_argument("--audio", type=Path, required=True, help="a folder of recordings, 16 kHz, mono, 16 bit")
    parser.add_argument("--out", type=Path, required=True, help="a JSON file for every raw timing")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7, help="of the single utterance")
    parser.add_argument("--mixed-rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=10, help="length of the single utterance")
    parser.add_argument("--utterances", type=int, default=64, help="of the mixed workload")
    parser.add_argument("--without-pytorch", action="store_true")
    parser.add_argument("--tiny", action="store_true", help="a model of two narrow layers: tries the scripts, measures nothing")
    parser.add_argument("--work", type=Path, default=HERE.parents[1] / "artifacts/peers",
                        help="where checkpoint, graph and waveforms are kept")
    return parser.parse_args()


def main():
    options = parse_arguments()
    size = HERE / "tiny.json" if options.tiny else "base"
    folder = options.work / ("tiny" if options.tiny else "base")
    folder.mkdir(parents=True, exist_ok=True)
    model = make_checkpoint(options.wavlm, size, folder / "model")
    graph = export_graph(model, folder / "model.onnx")

    started = []
    def start(command, path, precision="fp32"):
        started.append(Contestant(command, path, options.threads, precision))
        return started[-1]

    try:
        onnxruntime = start(["node", HERE / "onnxruntime_peer.mjs"], graph)
        ours = start([options.bench, "serve"], model)
        ours_bf16 = start([options.bench, "serve"], model, "bf16")
        one = Race("one", single_utterance(options, folder, model), [
            Runner("onnxruntime_fp32", onnxruntime), Runner("ours_fp32", ours), Runner("ours_bf16", ours_bf16, "bf16")], "onnxruntime_fp32")
        mixed = Race("mixed", mixed_utterances(options, folder, model), [
            Runner("onnxruntime_one_by_one", onnxruntime), Runner("onnxruntime_padded", onnxruntime, batch=PADDED_BATCH),
            Runner("ours", ours)], "onnxruntime_padded")
        if not options.without_pytorch:
            one.runners.append(Runner("pytorch_fp32", start([sys.executable, HERE / "torch_peer.py"], model)))
        for race, rounds, warm_up in ((one, options.rounds, WARM_UP), (mixed, options.mixed_rounds, 0)):
            race.compare_outputs(folder)   # which warms up, too: enough for a minute of work, not for half a second
            race.time(rounds, warm_up)
    finally:
        for contestant in started:
            contestant.quit()

    ratios = {"fp32_vs_onnxruntime": one.ratio("ours_fp32"), "bf16_vs_onnxruntime": one.ratio("ours_bf16"),
              "mixed_vs_onnxruntime_padded": mixed.ratio("ours")}
    write_timings(options, [one, mixed], ratios)
    print_table([one, mixed])
    print("RESULT", " ".join(f"{name}={ratio:.2f}" for name, ratio in ratios.items()))


def make_checkpoint(wavlm, size, folder):
    if not (folder / "model.safetensors").exists():
        subprocess.run([wavlm, "init", "--size", size, "--seed", "1", "--out", folder], check=True)
    return folder


def export_graph(model, graph):
    """In a process of its own: PyTorch and its threads shall not live beside the contestants."""
    sources = [model / "model.safetensors", *(HERE / name for name in ("checkpoint.py", "wavlm_torch.py", "export_onnx.py"))]
    if not graph.exists() or graph.stat().st_mtime < max(source.stat().st_mtime for source in sources):
        unfinished = graph.with_suffix(".unfinished")
        subprocess.run([sys.executable, HERE / "export_onnx.py", model, unfinished], check=True)
        unfinished.rename(graph)
    return graph


def single_utterance(options, folder, model):
    return Workload.write(folder / "one.f32", find_speech(options.audio), [options.seconds * RATE], last_layer(model), seed=1)


def mixed_utterances(options, folder, model):
    """In the order drawn, which is the order in which they are padded by eights."""
    lengths = np.random.default_rng(2).integers(SHORTEST * RATE, LONGEST * RATE + 1, options.utterances)
    return Workload.write(folder / "mixed.f32", find_speech(options.audio), lengths, last_layer(model), seed=3)


def last_layer(model):
    return json.loads((model / "config.json").read_text())["num_hidden_layers"]


def write_timings(options, races, ratios):
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "cpu": cpu_name(),
        "logical_cpus": os.cpu_count(),
        "threads": options.threads,
        "load_average": os.getloadavg(),
        "model": "tiny" if options.tiny else "base",
        "ratios": ratios,
        "races": {race.name: {
            "audio_seconds": race.workload.audio_seconds,
            "utterance_samples": race.workload.lengths,
            "baseline": race.baseline,
            "output_compared_with": race.runners[0].name,
            "runners": {runner.name: {"engine": runner.contestant.name, "precision": runner.precision, "padded_batch": runner.batch,
                                      "worst_relative_l2": runner.difference, "seconds": runner.seconds} for runner in race.runners},
        } for race in races},
    }, indent=1) + "\n")


def print_table(races):
    print("| workload | runner | engine | median s | fastest s | times real time | against the baseline | relative L2 |")
    print("|---|---|---|---|---|---|---|---|")
    for race in races:
        for runner in race.runners:
            print(f"| {race.name} | {runner.name} | {runner.contestant.name} | {runner.median:.3f} | {min(runner.seconds):.3f} "
                  f"| {race.workload.audio_seconds / runner.median:.1f} | {race.ratio(runner.name):.2f} | {runner.difference:.1e} |")


def cpu_name():
    names = [line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else "unknown"


if __name__ == "__main__":
    try:
        main()
    except (ContestantError, FileNotFoundError, subprocess.CalledProcessError) as error:
        sys.exit(f"compare_cpu: {error}")
