#!/usr/bin/env python3
"""WavLM.Cuda against the other ways to run WavLM: the same weights, the same audio, in turn; outputs compared first.

Writes every raw timing in the format of `wavlm bench`, prints a table, and last what the figures come to (README.md has the rules).
A peer that is missing, fails or gives other features is not timed, and the file says why; only a failure of ours is an error.
"""
import argparse
import json
import signal
import subprocess
import sys
from pathlib import Path

import lineup
import results
import verdict
from checkpoint import normalizes
from contestant import Contestant, ContestantError, EngineProcess
from export_onnx import graph_of
from race import Budget, Race, Runner
from speech import find_speech

HERE = Path(__file__).resolve().parent
PATIENCE = {"cuda": 150, "cpu": 1800}   # seconds for one request; torch.compile takes up to a minute or two
# Of what is left of the budget when it is a race's turn.
SHARE = {"large 64x15": 0.38, "large mixed": 0.4, "large 1x10": 0.15, "attention": 0.15, "base 64x15": 0.5, "base mixed": 0.6}
HEADS = {"large": 16, "base": 12}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wavlm", type=Path, required=True, help="the command: it makes the checkpoints, and `bench serve` makes it a contestant")
    parser.add_argument("--audio", type=Path, required=True, help="a folder of recordings, 16 kHz, mono, 16 bit")
    parser.add_argument("--out", type=Path, required=True, help="the JSON file of measurements")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--tiny", action="store_true", help="models of two narrow layers, every peer: tries the scripts, measures nothing")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--budget", type=float, default=10_800, help="seconds for everything; what does not fit is left out, and named")
    parser.add_argument("--batch-seconds", type=float, help="of ours; what `wavlm extract` takes where it is not given")
    parser.add_argument("--kernels", type=Path, nargs="*", default=[], help="files of `wavlm bench kernels` of the same run: attention is compared with FlashAttention")
    parser.add_argument("--work", type=Path, default=HERE.parents[1] / "artifacts/peers", help="where checkpoints, graphs and waveforms are kept")
    return parser.parse_args()


def main():
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("compare: stopped"))   # by way of what ends the engines
    comparison, budget = Comparison(options), Budget(options.budget)
    try:
        run(options, comparison, budget)
    finally:
        comparison.quit()
    results.print_table(comparison.measurements)
    print("\n".join(comparison.verdict()))
    return verdict.failures_of_ours(comparison.measurements)


def run(options, comparison, budget):
    if options.tiny:
        for size in ("tiny-base", "tiny-large"):
            comparison.run_size(size, budget)
        comparison.run_attention("tiny", 1, [96], budget)
    elif options.device == "cpu":
        comparison.run_size("base", budget)
    else:
        comparison.run_size("large", budget)
        for size, heads in HEADS.items():
            comparison.run_attention(size, heads, [1000, 2000, 4000], Budget(budget.left() * SHARE["attention"]))
        comparison.run_size("base", budget)


