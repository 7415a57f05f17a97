"""What Perdure has run by an endpoint of Globus Compute: one function, registered once, whose text is this file.

Standard library only, Python 3.9 or newer. `perdure_task` gets a dict and returns a dict, so that JSON carries both; what was
asked for comes back as `key`. `do` says what to do:

  attempt  runs one attempt of a trial. ROOT/PATH is its directory, made of the files that the site has or that come with the
           request (`bring`). wrapper.sh runs the program in a process group of its own, takes the fence and writes the
           status, as at every site; here it is watched, ended in time or where somebody asks for it, and what it left is
           returned. Whatever becomes of this process, the program can't end it, and its result stays in the directory.
  shell    runs a command and returns what it printed.
"""

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
import zlib

MOST_RESULT = 2**20 + 1
MOST_REPORTS = 2**21
MOST_ERROR = 2**14
MOST_TAIL = 8196
# Of what the service takes as a result: 10 MiB, as JSON.
MOST_OUTCOME = 9 * 2**20
MOST_ODD_REPORTS = 2**18
# Seconds: between two signs of life, from TERM to KILL, for what an ended program left running.
BEAT = 5
GRACE = 10
LEFTOVER = 5

# The end of its standard input without a word: whoever watched the program is gone, and so must it be. Nobody would end it in
# time, and the worker's place is given to others.
GUARD = """
read -r word && exit 0
tries=0
until read -r group rest <"$1/pid"; do
  tries=$((tries + 1)); [ "$tries" -lt 5 ] || exit 0
  sleep 1
done 2>/dev/null
kill -s TERM -- "-$group" 2>/dev/null || exit 0
tries=0
while [ "$tries" -lt 10 ] && kill -s 0 -- "-$group" 2>/dev/null; do sleep 1; tries=$((tries + 1)); done
kill -s KILL -- "-$group" 2>/dev/null
exit 0
"""


def perdure_task(request):
    work = {"attempt": _attempt, "shell": _shell}[request["do"]]
    return dict(work(request), key=request["key"])


def _attempt(request):
    root = os.path.expanduser(request["root"])
    at = os.path.join(root, request["path"])
    own = os.path.join(at, ".perdure")
    if not os.path.isdir(own):
        missing = _stage(root, at, request)
        if missing:
            return {"missing": missing}
    if not _ended(own) and not os.path.exists(os.path.join(own, "run.lock")):
        wrapper = os.path.join(root, request["shim"], "wrapper.sh")
        program = ["/bin/sh", wrapper, at, "/bin/bash", "-l", os.path.join(own, "run.sh")]
        with _Guarded(program, own) as process:
            if process.is_ours():
                process.watch(request["limit"])
                return _outcome(at, own)
    # Somebody else has the fence: what it comes to is found in the directory, now or later.
    until = time.monotonic() + request.get("patience", 2)
    while not _ended(own) and time.monotonic() < until:
        time.sleep(0.1)
    return _outcome(at, own) if _ended(own) else {"held": _first_line(own, "beat")}


class _Guarded:
    """A program in a process group of its own that can't outlive this process."""

    def __init__(self, program, own):
        self.own = own
        source, self.pipe = os.pipe()
        # Nothing else that this process starts may hold the pipe: Python closes it in its children.
        self.guard = _start(["/bin/sh", "-c", GUARD, "guard", own], stdin=source)
        os.close(source)
        self.process = _start(program, stdin=subprocess.DEVNULL)
        self.began = time.time()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            os.write(self.pipe, b"done\n")
        except BrokenPipeError:
            # Somebody killed it.
            pass
        os.close(self.pipe)
        self.guard.wait()

    def is_ours(self):
        """Whether it got through the fence; one that did not ends at once."""
        while True:
            line = _first_line(self.own, "pid")
            if line.startswith("%d " % self.process.pid):
                return True
            if line or self.process.poll() is not None:
                # It may have written its name just before it ended.
                return _first_line(self.own, "pid").startswith("%d " % self.process.pid)
            time.sleep(0.005)

    def watch(self, limit):
        """Until nothing of it runs."""
        next_beat = kill_at = None
        wait = 0.005
        while self.process.poll() is None:
            now = time.time()
            if next_beat is None or now >= next_beat:
                self._try_to(_write, "beat", "%d %d %s\n" % (self.began, now, socket.gethostname()))
                next_beat = now + BEAT
            if limit is not None and now > self.began + limit and kill_at is None:
                self._try_to(_write_once, "stop", "timeout\n")
                kill_at = self._end(now)
            elif kill_at is None and self._is_asked_to_end():
                kill_at = self._end(now)
            elif kill_at is not None and now > kill_at:
                self._signal(signal.SIGKILL)
            try:
                self.process.wait(wait)
            except subprocess.TimeoutExpired:
                wait = min(1.0, wait * 2)
        # The wrapper told the rest to end.
        until = time.monotonic() + LEFTOVER
        while self._signal(0):
            if time.monotonic() > until:
                self._signal(signal.SIGKILL)
            time.sleep(0.02)
        if " signalled" not in _first_line(self.own, "status") or os.path.exists(os.path.join(self.own, "stop")):
            self._try_to(_write, "settled", "1\n")

    def _is_asked_to_end(self):
        """Whether somebody asked for its end, or gave the attempt up."""
        return any(os.path.exists(os.path.join(self.own, name)) for name in ("stop", "tombstone"))

    def _end(self, now):
        self._signal(signal.SIGTERM)
        return now + GRACE

    def _signal(self, number):
        try:
            os.killpg(self.process.pid, number)
            return True
        except ProcessLookupError:
            return False

    def _try_to(self, write, name, text):
        """A disk that is full must not end the watch."""
        try:
            write(os.path.join(self.own, name), text)
        except OSError:
            pass


