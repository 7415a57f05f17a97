"""What a training script can ask of Perdure. Standard library only, Python 3.9 or newer.

    import perdure_trial as trial

    params = trial.params()
    for epoch in range(10):
        ...
        trial.report(epoch, accuracy)
        if trial.should_prune():
            raise trial.TrialPruned()

Outside Perdure everything still works: reports are printed, nothing is ever pruned.
"""

import errno
import json
import numbers
import os
import sys
import tempfile
import time

__all__ = ["TrialPruned", "checkpoint_dir", "params", "report", "should_prune"]


class TrialPruned(Exception):
    """Raise it to give up this trial: it is PRUNED, with its last reported value."""


def params():
    """The trial's parameters: a dict of the active ones."""
    path = os.environ.get("PERDURE_PARAMS")
    if path is None:
        return {}
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def report(step, value):
    """Report an intermediate value (a number) at a step (a whole number from 0).

    As in Optuna's Trial.report, a fractional step is truncated, and a negative step raises an error.
    """
    try:
        value = float(value)
    except (TypeError, ValueError):
        raise TypeError("the value is of type %s, not a number" % type(value).__name__) from None
    try:
        step = int(step)
    except (TypeError, ValueError):
        raise TypeError("the step is of type %s, not a whole number" % type(step).__name__) from None
    if step < 0:
        raise ValueError("the step is negative: %d" % step)
    path = os.environ.get("PERDURE_INTERMEDIATE")
    if path is None:
        print("step %d: %r" % (step, value))
        return
    line = json.dumps({"step": step, "value": value}) + "\n"
    # One write to a file opened for appending, so that lines of several processes do not mix.
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(fd, line.encode("utf-8"))
    finally:
        os.close(fd)


def should_prune():
    """True when the trial is asked to give up. A trial that was told so and ends is PRUNED."""
    mark = os.environ.get("PERDURE_PRUNE")
    if mark is None or not os.path.exists(mark):
        return False
    with open(mark + ".seen", "w", encoding="utf-8"):
        pass
    return True


def checkpoint_dir():
    """A directory that outlives this attempt: the next attempt of the trial finds what is in it."""
    path = os.environ.get("PERDURE_CHECKPOINT_DIR")
    if path is None:
        path = os.path.join(tempfile.gettempdir(), "perdure-checkpoint-%d" % os.getpid())
    os.makedirs(path, exist_ok=True)
    return path


def _write(path, text):
    """Write a file so that it is there whole or not at all. On a full disk, wait a while for room: a result took long to make."""
    for pause in (1, 5, 15, 30, 60, 0):
        try:
            _write_now(path, text)
            return
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT) or pause == 0:
                raise
            try:
                print("no room for the result, which is tried again in %d s: %s" % (pause, error), file=sys.stderr)
            except OSError:
                pass  # The log may be on that disk too.
            time.sleep(pause)


