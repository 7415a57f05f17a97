"""What outlives the pilot by seconds, and ends its trials."""

import json
import os
import signal

ENDING_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Guard:
    """Ends the trials when the pilot is gone, however it went: a process that reads from a pipe of the pilot's."""

    def __init__(self, on_end):
        self.on_end, self.held, self.process, self.pipe = on_end, {}, None, None

    def hold(self, attempt):
        """When it returns, this one can't outlive the pilot."""
        self.held[attempt.group] = (attempt.name, attempt.path)
        self._tell(attempt.group)

    def let_go(self, attempt):
        self.held.pop(attempt.group)
        self._tell(attempt.group)

    def check(self):
        """Start it where it does not run: it may have been killed."""
        if self.process is None or os.waitpid(self.process, os.WNOHANG) != (0, 0):
            self._start()

    def dismiss(self):
        self._tell(None)
        os.close(self.pipe)
        os.waitpid(self.process, 0)

    def _tell(self, group):
        try:
            os.write(self.pipe, (json.dumps([group, self.held.get(group)]) + "\n").encode())
        except BrokenPipeError:
            os.waitpid(self.process, 0)
            self._start()

    def _start(self):
        if self.pipe is not None:
            os.close(self.pipe)
        source, self.pipe = os.pipe()
        self.process = os.fork()
        if self.process == 0:
            try:
                self._watch(source)
            finally:
                os._exit(0)
        os.close(source)

    def _watch(self, source):
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in ENDING_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        # Whoever reads the job's output must not wait for the guard.
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in range(3):
            os.dup2(nowhere, number)
        os.dup2(source, 3)
        os.closerange(4, 65536)
        with open(3, encoding="utf-8") as lines:
            for line in lines:
                group, attempt = json.loads(line)
                if group is None:
                    return
                self.held[group] = attempt
        self.on_end([(attempt[0], attempt[1], group) for group, attempt in self.held.items() if attempt])
