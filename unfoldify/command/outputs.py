"""Where the command's results go: checked before any work, written after it."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unfoldify import __version__
from unfoldify.blame import shown
from unfoldify.command.write import check_writable, standalone_source, write_result, write_text
from unfoldify.errors import UsageError
from unfoldify.loading.target import Target

DASH = "-"  # standard output


@dataclass(frozen=True)
class Places:
    """Where each result goes; None is nowhere."""

    source: Path | None
    html: Path | None
    json: Path | None
    printed: str | None  # what has standard output for itself: "source", "json" or "diff"


def places(options: argparse.Namespace, target: Target) -> Places:
    """Every file that will be written; an error now if one cannot be."""
    claims = {
        "source": options.output == DASH and not options.check,
        "json": options.json == DASH,
        "diff": options.diff,
    }
    printed = [what for what, claimed in claims.items() if claimed]
    if len(printed) > 1:
        spelled = {"source": "-o -", "json": "--json -", "diff": "--diff"}
        both = " and ".join(spelled[what] for what in printed)
        raise UsageError(f"{both} cannot share standard output.\nWrite one of them to a file.")
    source = None if options.check or options.output == DASH else _source_place(options, target)
    html = Path(options.html) if options.html else None
    report = Path(options.json) if options.json and options.json != DASH else None
    for path, option in ((source, "-o"), (html, "--html"), (report, "--json")):
        if path is not None:
            check_writable(path, option)
    return Places(source, html, report, printed[0] if printed else None)


def check_not_the_original(where: Places, original: Path | None) -> None:
    """The user's own file is never written over."""
    for path in (where.source, where.html, where.json):
        if path and original and path.resolve() == original.resolve():
            raise UsageError(
                f"{shown(path)} is the file of the original, which is never written over.\n"
                "Choose another name."
            )


def write_outputs(result: Any, where: Places, options: argparse.Namespace, target: Target) -> str:
    """Writes and prints what was asked for, and says which files there are now."""
    html = result.report.to_html(result.source, str(target)) if where.html else ""
    files: tuple[Path, ...] = ()
    if where.source:
        files = write_result(result, where.source)
    if where.html:
        write_text(where.html, html)
        files += (where.html,)
    if where.json:
        write_text(where.json, as_json(result.report, options, where.source) + "\n")
        files += (where.json,)
    if where.printed == "source":
        print(standalone_source(result, target.stem), end="")
    if where.printed == "json":
        print(as_json(result.report, options, where.source))
    return f"Wrote {', '.join(map(shown, files))}." if files else "No file was written."


def as_json(report: Any, options: argparse.Namespace, written: Path | None) -> str:
    """The report as one JSON object, with what was asked."""
    asked = {"unfoldify": __version__, "target": options.target}
    return json.dumps(
        {**asked, "written": str(written) if written else None, **report.to_dict()}, indent=2
    )


def _source_place(options: argparse.Namespace, target: Target) -> Path:
    name = f"{target.stem}_unfolded.py"
    if options.output is None:
        return Path(name)
    path = Path(options.output)
    return path / name if path.is_dir() else path
