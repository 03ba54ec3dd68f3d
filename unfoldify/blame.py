"""An exception → the line of the user's file that it comes from, the first thing a message says."""

from __future__ import annotations

import linecache
import sysconfig
import traceback
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_PATHS = sysconfig.get_paths()
_INSTALLED = tuple(Path(_PATHS[key]).resolve() for key in ("purelib", "platlib"))
_STANDARD = tuple(Path(_PATHS[key]).resolve() for key in ("stdlib", "platstdlib"))


def shown(path: Path) -> str:
    """The path as a user would type it: relative where it lies under the current folder."""
    path = path.resolve()
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def users_line(error: BaseException, file: Path | None) -> str | None:
    """Where the user's code raised `error`, as "model.py:12: `x = self.fc(x)`"."""
    if isinstance(error, SyntaxError) and _is_users(error.filename or "<", file):
        return _line(error.filename or "", error.lineno or 1, error.text or "")
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.lineno is not None and _is_users(frame.filename, file):
            return _line(frame.filename, frame.lineno, frame.line or "")
    return None


def fact(error: BaseException) -> str:
    """The exception as its own words, on few lines: "ValueError: expected 3 channels"."""
    words = error.msg if isinstance(error, SyntaxError) else str(error)
    lines = [line.rstrip() for line in words.strip().splitlines() if line.strip()]
    if len(lines) > 12:
        lines = [*lines[:8], "...", *lines[-3:]]
    name = type(error).__name__
    return f"{name}: " + "\n  ".join(lines) if lines else name


def _line(filename: str, number: int, text: str) -> str:
    words = (text or linecache.getline(filename, number)).strip()
    where = f"{shown(Path(filename))}:{number}"
    return f"{where}: `{words}`" if words else where


def _is_users(filename: str, file: Path | None) -> bool:
    """Neither this package, nor the standard library, nor an installed one other than `file`'s."""
    if filename.startswith("<"):
        return False
    path = Path(filename).resolve()
    if path.is_relative_to(_PACKAGE):
        return False
    for root in _INSTALLED:
        if path.is_relative_to(root):
            package = path.relative_to(root).parts[0]
            return file is not None and file.resolve().is_relative_to(root / package)
    return not any(path.is_relative_to(root) for root in _STANDARD)
