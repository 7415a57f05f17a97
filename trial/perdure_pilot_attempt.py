"""An attempt's directory, and what is done to its processes."""

import os
import signal

from perdure_pilot_files import read, remove, write


class Attempt:
    """An attempt's directory and the process group that runs it: what the pilot and its guard do to one."""

    def __init__(self, root, name, path, group=None):
        self.root, self.name, self.path, self.group = root, name, path, group
        self.directory = os.path.join(root, path)

    def own(self, name):
        return os.path.join(self.directory, ".perdure", name)

    def names(self):
        # The client of a file server may cache for half a minute that a file does not exist; a listing is newer.
        return os.listdir(self.own(""))

    def has(self, name):
        return name in self.names()

    def status(self):
        """The wrapper's words: ['0'], ['143', 'stopped', 'signalled']; None until its line is complete."""
        text = read(self.own("status")) or ""
        return text.split() if text.endswith("\n") else None

    def belongs_to(self, block):
        """Whether this block is the first that wanted it."""
        temporary = self.own("block.%s.tmp" % block)
        write(temporary, block)
        try:
            os.link(temporary, self.own("block"))
            return True
        except FileExistsError:
            return read(self.own("block")) == block
        finally:
            remove(temporary)

    def mark(self, reason):
        """Say that the block ends it, before it is told so. One that ended by itself, or was asked to stop, is not."""
        if self.has("stop") or self._ended():
            return
        write(self.own("unfinished"), reason + "\n")
        if self._ended():
            remove(self.own("unfinished"))

    def _ended(self):
        # Signalled: where PBS told every process of the job to end, the trial may have been faster than the pilot.
        status = self.status()
        return status is not None and "signalled" not in status

    def ask_to_end(self, reason):
        """With a reason where the block does so. Where that can't be written down, there must be no status either."""
        try:
            if reason is not None:
                self.mark(reason)
            self.signal(signal.SIGTERM)
        except OSError:
            self.kill()

    def signal(self, number):
        """False where the group is gone."""
        try:
            os.killpg(self.group, number)
            return True
        except ProcessLookupError:
            return False
        except PermissionError:
            return True

    def runs(self):
        """True while anything of the group runs: dead processes are members until somebody reaps them."""
        if not self.signal(0) or not os.path.isdir("/proc/self"):
            return self.signal(0)
        for process in filter(str.isdigit, os.listdir("/proc")):
            try:
                # The command's name, before the last bracket, may hold anything.
                state, _, group = (read("/proc/%s/stat" % process) or "").rpartition(")")[2].split()[:3]
            except (OSError, ValueError):
                continue
            if group == str(self.group) and state not in "ZX":
                return True
        return False

    def kill(self):
        try:
            # Programs on other nodes look for it, where nothing else tells them (see Launcher).
            write(self.own("over"), "")
        except OSError:
            pass
        self.signal(signal.SIGKILL)

    def settle(self, code):
        """Make certain how it ended, once nothing of it runs. True where it ended by itself.

        code: the wrapper's, None where nobody knows it."""
        status, reason = self.status(), (read(self.own("unfinished")) or "").split()
        if reason:
            if status and status[0] == "0" and self.has("result.json"):
                remove(self.own("unfinished"))
            else:
                write(self.own("unfinished"), reason[0] + " over\n")
            return False
        if status is None and self._is_own(code):
            if self.has("stop"):
                write(self.own("status"), "%d stopped\n" % (137 if code is None else code))
            else:
                write(self.own("unfinished"), "lost over\n")
        by_itself = status is not None and len(status) == 1
        if by_itself:
            # One that was killed with everything else of the block does not come here.
            write(self.own("settled"), "")
        return by_itself

    def _is_own(self, code):
        """False where another process took the fence: then the end of this one says nothing."""
        identity = read(self.own("pid"))
        return code != 0 or self.has("stop") if identity is None else identity.split()[:1] == [str(self.group)]

    def tell(self, word):
        write(os.path.join(self.root, "news", self.name), word)