def _write_now(path, text):
    temporary = "%s.%d.tmp" % (path, os.getpid())
    # Half a character, which Python text may hold and UTF-8 can't, is written as its escape.
    with open(temporary, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def _plain(value, where="", left=3):
    """A result as JSON can hold it: numbers of NumPy, PyTorch and the like become Python's."""
    if isinstance(value, dict):
        return {str(key): _plain(item, " under %r" % (key,), left) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, where, left) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    # An array of one number is a number, one of several a list; tolist() of a scalar gives the number. What turns into something else
    # again and again (a mock has every method) is none of these.
    for convert in ("item", "tolist") if left > 0 else ():
        try:
            return _plain(getattr(value, convert)(), where, left - 1)
        except (AttributeError, TypeError, ValueError, RuntimeError):
            pass
    # Fractions; and decimals, which are no real numbers to Python, nor complex ones.
    if isinstance(value, numbers.Number) and isinstance(value, numbers.Real) == isinstance(value, numbers.Complex):
        return float(value)
    raise TypeError("the result has a value of type %s%s, which JSON can't hold" % (type(value).__name__, where))


# The key of a result that lists the values left out of it, and the most entries in that list.
LEFT_OUT = "perdure_left_out"
MOST_LEFT_OUT = 20


def _result(returned):
    """The returned value as JSON text. A study needs only the metrics, so other values that JSON can't hold are left out.

    A job without a study has no metrics: a value that JSON can't hold is an error there.
    """
    metrics = json.loads(os.environ.get("PERDURE_METRICS", "[]"))
    if not metrics or not isinstance(returned, dict):
        return json.dumps(_plain(returned))
    kept, left_out = {}, []
    for key, value in returned.items():
        try:
            name = str(key)
            plain = _plain(value, " under %r" % (key,))
            json.dumps(plain)
            kept[name] = plain
        except Exception as error:  # The methods of a value may raise anything
            if key in metrics:
                raise
            left_out.append(_sentence(error))
    if left_out:
        kept[LEFT_OUT] = left_out[:MOST_LEFT_OUT]
        _print("".join("perdure: left out of the result: %s\n" % text for text in left_out))
    return json.dumps(kept)


def _sentence(error):
    """An error in one line."""
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = "(its message can't be read)"
    name = type(error).__name__
    if isinstance(error, ModuleNotFoundError):
        # The cause is mostly another Python than the one that has the module.
        text = "%s (Python: %s)" % (text, sys.executable)
    return (name if text == "" else "%s: %s" % (name, text))[:2000]


def _print(text):
    """Print an error, also where the script has closed or replaced what Python prints by."""
    try:
        os.write(2, text.encode("utf-8", "backslashreplace"))
    except OSError:
        pass  # The log may be on a disk that is full.


def _gave_up(error):
    """True for TrialPruned, Optuna's of that name too, and for an exit after should_prune() was true."""
    if any(kind.__name__ == "TrialPruned" for kind in type(error).__mro__):
        return True
    return isinstance(error, SystemExit) and os.path.exists(os.environ["PERDURE_PRUNE"] + ".seen")


def _package_of(path):
    """The names of the packages that contain a script, outermost first, and the directory that contains the outermost one.

    A package has an __init__.py and is below the working directory, which is the attempt's directory.
    """
    here, folder, names = os.getcwd(), os.path.dirname(path), []
    while folder.startswith(os.path.join(here, "")) and os.path.isfile(os.path.join(folder, "__init__.py")):
        folder, name = os.path.split(folder)
        names.insert(0, name)
    return names, folder


def _load(path):
    """Import a script: as a module of its package, if it is in one, so that relative imports work; otherwise from its file."""
    import importlib
    import importlib.machinery
    import importlib.util

    sys.path.insert(0, os.path.dirname(path))
    stem, suffix = os.path.splitext(os.path.basename(path))
    names, top = _package_of(path)
    # If a module with the package's name is loaded already, Python would use that module.
    if names and suffix == ".py" and names[0] not in sys.modules:
        sys.path.insert(0, top)
        return importlib.import_module(".".join(names + [stem]))
    # Name the loader, because a script need not end in .py.
    loader = importlib.machinery.SourceFileLoader(stem, path)
    spec = importlib.util.spec_from_file_location(stem, path, loader=loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[stem] = module
    spec.loader.exec_module(module)
    return module


def _main(argv):
    """Call FUNCTION of FILE with the parameters and write what it returns."""
    import traceback

    path, name = os.path.abspath(argv[1]), argv[2]
    result = os.environ["PERDURE_RESULT"]
    # The script may import this module by its name; there must be one of it.
    sys.modules.setdefault("perdure_trial", sys.modules["__main__"])
    try:
        function = getattr(_load(path), name, None)
        if not callable(function):
            raise AttributeError("%s has no function '%s'" % (os.path.basename(path), name))
        _write(result, _result(function(params())))
    except BaseException as error:  # SystemExit and KeyboardInterrupt end a trial as any other error does
        if _gave_up(error):
            with open(os.environ["PERDURE_PRUNE"] + ".seen", "w", encoding="utf-8"):
                pass
            return 0
        _print(traceback.format_exc())
        _write(result + ".error", _sentence(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv))
