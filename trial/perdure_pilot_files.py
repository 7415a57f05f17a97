"""Files that several programs read while they are written: whole or not at all."""

import os
import socket


def write(path, text, mode=0o644):
    """Write a file so that it is there whole or not at all."""
    temporary = "%s.%s.%d.tmp" % (path, socket.gethostname(), os.getpid())
    try:
        opened = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with open(opened, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except OSError:
        remove(temporary)
        raise


def read(path):
    """A small file's text; None where there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None


def remove(path):
    try:
        os.unlink(path)
    except OSError:
        pass


def said(error):
    return "%s: %s" % (type(error).__name__, error)
