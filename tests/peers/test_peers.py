"""What the comparison does when an engine misbehaves, which a run with well-behaved ones never shows.

    python3 -m unittest discover tests/peers
"""
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench/peers"))

import flex_peer
import lineup
import python_peers
import results
import verdict
from contestant import Contestant, ContestantError, EngineProcess
from race import Budget, Race, Runner, Workload

WIDTH = 4
LENGTHS = [400, 1040, 720]   # 1, 3 and 2 frames


class Pretender:
    """A contestant that writes these features, and takes these seconds."""

    def __init__(self, features, seconds=1.0, precision="fp32", fails=None, stands_in=None):
        self.features, self.seconds, self.fails = np.asarray(features, "<f4"), seconds, fails
        self.request, self.answer = {"precision": precision}, {"name": "", "stands_in": stands_in}
        self.runs = 0

    def load(self, patience):
        pass

    def run(self, workload, batches, layer, output, patience):
        self.runs += 1
        if self.fails == self.runs:
            raise ContestantError("CUDA out of memory")
        if output:
            self.features.tofile(output)
        return {"seconds": self.seconds}


class RaceTests(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.right = np.random.default_rng(1).normal(size=(6, WIDTH))
        self.workload = Workload("mixed", self.folder / "mixed.f32", LENGTHS, rounds=3, warm_up=1)

    def race(self, *runners, padding_matters=False, budget=60.0):
        race = Race("tiny", self.workload, list(runners), 2, padding_matters)
        race.run(Pretender(self.right), self.folder, Budget(budget), 1, 10)
        return race

    def test_other_features_are_not_timed(self):
        wrong = self.right.copy()
        wrong[4:] *= 1.0002   # the last utterance alone, by twice the bound
        good, bad = Runner("a", Pretender(self.right)), Runner("b", Pretender(wrong))
        self.race(good, bad)
        self.assertEqual(good.seconds, [1.0] * 3)
        self.assertEqual(bad.seconds, [])
        self.assertIn("other features", bad.not_timed)

    def test_nan_is_not_near_anything(self):
        nan = self.right.copy()
        nan[0, 0] = np.nan
        runner = Runner("a", Pretender(nan))
        self.race(runner)
        self.assertIn("other features: relative L2 nan", runner.not_timed)

    def test_a_frame_too_few(self):
        runner = Runner("a", Pretender(self.right[:5]))
        self.race(runner)
        self.assertIn("20 values where 24 were expected, in 6 frames", runner.not_timed)

    def test_padding_is_judged_where_it_should_not_matter(self):
        for matters in (True, False):
            runner = Runner("a", Pretender(self.right * 1.3), batch=2)
            self.race(runner, padding_matters=matters)
            self.assertEqual(bool(runner.seconds), matters)
            self.assertAlmostEqual(runner.difference, 0.3, 5)
        unpadded = Runner("a", Pretender(self.right * 1.3))
        self.race(unpadded, padding_matters=True)
        self.assertIn("other features", unpadded.not_timed)

    def test_ours_is_held_to_more(self):
        off = self.right * 1.01
        ours, theirs = Runner("wavlm", Pretender(off, precision="fp16")), Runner("flex", Pretender(off, precision="fp16"))
        self.race(ours, theirs)
        self.assertIn("allowed are 4e-03", ours.not_timed)
        self.assertTrue(theirs.seconds)

    def test_a_failure_half_way_leaves_no_half_times(self):
        runner, other = Runner("a", Pretender(self.right, fails=4)), Runner("b", Pretender(self.right))
        self.race(runner, other)
        self.assertEqual((runner.seconds, runner.not_timed), ([], "CUDA out of memory"))
        self.assertEqual(len(other.seconds), 3)

    def test_a_stand_in_is_compared_and_not_timed(self):
        runner = Runner("flex", Pretender(self.right, stands_in="no FlexAttention"))
        self.race(runner)
        self.assertEqual((runner.seconds, runner.not_timed, runner.difference), ([], "no FlexAttention", 0.0))

    def test_a_spent_budget_is_named(self):
        runner = Runner("a", Pretender(self.right))
        self.race(runner, budget=0.0)
        self.assertIn("the budget of 0 s was spent", runner.not_timed)

    def test_a_share_that_comparing_used_up_is_named(self):
        slow = Pretender(self.right)
        slow.load = lambda patience: time.sleep(0.8)
        runners = Runner("a", slow), Runner("b", Pretender(self.right))
        race = Race("tiny", self.workload, list(runners), 2, False)
        with mock.patch("race.LEAST_SECONDS", 0):
            race.run(Pretender(self.right), self.folder, Budget(2.0), 0.5, 10)
        self.assertTrue(runners[0].seconds)   # compared, so it is timed with what is left
        self.assertIn("its share of the budget, 1 s, was spent", runners[1].not_timed)

    def test_batches_cover_everyone_once(self):
        self.assertIsNone(self.workload.batches(0))
        self.assertEqual(self.workload.batches(2), [[0, 1], [2]])
        self.assertEqual(self.workload.batches(2, by_length=True), [[1, 2], [0]])

    def test_features_come_back_in_the_waveforms_order(self):
        path = self.folder / "features.f32"
        python_peers.write_features(path, LENGTHS, [[1, 2], [0]], [[np.full((3, 1), 1), np.full((2, 1), 2)], [np.full((1, 1), 0)]])
        self.assertEqual(np.fromfile(path, "<f4").tolist(), [0, 1, 1, 1, 2, 2])

    def test_measurements_say_why_not(self):
        race = self.race(Runner("a", Pretender(self.right)), Runner("b", Pretender(self.right, fails=1), batch=2, by_length=True))
        timed, failed = results.of_race(race)
        self.assertNotIn("not_timed", timed)
        self.assertEqual((failed["runner"], failed["case"], failed["seconds"], failed["not_timed"]), ("b padded 2 by length", "tiny mixed", [], "CUDA out of memory"))


class ProcessTests(unittest.TestCase):
    def ask(self, program, patience=10.0):
        with tempfile.NamedTemporaryFile() as log:
            process = EngineProcess([sys.executable, "-c", program], 1, log.name)
            try:
                Contestant(process, "a", "m", 1, "fp32", "cpu").load(patience)
            finally:
                process.quit()

    def test_one_that_dies_is_lost_with_its_last_word(self):
        with self.assertRaisesRegex(ContestantError, 'exit code 1 at "load": RuntimeError: no room'):
            self.ask("raise RuntimeError('no room')")

    def test_one_that_keeps_silent_is_stopped(self):
        with tempfile.NamedTemporaryFile() as log:
            process = EngineProcess([sys.executable, "-c", "import time; time.sleep(60)"], 1, log.name)
            with self.assertRaisesRegex(ContestantError, 'no answer to "load" after 0 s'):
                process.ask(0.3, op="load")
            self.assertIsNotNone(process.process.poll())
            with self.assertRaisesRegex(ContestantError, 'no answer to "load" after 0 s'):   # and stays lost
                process.ask(10, op="run")

    def test_chatter_on_standard_output_is_passed_over(self):
        self.ask("print('warming up', flush=True); print('{\"ok\": true}', flush=True); input()")

    def test_a_program_that_is_not_there(self):
        with tempfile.NamedTemporaryFile() as log, self.assertRaisesRegex(ContestantError, "no-such-program"):
            EngineProcess(["no-such-program"], 1, log.name).ask(1, op="load")


class FlexTests(unittest.TestCase):
    """FlexAttention itself is not everywhere; which blocks it is told to look at can be checked without it."""

    def test_blocks_hide_no_pair_and_skip_masks_only_where_all_pairs_are_seen(self):
        told = {}

        class BlockMask:
            @staticmethod
            def from_kv_blocks(count, index, full_count, full_index, **named):
                told.update(partial=(count[0, 0], index[0, 0]), full=(full_count[0, 0], full_index[0, 0]), **named)

        flex_peer.BlockMask = BlockMask
        for frames in ([300, 128, 128, 5, 700], [128, 256], [1, 1, 1], [384, 1]):
            document, starts = flex_peer.documents(frames)
            flex_peer.block_mask(document, starts)
            blocks = len(document) // flex_peer.BLOCK
            self.assertEqual((told["seq_lengths"], len(document) % flex_peer.BLOCK), ((len(document),) * 2, 0))
            pairs = (document[:, None] == document[None, :]).view(blocks, flex_peer.BLOCK, blocks, flex_peer.BLOCK)
            seen = {kind: self.dense(*told[kind], blocks) for kind in ("partial", "full")}
            self.assertFalse((seen["partial"] & seen["full"]).any())
            self.assertTrue(torch.equal(seen["full"], pairs.all(3).all(1)), frames)
            self.assertFalse((pairs.any(3).any(1) & ~seen["partial"] & ~seen["full"]).any(), frames)
            self.assertTrue(told["mask_mod"](0, 0, 0, frames[0] - 1) and (len(frames) == 1 or not told["mask_mod"](0, 0, 0, frames[0])))

    @staticmethod
    def dense(counts, indices, blocks):
        seen = torch.zeros(blocks, blocks, dtype=torch.bool)
        for row, (count, index) in enumerate(zip(counts, indices)):
            seen[row, index[:count].long()] = True
        return seen

    def test_every_utterance_is_in_one_pack_of_at_most_so_many_frames(self):
        engine = object.__new__(flex_peer.FlexEngine)
        engine.config = {"conv_kernel": [10, 3, 3, 3, 3, 2, 2], "conv_stride": [5, 2, 2, 2, 2, 2, 2]}
        lengths = [int(n) for n in lineup.librispeech_like(64)] * 2
        packs = engine.batches(lengths)
        self.assertEqual(sorted(i for pack in packs for i in pack), list(range(128)))
        self.assertGreater(len(packs), 1)
        for pack in packs:
            self.assertLessEqual(sum(engine.frames(lengths[i]) for i in pack), flex_peer.PACK_FRAMES)


class VerdictTests(unittest.TestCase):
    def race(self, case, times):
        runners = [Runner(label, Pretender([], precision=precision), batch, by_length, seconds=[seconds]) for label, precision, batch, by_length, seconds in times]
        size, name = case.split()
        return Race(size, Workload(name, None, [960 * 16_000], 1, 0), runners, 2, False)

    def test_targets_of_a_gpu(self):
        fixed = self.race("large 64x15", [("wavlm", "fp16", 0, False, 0.1), ("transformers eager", "fp16", 32, False, 0.4), ("transformers sdpa", "bf16", 32, False, 0.25), ("flex", "fp16", 0, False, 0.15)])
        mixed = self.race("large mixed", [("wavlm", "fp16", 0, False, 0.2), ("transformers eager", "fp16", 16, False, 0.9), ("transformers eager", "fp16", 16, True, 0.5)])
        flash = results.measurement("gated_attention", "large 1000 frames x 16", "fp16", "torch flash", [9e-4])
        kernels = [{"name": "gated_attention", "case": "large 1000 frames x 16", "precision": "fp16", "seconds": [1e-3]}]
        said = "\n".join(verdict.lines("cuda", False, [fixed, mixed], [flash], kernels))
        for line in ("times real time, host to host: 9,600.00, met (at least 8000)", "the best Hugging Face setting: 2.50, MISSED (at least 3)", "FlexAttention build: 1.50, met",
                     "part of the throughput of 64x15: 0.50, MISSED", "best padded Hugging Face setting: 4.50, met", "sorted by length: 2.50",
                     "base 64x15 fp16, times real time, host to host: not measured", "part of FlashAttention's speed: 0.90, met"):
            self.assertIn(line, said)

    def test_only_what_is_ours_fails_the_run(self):
        entry = lambda runner, why: results.measurement("encode", "large 64x15", "fp16", runner, [], not_timed=why)
        self.assertEqual(verdict.failures_of_ours([entry("flex", "CUDA error"), entry("wavlm", "its share of the budget, 9 s, was spent")]), 0)
        self.assertEqual(verdict.failures_of_ours([entry("wavlm", "other features")]), 1)


if __name__ == "__main__":
    unittest.main()
