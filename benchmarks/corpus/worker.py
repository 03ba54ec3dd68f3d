"""One case in a process of its own: build it, run it, put the tool over it, leave a row behind.

The row is rewritten at each stage, so that a process that is killed has still said how far it came.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import random
import resource
import time
import traceback
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.corpus.causes import innermost_frame
from benchmarks.corpus.row import Row, read_rows


@dataclass
class Progress:
    """The row so far, on disk as soon as it changes."""

    row: Row
    path: Path

    def update(self, **changes: Any) -> None:
        self.row = replace(self.row, memory=_peak_memory(), **changes)
        partial = self.path.with_suffix(".partial")
        partial.write_text(self.row.to_json())
        os.replace(partial, self.path)

    def failed(self, outcome: str, error: BaseException) -> None:
        text = "".join(traceback.format_exception(error))
        self.update(
            outcome=outcome,
            error=type(error).__name__,
            reason=str(error).partition("\n")[0][:300],
            frame=innermost_frame(error),
            message=f"{error}\n\n{text}"[-6000:],
        )


@dataclass(frozen=True)
class Job:
    """A case to run, and the folder in which its process leaves its row and what it says."""

    title: str
    folder: Path
    options: argparse.Namespace

    def row(self) -> Row | None:
        return read_rows(self.folder / "row.json").get(self.title)

    def said(self) -> str:
        path = self.folder / "output.txt"
        return path.read_text(errors="replace") if path.exists() else ""


def work(job: Job) -> None:
    """The whole life of a case's process."""
    os.setsid()
    output = os.open(job.folder / "output.txt", os.O_WRONLY | os.O_CREAT)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if job.options.memory:
        limit = job.options.memory << 20
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(
        resource.RLIMIT_CPU, (int(job.options.seconds), int(job.options.seconds) + 5)
    )
    faulthandler.enable()
    warnings.simplefilter("ignore")
    progress = Progress(Row(job.title, "died", stage="importing"), job.folder / "row.json")
    progress.update()
    _run(job.title, job.options, progress)


def _run(title: str, options: argparse.Namespace, progress: Progress) -> None:
    import torch

    from benchmarks.corpus.case import seed
    from benchmarks.corpus.cases import find
    from benchmarks.corpus.original import run_original

    torch.set_num_threads(1)
    progress.update(stage="building")
    try:
        case = find(title, options.folder)
        seed()
        built = case.build()
    except BaseException as error:  # a file of somebody else may do anything when imported
        progress.failed("cannot be built", error)
        return
    progress.update(stage="running the original", model=type(built.model).__name__)
    try:
        original = run_original(built)
    except Exception as error:
        progress.failed("original fails", error)
        return
    progress.update(
        forward=original.forward,
        backward=original.backward,
        parameters=original.parameters,
        original_lines=original.lines,
    )
    if options.beside:
        from benchmarks.corpus.beside import beside

        progress.update(stage="capturing in other ways")
        progress.update(beside=beside(built))
    if options.originals:
        progress.update(outcome="skipped", stage="")
    else:
        _unfold(built, options, progress)


def _unfold(built: Any, options: argparse.Namespace, progress: Progress) -> None:
    progress.update(stage="importing the tool")
    import unfoldify

    def stage(name: str, done: int, total: int) -> None:
        progress.update(stage=name)

    random.seed(0)
    start = time.process_time()
    try:
        result = unfoldify.unfoldify(
            built.model,
            built.args,
            built.kwargs,
            style=options.style,
            dialect=options.dialect,
            progress=stage,
        )
    except unfoldify.VerificationError as error:
        progress.failed("not equal", error)
        result = error.result
    except unfoldify.UnfoldifyError as error:
        progress.failed("refused", error)
        result = None
    except Exception as error:
        progress.failed("crashed", error)
        result = None
    else:
        progress.update(outcome="verified", stage="")
    progress.update(seconds=round(time.process_time() - start, 2))
    if result is not None:
        _describe(result, options, progress)


def _describe(result: Any, options: argparse.Namespace, progress: Progress) -> None:
    """What the report says, and the file itself where `--keep` wants it."""
    report = result.report
    checks = _each(getattr(report, "verification", None), "checks")
    progress.update(
        lines=result.source.count("\n"),
        sizes=tuple(dict.fromkeys(c.inputs for c in checks if c.ok and c.skipped is None)),
        notes=tuple(dict.fromkeys(c.skipped for c in checks if c.skipped is not None)),
        fixed=_texts(report, "fixed_sizes"),
        declined=_texts(report, "declined"),
    )
    if options.keep:
        path = Path(options.keep) / f"{progress.row.title}_unfolded.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        result.save(path)


def _each(owner: Any, name: str) -> tuple[Any, ...]:
    return tuple(getattr(owner, name, None) or ())


def _texts(owner: Any, name: str) -> tuple[str, ...]:
    return tuple(str(each) for each in _each(owner, name))


def _peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
