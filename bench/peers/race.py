"""A workload, those who run it, and what came of it."""
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from contestant import Contestant, ContestantError
from speech import RATE, cut_utterances

# Relative L2 of every utterance, against the first runner's.
BOUND = {"fp32": 1e-4, "bf16": 3e-2}

# Threads of an engine that has just finished still look for work for some 30 ms; they shall sleep when the next one starts.
PAUSE_SECONDS = 0.1


@dataclass
class Workload:
    """Utterances end to end in one file, and the layer that is wanted of them."""
    waveforms: Path
    lengths: list
    layer: int

    @staticmethod
    def write(path, speech, lengths, layer, seed):
        np.concatenate(cut_utterances(speech, lengths, seed)).tofile(path)
        return Workload(path, [int(n) for n in lengths], layer)

    @property
    def audio_seconds(self):
        return sum(self.lengths) / RATE


@dataclass
class Runner:
    """A contestant and how it takes this workload: padded by so many utterances, or (0) unpadded, batched as it likes."""
    name: str
    contestant: Contestant
    precision: str = "fp32"
    batch: int = 0
    seconds: list = field(default_factory=list)
    difference: float = None

    @property
    def median(self):
        return statistics.median(self.seconds)


@dataclass
class Race:
    """The first runner's output is what the others' is held against; `baseline` is whose time theirs is compared with."""
    name: str
    workload: Workload
    runners: list
    baseline: str

    def compare_outputs(self, folder):
        """Serves as a warm-up, too. Padding changes what Base computes, so a padded runner's difference is noted, not judged."""
        outputs = [folder / f"{self.name}-{runner.name}.f32" for runner in self.runners]
        for runner, output in zip(self.runners, outputs):
            self._run(runner, output)
            runner.difference = self._worst_difference(np.fromfile(outputs[0], "<f4"), np.fromfile(output, "<f4"))
            if not runner.batch and not runner.difference <= BOUND[runner.precision]:
                raise ContestantError(f"{self.name}: {runner.name} differs from {self.runners[0].name} by {runner.difference:.1e}, "
                                      f"allowed are {BOUND[runner.precision]:.0e}; {output} holds what it gave")
        for output in outputs:
            output.unlink()

    def time(self, rounds, warm_up):
        """In turn, so that what disturbs the machine for a while disturbs them all; the first rounds are not counted."""
        for i in range(warm_up + rounds):
            for runner in self.runners:
                seconds = self._run(runner)
                if i >= warm_up:
                    runner.seconds.append(seconds)

    def ratio(self, name):
        """How many times faster than the baseline, by their medians."""
        medians = {runner.name: runner.median for runner in self.runners}
        return medians[self.baseline] / medians[name]

    def _run(self, runner, output=""):
        time.sleep(PAUSE_SECONDS)
        return runner.contestant.run(self.workload, runner.batch, output)

    def _worst_difference(self, expected, actual):
        frames = np.array([(n - 400) // 320 + 1 for n in self.workload.lengths])
        if expected.size != actual.size or expected.size % frames.sum():
            raise ContestantError(f"{self.name}: {actual.size} values where {expected.size} were expected, in {frames.sum()} frames")
        ends = np.cumsum(frames)[:-1]
        width = expected.size // frames.sum()
        pairs = zip(np.split(expected.reshape(-1, width), ends), np.split(actual.reshape(-1, width), ends))
        return float(np.max([np.linalg.norm(b - a) / np.linalg.norm(a) for a, b in pairs]))   # np.max, unlike max, keeps a NaN
