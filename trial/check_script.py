"""Checks a trial's script without running it, with the Python that trials use.

Reads one JSON object from standard input: {"directory", "script", "files"}. `script` is the path of the script below `directory`,
or null; `files` are the paths of the Python files that a trial gets. Writes one line, the mark and a JSON object: {"executable",
"problems", "missing"}. No bytecode is written. Standard library only; Python 2.7 or newer, since a command may name any Python.
"""

import ast
import json
import os
import posixpath
import sys

# What a start-up file of the environment prints comes before this.
MARK = "perdure-check: "


def problem_in(path, source):
    """What does not compile in a file, or None."""
    try:
        compile(source, path, "exec", 0, True)
    except SyntaxError as error:
        line = error.lineno or 1
        return {"path": path, "line": line, "column": error.offset or 1, "message": error.msg, "text": text_of(source, line)}
    except ValueError as error:
        return {"path": path, "line": 1, "column": 1, "message": str(error), "text": ""}
    return None


def text_of(source, line):
    """A line of a file, from 1."""
    lines = source.decode("utf-8", "replace").splitlines()
    return lines[line - 1].strip() if line <= len(lines) else ""


def imports_of(source):
    """The imports of a file: (line, level, names), with each name a list of its parts."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, 0, alias.name.split(".")
        elif isinstance(node, ast.ImportFrom):
            module = node.module.split(".") if node.module else []
            for alias in node.names:
                # It may be a module of the package, or something in it.
                yield node.lineno, node.level or 0, module + [alias.name]


def is_installed(name):
    """True where the Python finds the module without the study's files. A top-level module is not imported by that."""
    if name in sys.builtin_module_names:
        return True
    try:
        from importlib.util import find_spec
    except ImportError:
        import imp  # Python 2

        try:
            imp.find_module(name)
        except ImportError:
            return False
        return True
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError, AttributeError):
        return True  # It is there, in a form that can't be described.


class Checker(object):
    def __init__(self, directory, files):
        self.directory = directory
        self.files = set(files)
        self.problems = []
        self.missing = {}

    def check(self, script):
        """Compiles a script and the staged files that it imports."""
        roots = self.roots(script)
        seen, todo = set(), [script]
        while todo:
            path = todo.pop()
            if path in seen:
                continue
            seen.add(path)
            with open(os.path.join(self.directory, path), "rb") as file:
                source = file.read()
            problem = problem_in(path, source)
            if problem is not None:
                self.problems.append(problem)
                continue
            for line, level, parts in imports_of(source):
                todo.extend(self.imported(path, line, level, parts, roots))

    def roots(self, script):
        """Where absolute imports begin: at the script's directory, and at that of the outermost package which it is in."""
        folder = top = posixpath.dirname(script)
        while posixpath.join(top, "__init__.py") in self.files and top:
            top = posixpath.dirname(top)
        return [folder] if top == folder else [folder, top]

    def imported(self, path, line, level, parts, roots):
        """The staged files that an import loads. Notes those that are beside the study and not staged."""
        if level > 0:
            base = posixpath.dirname(path)
            for _ in range(level - 1):
                base = posixpath.dirname(base)
            roots = [base]
        found, absent = [], []
        for root in roots:
            for count in range(1, len(parts) + 1):
                stem = posixpath.join(root, *parts[:count])
                for name in (stem + ".py", posixpath.join(stem, "__init__.py")):
                    if name in self.files:
                        found.append(name)
                    elif os.path.isfile(os.path.join(self.directory, name)):
                        absent.append(name)
        if absent and (found or level > 0 or not is_installed(parts[0])):
            for name in absent:
                self.missing.setdefault(name, {"path": path, "line": line, "missing": name})
        return found


def main():
    asked = json.loads(sys.stdin.read())
    checker = Checker(asked["directory"], asked["files"])
    if asked["script"] is not None:
        checker.check(asked["script"])
    missing = [checker.missing[name] for name in sorted(checker.missing)]
    answer = {"executable": sys.executable, "problems": checker.problems, "missing": missing}
    sys.stdout.write("\n%s%s\n" % (MARK, json.dumps(answer)))


if __name__ == "__main__":
    main()
