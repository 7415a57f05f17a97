"""Reads what is asked of qsub: its command line, and the `#PBS` lines of the script under it."""

import os
import re
import shlex

from state import Refused

WITH_VALUE = set("aAcCejJklmMNopPqrRSuWv")
FLAGS = set("fhIXVzG")
USAGE = """usage: qsub [-a date_time] [-A account_string] [-c interval]
	[-C directive_prefix] [-e path] [-f ] [-h ] [-I [-X]] [-j oe|eo] [-J X-Y[:Z]]
	[-k keep] [-l resource_list] [-m mail_options] [-M user_list]
	[-N jobname] [-o path] [-p priority] [-P project] [-q queue] [-r y|n]
	[-R o|e|oe] [-S path] [-u user_list] [-W otherattributes=value...]
	[-v variable_list] [-V ] [-z] [script | -- command [arg1 ...]]
       qsub --version
"""


class Submission:
    """`options`: the last value of each letter; `resources`: of all `-l`, the command line's before the script's."""

    def __init__(self, arguments, stdin):
        self.options, self.resources = {}, {}
        self.arguments = arguments
        rest = self._take(arguments, self.options, self.resources)
        self.command = rest[1:] if rest[:1] == ["--"] else None
        if self.command is None and len(rest) > 1:
            raise Refused(2, "", USAGE)
        if self.command:
            self.script, self.name = None, "STDIN"
        elif rest:
            self.script, self.name = read_script(rest[0]), os.path.basename(rest[0])
        else:
            self.script, self.name = stdin.buffer.read(), "STDIN"
        if self.script is not None:
            self._directives()
        self._check()

    def _take(self, words, options, resources):
        """Options of a command line. @returns what follows them"""
        words = list(words)
        while words:
            word = words[0]
            if word == "--" or not word.startswith("-") or word == "-":
                break
            words.pop(0)
            letters = word[1:]
            while letters:
                letter, letters = letters[0], letters[1:]
                if letter in FLAGS:
                    options[letter] = True
                    continue
                if letter not in WITH_VALUE:
                    raise Refused(2, f"invalid option -- '{letter}'", USAGE)
                if not letters and not words:
                    raise Refused(2, f"option requires an argument -- '{letter}'", USAGE)
                value, letters = (letters, "") if letters else (words.pop(0), "")
                if letter == "l":
                    for name, text in split_resources(value):
                        resources[name] = text
                elif letter in "vW" and letter in options:
                    options[letter] += "," + value
                else:
                    options[letter] = value
        return words

    def _directives(self):
        prefix = self.options.get("C", "#PBS").encode()
        options, resources = {}, {}
        for line in self.script.split(b"\n"):
            text = line.strip()
            if text.startswith(prefix) and text[len(prefix) : len(prefix) + 1] in (b" ", b"\t"):
                words = text[len(prefix) :].decode("utf-8", "surrogateescape")
                try:
                    rest = self._take(shlex.split(words), options, resources)
                except ValueError:
                    rest = [words]
                if rest:
                    raise Refused(2, f"directive error: {words.strip()}", USAGE)
            elif text and not text.startswith((b"#", b":")):
                break
        self.options = {**options, **self.options}
        self.resources = {**resources, **self.resources}

    def _check(self):
        name = self.options.get("N")
        if name is not None:
            if len(name) > 230:
                raise Refused(2, "Job name is too long ")
            if not re.fullmatch(r"[A-Za-z0-9_.+-]+", name):
                raise Refused(2, "illegal -N value", USAGE)
        keep = self.options.get("k")
        if keep is not None and not re.fullmatch(r"n|[doe]+", keep):
            raise Refused(2, "illegal -k value", USAGE)
        if self.options.get("j", "n") not in ("oe", "eo", "n"):
            raise Refused(2, "illegal -j value", USAGE)
        if self.options.get("r", "y") not in ("y", "n"):
            raise Refused(2, "illegal -r value", USAGE)


def read_script(path):
    if not os.path.exists(path):
        raise Refused(1, "script file:: No such file or directory")
    if not os.path.isfile(path):
        raise Refused(1, "script not a file")
    try:
        with open(path, "rb") as file:
            script = file.read()
    except PermissionError:
        raise Refused(8, "opening script file:: Permission denied") from None
    # It goes to the server line by line, as C strings: what follows a zero byte is lost.
    script = b"\n".join(line.partition(b"\0")[0] for line in script.split(b"\n"))
    if b"\r\n" in script and script.startswith(b"#"):
        raise Refused(1, "script contains cr, lf")
    return script


def split_resources(text):
    """`select=2:ncpus=1,walltime=1:00` as pairs; a comma inside quotes does not part them."""
    for part in re.findall(r'(?:[^,"\']|"[^"]*"|\'[^\']*\')+', text):
        name, equals, value = part.partition("=")
        if not name:
            raise Refused(2, "illegal -l value", USAGE)
        yield name.strip(), value if equals else ""


def variables(submission, environment):
    """The value of `-v` as pairs; a name without a value is taken from the environment, as it is there."""
    text = submission.options.get("v", "")
    found = []
    for part in re.findall(r"(?:\\.|[^,\\]|\\$)+", text, re.S):
        name, equals, value = part.partition("=")
        if not equals and name not in environment:
            continue
        found.append((name, re.sub(r"\\(.)", r"\1", value, flags=re.S) if equals else environment[name]))
    if submission.options.get("V"):
        named = {name for name, _ in found}
        found += [(name, value) for name, value in environment.items() if name not in named and name != "_"]
    if any("'" in value for _, value in found):
        raise Refused(1, "cannot send environment with the job")
    return found
