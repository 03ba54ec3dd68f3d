"""Files are replaced whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from unfoldify.blame import shown
from unfoldify.errors import UsageError


class Savable(Protocol):
    source: str

    def save(self, path: Path) -> object: ...


def write_result(result: Savable, path: Path) -> tuple[Path, ...]:
    """Saves beside `path`, then moves into place: first constants, then what reads them."""
    with _scratch(path) as folder:
        result.save(folder / path.name)
        return _move_all(folder, path)


def standalone_source(result: Savable, stem: str) -> str:
    """The source, for standard output; refused where it needs a second file beside it."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / f"{stem}_unfolded.py"
        result.save(file)
        beside = [other.name for other in Path(name).iterdir() if other != file]
        if beside:
            raise UsageError(
                f"This model has constants that are too large for a source file: {beside[0]} "
                f"would have to stand beside it.\nWrite to a file: -o {file.name}"
            )
    return result.source


def write_text(path: Path, text: str) -> None:
    """The text in a file, whole."""
    with _scratch(path) as folder:
        (folder / path.name).write_text(text, encoding="utf-8")
        _move_all(folder, path)


def check_writable(path: Path, option: str) -> None:
    """Before any work: the folder is there, and takes files."""
    folder = path.parent
    if not folder.is_dir():
        raise UsageError(f"{option} {shown(path)}: there is no folder {shown(folder)}.")
    if not os.access(folder, os.W_OK):
        raise UsageError(f"{option} {shown(path)}: no permission to write in {shown(folder)}.")
    if path.is_dir():
        raise UsageError(f"{option} {shown(path)}: this is a folder, and a file is wanted.")


@contextmanager
def _scratch(path: Path) -> Iterator[Path]:
    """A folder on the same disk, so that moving out of it is one step."""
    try:
        with tempfile.TemporaryDirectory(dir=path.parent.resolve(), prefix=".unfoldify-") as name:
            yield Path(name)
    except OSError as error:  # the disk is full, say
        raise UsageError(f"{shown(path)} cannot be written: {error}") from error


def _move_all(folder: Path, path: Path) -> tuple[Path, ...]:
    files = sorted(folder.iterdir(), key=lambda file: file.name == path.name)
    moved = []
    for file in files:
        place = (path.parent / file.name).resolve()  # where it is a link: what it points to
        os.replace(file, place)
        moved.append(place)
    return tuple(moved)