class Comparison:
    def __init__(self, options):
        self.options, self.patience = options, PATIENCE[options.device]
        self.speech = find_speech(options.audio)
        self.kernels = [entry for file in options.kernels for entry in json.loads(file.read_text())["measurements"]]
        self.started = results.now()
        self.machine = {"device": "unknown: ours did not load", "device_set": "", "processor": "", "threads": options.threads}
        self.processes, self.races, self.measurements, self.names = {}, [], [], {}

    def run_size(self, size, budget):
        folder = self.options.work
        model = make_checkpoint(self.options.wavlm, size, folder)
        config = json.loads((model / "config.json").read_text())
        entries = lineup.tiny(self.options.device) if self.options.tiny else lineup.of_cuda() if self.options.device == "cuda" else lineup.of_cpu()
        for name in ["reference", *(entry.process for entry in entries)]:
            self.process(name)   # all at once: starting takes some of them ten seconds
        reference = self.reference(size, model)
        contestants = [self.contestant(size, entry, model) for entry in entries]
        for workload in lineup.workloads(self.options.device, self.options.tiny, self.speech, folder):
            runners = [Runner(entry.label, contestant, *batches) for entry, contestant in zip(entries, contestants)
                       for batches in entry.takes.get(workload.name, [])]
            race = Race(size, workload, runners, config["num_hidden_layers"], config["feat_extract_norm"] == "group")
            self.refuse(race, model)
            race.run(reference, folder, budget, SHARE.get(race.case, 1), self.patience)
            self.races.append(race)
            self.measurements += results.of_race(race)
            for entry, contestant in zip(entries, contestants):
                if contestant.answer:
                    self.names[f"{entry.label} {entry.precision}"] = contestant.name
                    self.machine = contestant.answer.get("machine", self.machine)
            self.save()

    def run_attention(self, size, heads, frame_counts, budget):
        """Of 16 utterances, by PyTorch alone; ours is a line of `wavlm bench kernels`."""
        utterances, runs = (2, 2) if self.options.tiny else (16, 20)
        for runner in ("flash", "flex"):
            for precision in ("fp32",) if self.options.device == "cpu" else ("fp16", "bf16"):
                for frames in frame_counts:
                    self.measurements.append(self.attention(self.process("attention"), runner, size, utterances, heads, frames, precision, runs, budget))
        self.save()

    def attention(self, process, runner, size, utterances, heads, frames, precision, runs, budget):
        about = dict(name="gated_attention", case=f"{size} {frames} frames x {utterances}", precision=precision, runner=f"torch {runner}",
                     flops=4.0 * utterances * heads * frames * frames * 64)
        try:
            if budget.spent():
                raise ContestantError(f"the budget of {budget.seconds:.0f} s was spent")
            answer = process.ask(budget.left(self.patience), op="attention", runner=runner, utterances=utterances, heads=heads, frames=frames,
                                 width=64, precision=precision, device=self.options.device, runs=runs)
            return results.measurement(seconds=answer["seconds"], relative_error=results.finite(answer["relative_error"]), **about)
        except ContestantError as error:
            return results.measurement(seconds=[], not_timed=str(error), **about)

    def process(self, name):
        """It outlives a size of the model, unless it is lost."""
        if name not in self.processes or self.processes[name].lost:
            self.processes[name] = self.start(name)
        return self.processes[name]

    def start(self, name):
        command = ([self.options.wavlm, "bench", "serve"] if name.startswith("wavlm")
                   else ["node", HERE / "onnxruntime_peer.mjs"] if name == "onnxruntime-node" else [sys.executable, HERE / "python_peers.py"])
        return EngineProcess(command, self.options.threads, self.options.work / f"{name.replace(' ', '-')}.log")

    def quit(self):
        for process in self.processes.values():
            process.quit()

    def save(self):
        """After every race, so that a run which is stopped leaves what it has."""
        results.write(self.options.out, self.started, self.machine, self.measurements,
                      [*(f"{name}: {engine}" for name, engine in self.names.items()), *self.verdict()])

    def verdict(self):
        return verdict.lines(self.options.device, self.options.tiny, self.races, self.measurements, self.kernels)

    def contestant(self, size, entry, model):
        settings = entry.settings
        if entry.label == "wavlm":
            settings = {"batch_seconds": self.options.batch_seconds} if self.options.batch_seconds else {}
        if entry.peer:
            settings = settings | {"peer": entry.peer}
        return Contestant(self.process(entry.process), f"{size} {entry.label} {entry.precision}", model, self.options.threads, entry.precision, self.options.device, **settings)

    @staticmethod
    def refuse(race, model):
        """The Node package gets a graph and waveforms as they are."""
        for runner in (runner for runner in race.runners if runner.label == "onnxruntime-node"):
            try:
                if normalizes(model):
                    raise ValueError("it gets waveforms as they are, and this checkpoint wants them normalised")
                runner.contestant.request["model"] = str(graph_of(model))
            except ValueError as error:
                runner.not_timed = str(error)

    def reference(self, size, model):
        """On the device, or on the CPU where PyTorch does not see it: an emulated one, say."""
        for device in dict.fromkeys([self.options.device, "cpu"]):
            reference = Contestant(self.process("reference"), f"{size} reference", model, self.options.threads, "fp32", device, peer="plain_peer")
            try:
                reference.load(self.patience)
                break
            except ContestantError:
                continue   # the races ask again, and say what it was
        return reference


def make_checkpoint(wavlm, size, folder):
    model = folder / size
    if not (model / "model.safetensors").exists():
        shape = HERE / f"{size}.json"
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([wavlm, "init", "--size", shape if shape.exists() else size, "--seed", "1", "--out", model], check=True)
    return model


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        sys.exit(f"compare: {error}")
