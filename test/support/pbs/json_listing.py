"""`-F json` as two clients print it: the one of OpenPBS's main branch, and the one of PBS Pro 2022 (22.05).

Both make numbers of text that looks like one, the older one without asking whether JSON knows it (`nan`, `007`); the older
one escapes double quotes and nothing else, and shows bytes beyond ASCII by a caret and another character.
"""

import json
import re

NUMERIC = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$")
JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$")


class MainDialect:
    indent, colon = "\t", ":\t"
    # Text from PBS goes out as it is, but for what JSON can't hold.
    end_of_skeleton = "}\n"

    def value(self, name, text, variable):
        if name in ("Job_Name", "Submit_arguments", "comment") and not variable:
            return self.text(text)
        if variable and text in ("true", "false"):
            return text
        if NUMERIC.match(text):
            return number(text)
        return self.text(text)

    def text(self, text):
        return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

    def variables(self, text):
        """Pairs; after a value that ends in a backslash, the next variable is taken for a part of it."""
        for part in re.findall(r"(?:\\,|[^,])+", text):
            name, _, value = part.partition("=")
            yield name, value.replace("\\,", ",") if not ends_badly(value) else value.replace("\\\\,", "\\,")


class OldDialect:
    indent, colon = "    ", ":"
    end_of_skeleton = "}"

    def value(self, name, text, variable):
        if re.match(r"[+-]?(inf|nan)$", text, re.I):
            return text
        if JSON_NUMBER.match(text) or NUMERIC.match(text) and not re.match(r"[+-]?0\d", text):
            return text
        return self.text(text)

    def text(self, text):
        text = text.replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
        return '"' + "".join(caret(character) for character in text) + '"'

    def variables(self, text):
        """Pairs; an empty value swallows the variable after it, comma and all."""
        for part in re.findall(r"(?:\\,|[^,=]+=,|[^,])+", text):
            name, _, value = part.partition("=")
            yield name, re.sub(r"\\{1,2},", ",", value)


def ends_badly(value):
    return re.search(r"\\\\,", value) is not None


def number(text):
    """As cJSON prints a double: an integer where it is one and small enough, else the shortest that reads back."""
    value = float(text)
    if value == int(value) and abs(value) < 2**31:
        return str(int(value))
    for digits in (15, 17):
        shown = f"{value:.{digits}g}"
        if float(shown) == value:
            return shown
    return repr(value)


def caret(character):
    """Bytes that are not printable ASCII: a caret, and the byte 64 further on, which may be anything."""
    shown = ""
    for byte in character.encode("utf-8", "surrogateescape"):
        further = (byte + 64) % 256
        shown += chr(byte) if 32 <= byte < 127 else "^" + (chr(further) if further < 128 else chr(0xDC00 + further))
    return shown


class Writer:
    """Writes the tree of an answer: {name: text | {name: ...}} with a dialect's blanks."""

    def __init__(self, dialect):
        self.dialect = dialect

    def tree(self, entries, depth):
        pad = self.dialect.indent * depth
        lines = []
        for name, value in entries:
            shown = self.tree(value, depth + 1) if isinstance(value, list) else value
            lines.append(f'{pad}"{name}"{self.dialect.colon}{shown}')
        return "{\n" + ",\n".join(lines) + "\n" + self.dialect.indent * (depth - 1) + "}"

    def job(self, attributes):
        """Pairs of a job's attributes as a tree: resources of one kind stand together."""
        found, groups = [], {}
        for name, text in attributes:
            group, dot, resource = name.partition(".")
            if name == "Variable_List":
                pairs = self.dialect.variables(text)
                found.append((name, [(key, self.dialect.value(key, value, True)) for key, value in pairs]))
            elif dot:
                if group not in groups:
                    groups[group] = []
                    found.append((group, groups[group]))
                groups[group].append((resource, self.dialect.value(resource, text, False)))
            else:
                found.append((name, self.dialect.value(name, text, False)))
        return found


def answer(state, now, kind, objects):
    """The whole output; without objects a skeleton that has no `kind` at all."""
    dialect = MainDialect() if state.main else OldDialect()
    writer = Writer(dialect)
    entries = [
        ("timestamp", str(now)),
        ("pbs_version", f'"{state.settings["version"]}"'),
        ("pbs_server", f'"{state.host}"'),
    ]
    if objects:
        entries.append((kind, [(id, writer.job(attributes)) for id, attributes in objects]))
        return writer.tree(entries, 1) + "\n"
    return writer.tree(entries, 1)[:-1] + dialect.end_of_skeleton
