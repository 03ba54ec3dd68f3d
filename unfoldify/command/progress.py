"""A progress bar on standard error while a person looks on; nothing in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Callback = Callable[[str, int, int], None]


@contextmanager
def progress_bar(wanted: bool = True) -> Iterator[Callback | None]:
    """Gives `callback(stage, done, total)`, which draws; or None where nobody would see it."""
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeElapsedColumn,
    )

    bar = Progress(
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        stages: dict[str, TaskID] = {}

        def callback(stage: str, done: int, total: int) -> None:
            if stage not in stages:
                for task in bar.tasks:  # what came before is over, whether or not it said so
                    bar.update(task.id, completed=task.total)
                stages[stage] = bar.add_task(stage, total=total)
            bar.update(stages[stage], completed=done, total=total)

        yield callback
