"""A workload, those who run it, and what came of it."""
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from contestant import Contestant, ContestantError
from speech import RATE, cut_utterances

# Relative L2 of every utterance against the reference, PyTorch in float32, unpadded. Wide enough for a residual stream in half
# precision, which the peers have; a wrong model is off by tens of per cent.
BOUND = {"fp32": 1e-4, "fp16": 2e-2, "bf16": 1e-1, "int8": 1e-1}
# Ours keeps that stream in float32, and is held to it.
OWN_BOUND = {"fp32": 1e-4, "fp16": 4e-3, "bf16": 3e-2, "int8": 1e-1}

# Threads of an engine that has just finished still look for work for some 30 ms; they shall sleep when the next one starts.
PAUSE_SECONDS = 0.1

# With less, a race does not begin.
LEAST_SECONDS = 5


class Budget:
    """Seconds that all of it may take."""

    def __init__(self, seconds):
        self.seconds, self.end = seconds, time.monotonic() + seconds

    def left(self, at_most=float("inf")):
        return min(self.end - time.monotonic(), at_most)

    def spent(self):
        return self.left() <= 0


@dataclass
class Workload:
    """Utterances end to end in one file."""
    name: str
    waveforms: Path
    lengths: list
    rounds: int
    warm_up: int

    @staticmethod
    def write(name, path, speech, lengths, seed, rounds, warm_up=0):
        np.concatenate(cut_utterances(speech, lengths, seed)).tofile(path)
        return Workload(name, path, [int(n) for n in lengths], rounds, warm_up)

    @property
    def audio_seconds(self):
        return sum(self.lengths) / RATE

    def batches(self, size, by_length=False):
        """Padded batches of so many utterances, in the order drawn or sorted by length; None where it is left to the engine."""
        if not size:
            return None
        order = sorted(range(len(self.lengths)), key=lambda i: -self.lengths[i]) if by_length else range(len(self.lengths))
        return [list(order[i:i + size]) for i in range(0, len(order), size)]


@dataclass
class Runner:
    """A contestant and how it takes this workload: padded by so many utterances, or (0) unpadded, batched as it likes."""
    label: str
    contestant: Contestant
    batch: int = 0
    by_length: bool = False
    seconds: list = field(default_factory=list)
    difference: float = None
    not_timed: str = None

    @property
    def name(self):
        return self.label + (f" padded {self.batch}" if self.batch else "") + (" by length" if self.by_length else "")

    @property
    def precision(self):
        return self.contestant.request["precision"]

    @property
    def bound(self):
        return (OWN_BOUND if self.label == "wavlm" else BOUND)[self.precision]

    @property
    def median(self):
        return statistics.median(self.seconds)


class Race:
    """`reference` is a contestant whose features the others' are held against; it is not timed unless it is a runner, too."""

    def __init__(self, size, workload, runners, layer, padding_matters):
        self.case, self.workload, self.runners, self.layer = f"{size} {workload.name}", workload, runners, layer
        self.padding_matters = padding_matters   # Base's GroupNorm sees it

    def run(self, reference, folder, budget, share, patience):
        """A runner that fails at anything is out, with the reason; the others go on.

        Of this race's share of the budget two thirds may go by with comparing (and compiling), so that those who have been
        compared are timed, too. A share may be overdrawn by one request, the budget itself may not.
        """
        own = Budget(budget.left() * share)
        if own.left() < LEAST_SECONDS:
            for runner in self.runners:
                runner.not_timed = runner.not_timed or f"the budget of {budget.seconds:.0f} s was spent"
            return
        try:
            reference.load(budget.left(patience))
            expected = self._features(reference, None, folder / "expected.f32", budget.left(patience))
        except ContestantError as error:
            for runner in self.runners:
                runner.not_timed = f"nothing to compare with: the reference failed: {error}"
            return
        for runner in self.runners:
            if not runner.not_timed and own.left() > own.seconds / 3:
                self._attempt(runner, lambda: self._compare(runner, expected, folder / "actual.f32", budget.left(patience)))
        for i in range(self.workload.warm_up + self.workload.rounds):
            for runner in self.runners:
                if runner.difference is not None and not runner.not_timed and own.left() > 0:
                    self._attempt(runner, lambda: self._time(runner, i >= self.workload.warm_up, budget.left(patience)))
        for runner in self.runners:
            if not runner.seconds and not runner.not_timed:
                runner.not_timed = f"its share of the budget, {own.seconds:.0f} s, was spent"

    def fastest(self, label, precision=None, padded=None):
        """The runner of that label with the least median, or None."""
        timed = [runner for runner in self.runners if runner.seconds and runner.label.split()[0] == label.split()[0]
                 and (precision is None or runner.precision == precision) and (padded is None or padded == (bool(runner.batch) and not runner.by_length))]
        return min(timed, key=lambda runner: runner.median, default=None)

    def _compare(self, runner, expected, output, patience):
        """Serves as a warm-up, too."""
        runner.contestant.load(patience)
        runner.difference = self._worst_difference(expected, self._features(runner.contestant, self._batches(runner), output, patience))
        judged = not (self.padding_matters and runner.batch and len(set(self.workload.lengths)) > 1)
        if judged and not runner.difference <= runner.bound:
            raise ContestantError(f"other features: relative L2 {runner.difference:.1e}, allowed are {runner.bound:.0e}")
        runner.not_timed = runner.contestant.answer.get("stands_in")

    def _time(self, runner, counts, patience):
        """In turn, so that what disturbs the machine for a while disturbs them all; the first rounds are not counted."""
        time.sleep(PAUSE_SECONDS)
        seconds = runner.contestant.run(self.workload, self._batches(runner), self.layer, "", patience)["seconds"]
        if counts:
            runner.seconds.append(seconds)

    @staticmethod
    def _attempt(runner, work):
        try:
            work()
        except ContestantError as error:
            runner.not_timed, runner.seconds = str(error), []

    def _features(self, contestant, batches, output, patience):
        contestant.run(self.workload, batches, self.layer, output, patience)
        features = np.fromfile(output, "<f4")
        output.unlink()
        return features

    def _batches(self, runner):
        return self.workload.batches(runner.batch, runner.by_length)

    def _worst_difference(self, expected, actual):
        frames = np.array([(n - 400) // 320 + 1 for n in self.workload.lengths])
        if expected.size != actual.size or expected.size % frames.sum():
            raise ContestantError(f"{actual.size} values where {expected.size} were expected, in {frames.sum()} frames")
        ends = np.cumsum(frames)[:-1]
        width = expected.size // frames.sum()
        pairs = zip(np.split(expected.reshape(-1, width), ends), np.split(actual.reshape(-1, width), ends))
        return float(np.max([np.linalg.norm(b - a) / np.linalg.norm(a) for a, b in pairs]))   # np.max, unlike max, keeps a NaN
