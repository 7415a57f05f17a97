"""An attempt that a block runs: its start, its end, and what is left of it."""

import os
import signal
import subprocess
import time

from perdure_pilot_attempt import Attempt

# Waits for a word before it becomes the wrapper; one that never comes ends it. The process id stays the same.
GATE = 'read -r word || exit 0; exec "$@" </dev/null'

# Where all of a job is killed, one process after the other, the pilot may see a trial die before its own turn comes.
AFTER_KILL = 1.0


class Trial(Attempt):
    """An attempt that this block runs."""

    def __init__(self, root, name, entry, place):
        super().__init__(root, name, entry["path"])
        self.place, self.began = place, time.monotonic()
        self.process, self.code, self.ended, self.kill_at = None, None, None, None

    def start(self, words, wrapper, environment, cpus, guard):
        """Nothing of it runs before the guard knows its group."""
        words = ["/bin/sh", "-c", GATE, "sh", "/bin/sh", wrapper, self.directory] + words
        nowhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, env=environment, start_new_session=True, **nowhere
        )
        self.group = self.process.pid
        try:
            guard.hold(self)
            if cpus is not None:
                os.sched_setaffinity(self.group, cpus)
            self.process.stdin.write(b"go\n")
            self.process.stdin.close()
        except BaseException:
            # The gate stays shut.
            self.signal(signal.SIGKILL)
            self.process.wait()
            guard.let_go(self)
            raise

    def end(self, reason, grace):
        self.kill_at = time.monotonic() + grace
        self.ask_to_end(reason)

    def look(self, grace):
        """True once nothing of it runs."""
        now = time.monotonic()
        if self.ended is None:
            code = self.process.poll()
            if code is None:
                if self.kill_at is not None and now > self.kill_at:
                    self.kill()
                elif self.kill_at is None:
                    self._end_if_asked(grace)
                return False
            self.ended, self.code = now, code if code >= 0 else 128 - code
            if self.status() is None:
                # The wrapper was killed: nobody would learn how its program ends.
                self.kill()
        if self.code == 137 and now < self.ended + AFTER_KILL:
            return False
        if not self.runs():
            return True
        if now > self.ended + grace:
            self.kill()
        # One that hangs in the kernel does not even end when it is killed.
        return now > self.ended + grace + 60

    def _end_if_asked(self, grace):
        """End the trial if there is a request to stop it, or if the attempt was given up."""
        names = self.names()
        if "stop" in names:
            self.end(None, grace)
        elif "tombstone" in names:
            self.end("given_up", grace)
