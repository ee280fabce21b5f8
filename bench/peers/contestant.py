"""Engines in processes of their own that stay loaded and answer a JSON line with a JSON line (README.md has the protocol)."""
import json
import os
import queue
import signal
import subprocess
import threading
from pathlib import Path


class ContestantError(Exception):
    pass


class EngineProcess:
    """One process, which may hold several contestants. Once it has ended or kept silent too long, it is lost for all of them."""

    def __init__(self, command, threads, log):
        # OpenMP and OpenBLAS read their counts once, before any request could tell them.
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
        self.command = [str(part) for part in command]
        self.log = log
        self.lost = None
        try:
            with open(log, "w") as errors:   # a session of its own: compilers that it starts end with it
                self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                                                text=True, env=environment, start_new_session=True)
        except OSError as error:
            self.process, self.lost = None, f"{self.command[0]}: {error.strerror}"
            return
        self.answers = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def ask(self, patience, **request):
        """The answer, in at most `patience` seconds."""
        if self.lost:
            raise ContestantError(self.lost)
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.answers.get(timeout=max(patience, 0.1))
        except BrokenPipeError:
            line = ""
        except queue.Empty:
            self._kill()
            self._lose(f"no answer to \"{request['op']}\" after {patience:.0f} s")
        if not line:
            self._lose(f"ended with exit code {self.process.wait()} at \"{request['op']}\"")
        answer = json.loads(line)
        if "error" in answer:
            raise ContestantError(answer["error"])
        return answer

    def quit(self):
        if self.process and self.process.poll() is None:
            try:
                self.process.stdin.write(json.dumps({"op": "quit"}) + "\n")
                self.process.stdin.close()
                self.process.wait(timeout=3)
            except (BrokenPipeError, subprocess.TimeoutExpired):
                self._kill()

    def _listen(self):
        for line in self.process.stdout:
            if line.startswith("{"):   # libraries write to standard output, too
                self.answers.put(line)
        self.process.stdout.close()
        self.answers.put("")

    def _kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _lose(self, what):
        said = Path(self.log).read_text(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(said) if line.strip()), "")
        self.lost = what + (f": {last[:300]}" if last else "")
        raise ContestantError(self.lost)


class Contestant:
    """What one `load` made of a checkpoint. `settings` go with that request."""

    def __init__(self, process, identity, model, threads, precision, device, **settings):
        self.process, self.identity = process, identity
        self.request = dict(model=str(model), threads=threads, precision=precision, device=device, **settings)
        self.answer = None

    @property
    def name(self):
        return self.answer["name"] if self.answer else ""

    def load(self, patience):
        if not self.answer:
            self.answer = self.process.ask(patience, op="load", contestant=self.identity, **self.request)

    def run(self, workload, batches, layer, output, patience):
        """The answer: its `seconds` run from waveforms in memory to features in memory."""
        return self.process.ask(patience, op="run", contestant=self.identity, waveforms=str(workload.waveforms), lengths=workload.lengths,
                                layer=layer, batches=batches, output=str(output))