def _start(words, stdin):
    nothing = subprocess.DEVNULL
    return subprocess.Popen(words, stdin=stdin, stdout=nothing, stderr=nothing, cwd="/", start_new_session=True)


def _stage(root, at, request):
    """Makes the attempt's directory, whole or not at all. Returns the names of files that the site lacks."""
    for path, packed in request["bring"].items():
        target = os.path.join(root, path)
        if not os.path.exists(target):
            os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
            _write(target, zlib.decompress(base64.b64decode(packed)))
    needed = [request["shim"] + "/complete"] + ["files/" + sha256 for _, sha256, _ in request["files"]]
    until = time.monotonic() + request["wait"]
    while True:
        missing = [path for path in needed if not os.path.exists(os.path.join(root, path))]
        # What another node has written may take a moment to appear.
        if not missing or time.monotonic() > until:
            break
        time.sleep(0.2)
    if missing:
        return missing
    new = "%s.%s.tmp" % (at, uuid.uuid4().hex)
    try:
        os.makedirs(os.path.join(new, ".perdure"), mode=0o700)
        if os.path.basename(at) == "a1":
            # The wrapper of a later attempt takes the checkpoint of an earlier one.
            os.makedirs(os.path.join(os.path.dirname(at), "checkpoint"), mode=0o700, exist_ok=True)
        for path, sha256, mode in request["files"]:
            target = os.path.join(new, path)
            os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
            shutil.copyfile(os.path.join(root, "files", sha256), target)
            os.chmod(target, int(mode, 8))
        for name, text in request["texts"].items():
            _write(os.path.join(new, ".perdure", name), text)
        try:
            os.rename(new, at)
        except OSError:
            # Somebody was faster.
            if not os.path.isdir(at):
                raise
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return []


def _ended(own):
    # The wrapper makes the file of its status before it writes the line.
    return (
        _first_line(own, "status") != ""
        or os.path.exists(os.path.join(own, "settled"))
        or (os.path.exists(os.path.join(own, "stop")) and not os.path.exists(os.path.join(own, "pid")))
    )


def _outcome(at, own):
    """What an ended attempt left; its files stay where they are."""
    beat = _first_line(own, "beat").split(" ")
    outcome = {
        "status": _first_line(own, "status"),
        "settled": os.path.exists(os.path.join(own, "settled")),
        "stop": _first_line(own, "stop"),
        "began": beat[0],
        "ended": _changed(own, "status") or time.time(),
        "host": beat[-1],
        "result": _text(own, "result.json", MOST_RESULT),
        "error": _text(own, "result.json.error", MOST_ERROR),
        "reports": _text(own, "intermediate.jsonl", MOST_REPORTS),
        "tail": _text(at, "output.log", MOST_TAIL, end=True),
        "prune": os.path.exists(os.path.join(own, "prune")),
        "seen": os.path.exists(os.path.join(own, "prune.seen")),
    }
    if len(json.dumps(outcome)) > MOST_OUTCOME:
        # Only what is no JSON in the first place is so large: a byte that is no text takes six.
        outcome["reports"] = (outcome["reports"] or "")[:MOST_ODD_REPORTS]
    return {"outcome": outcome}


def _shell(request):
    """Runs a command by /bin/sh, at home; it is ended with all that it started where it takes too long."""
    words, home, pipe = ["/bin/sh", "-c", request["command"]], os.path.expanduser("~"), subprocess.PIPE
    process = subprocess.Popen(
        words, stdin=pipe, stdout=pipe, stderr=pipe, cwd=home, env=dict(os.environ, HOME=home), start_new_session=True
    )
    try:
        given = zlib.decompress(base64.b64decode(request["input"]))
        printed, said = process.communicate(given, timeout=request["limit"])
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return {"late": True}
    status = process.returncode if process.returncode >= 0 else 128 - process.returncode
    packed = base64.b64encode(zlib.compress(printed)).decode()
    if len(packed) > request["most"]:
        return {"large": len(printed)}
    return {"status": status, "stdout": packed, "stderr": said[-65536:].decode("utf-8", "replace")}


def _write(path, content):
    """A file, there whole or not at all."""
    new = "%s.%s.tmp" % (path, uuid.uuid4().hex)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        os.replace(new, path)
    except BaseException:
        os.unlink(new)
        raise


def _write_once(path, text):
    """The first one stays."""
    new = "%s.%s.tmp" % (path, uuid.uuid4().hex)
    _write(new, text)
    try:
        os.link(new, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(new)


def _first_line(folder, name):
    """A line counts once it is complete."""
    text = _text(folder, name, 4096) or ""
    return text.split("\n", 1)[0] if "\n" in text else ""


def _text(folder, name, most, end=False):
    """Bytes of a file as text; None where there is none. A trial may have left anything there: a pipe must not block."""
    try:
        handle = os.open(os.path.join(folder, name), os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        with os.fdopen(handle, "rb") as file:
            if end:
                file.seek(max(0, os.fstat(handle).st_size - most))
            return file.read(most).decode("utf-8", "replace")
    except OSError:
        return None


def _changed(folder, name):
    try:
        return os.stat(os.path.join(folder, name)).st_mtime
    except OSError:
        return None
