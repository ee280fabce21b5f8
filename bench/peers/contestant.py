"""An engine in a process of its own that stays loaded and answers a JSON line with a JSON line (README.md has the protocol)."""
import json
import os
import subprocess


class ContestantError(Exception):
    pass


class Contestant:
    def __init__(self, command, model, threads, precision):
        # OpenMP and OpenBLAS read their counts once, before any request could tell them.
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
        self.command = [str(part) for part in command]
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        self.name = self._ask(op="load", model=str(model), threads=threads, precision=precision)["name"]

    def run(self, workload, batch, output=""):
        """Seconds between waveforms in memory and features in memory."""
        return self._ask(op="run", waveforms=str(workload.waveforms), lengths=workload.lengths, layer=workload.layer,
                         batch=batch, output=str(output))["seconds"]

    def quit(self):
        if self.process.poll() is None:
            self.process.communicate(json.dumps({"op": "quit"}) + "\n")

    def _ask(self, **request):
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise ContestantError(f"{' '.join(self.command)}: ended with exit code {self.process.wait()} at \"{request['op']}\"")
        reply = json.loads(line)
        if "error" in reply:
            raise ContestantError(f"{' '.join(self.command)}: {reply['error']}")
        return reply
