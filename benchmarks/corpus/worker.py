"""One case in a process of its own: build it, run it, put the tool over it, leave a row behind.

Run as `python -m benchmarks.corpus.worker TITLE ROW_FILE`, by `benchmarks.corpus.run`. The row is
rewritten at each stage, so that a process that is killed has still said how far it came.
"""

from __future__ import annotations

import argparse
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
from benchmarks.corpus.row import Row


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


def main() -> None:
    options = _options()
    if options.memory:
        limit = options.memory << 20
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    warnings.simplefilter("ignore")
    progress = Progress(Row(options.title, "died", stage="importing"), Path(options.row))
    progress.update()
    _run(options, progress)


def _run(options: argparse.Namespace, progress: Progress) -> None:
    import torch

    from benchmarks.corpus.case import seed
    from benchmarks.corpus.cases import find
    from benchmarks.corpus.original import run_original

    torch.set_num_threads(1)
    progress.update(stage="building")
    try:
        case = find(options.title, options.folder)
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
    start = time.perf_counter()
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
    progress.update(seconds=round(time.perf_counter() - start, 2))
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
        fixed=_texts(report, "fixed"),
        declined=_texts(report, "declined"),
    )
    if options.keep:
        path = Path(options.keep) / f"{options.title}_unfolded.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        result.save(path)


def _each(owner: Any, name: str) -> tuple[Any, ...]:
    return tuple(getattr(owner, name, None) or ())


def _texts(owner: Any, name: str) -> tuple[str, ...]:
    return tuple(str(each) for each in _each(owner, name))


def _peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.corpus.worker")
    parser.add_argument("title")
    parser.add_argument("row")
    parser.add_argument("--folder")
    parser.add_argument("--style", default="product")
    parser.add_argument("--dialect", default="einops")
    parser.add_argument("--memory", type=int, default=0, help="MiB")
    parser.add_argument("--beside", action="store_true")
    parser.add_argument("--originals", action="store_true")
    parser.add_argument("--keep")
    return parser.parse_args()


if __name__ == "__main__":
    main()
