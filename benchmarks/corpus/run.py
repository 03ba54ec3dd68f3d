"""Puts the tool over other people's models, each in a process of its own, and writes a table.

    python -m benchmarks.corpus.run --out results                       everything installed
    python -m benchmarks.corpus.run --out results --folder models       and a folder of files
    python -m benchmarks.corpus.run --out results --only 'timm/*' --resume

`results/rows.jsonl` holds a row for each case, `results/table.md` the same to read: totals by
family, failures by cause, all rows. A crash, a timeout or a killed process is a row like any other.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import os
import random
import signal
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import replace
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

from benchmarks.corpus.case import Case
from benchmarks.corpus.cases import FAMILIES, every_case, matching
from benchmarks.corpus.row import Row, read_rows, write_rows
from benchmarks.corpus.table import table
from benchmarks.corpus.worker import Job, work

_PATIENCE = 10  # a loaded machine gives a process a tenth of its time


def main() -> None:
    options = _options()
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    rows_file = out / "rows.jsonl"
    done = read_rows(rows_file)
    chosen = matching(every_case(options.folder, options.family), options.only)
    if options.sample:
        chosen = random.Random(options.draw).sample(chosen, min(options.sample, len(chosen)))
    if options.list:
        print("\n".join(case.title for case in chosen))
        return
    todo = [case for case in chosen if not (options.resume and _settled(done, case, options))]
    print(f"{len(chosen)} cases, {len(todo)} to run", flush=True)
    _set_environment({case.family for case in todo})
    with rows_file.open("a") as sink:
        for number, row in enumerate(_run_all(todo, options), 1):
            done[row.title] = row
            sink.write(f"{row.to_json()}\n")
            sink.flush()
            print(_line(number, len(todo), row), flush=True)
    write_rows(rows_file, done.values())
    text = table(list(done.values()), style=options.style)
    (out / "table.md").write_text(text)
    print(text.partition("\n## ")[0])


def _settled(done: dict[str, Row], case: Case, options: argparse.Namespace) -> bool:
    """A row that `--resume` need not make again; with `--failed`, only what was verified."""
    row = done.get(case.title)
    return row is not None and (not options.failed or row.outcome == "verified")


def _run_all(cases: Sequence[Case], options: argparse.Namespace) -> Iterator[Row]:
    with ThreadPoolExecutor(options.workers) as pool:
        waiting = [pool.submit(_run, case.title, options) for case in cases]
        try:
            for finished in as_completed(waiting):
                yield finished.result()
        except KeyboardInterrupt:
            for future in waiting:
                future.cancel()
            raise


def _run(title: str, options: argparse.Namespace) -> Row:
    """The row of one case, whatever happens to its process."""
    with tempfile.TemporaryDirectory() as folder:
        job = Job(title, Path(folder), options)
        process = _processes().Process(target=work, args=(job,))
        process.start()
        process.join(options.seconds * _PATIENCE)
        stuck = process.is_alive()
        if stuck:
            _kill(process)
        row = job.row() or Row(title, "died")
        if stuck or process.exitcode == -signal.SIGXCPU:
            return replace(row, outcome="timeout", seconds=options.seconds)
        if row.outcome != "died":
            return row
        said = job.said()
        last = said.strip().rpartition("\n")[2]
        reason = f"exit code {process.exitcode}: {last}"[:300]
        return replace(row, reason=reason, message=said[-3000:])


@functools.cache
def _processes() -> ForkServerContext:
    """Each process starts with what is slow to import, and with nothing that a case has changed."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.corpus.warm"])
    return context


def _kill(process: BaseProcess) -> None:
    """The process and what it started; it leads a group of its own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid or 0, signal.SIGKILL)
    process.kill()
    process.join()


def _set_environment(families: set[str]) -> None:
    """One thread each, the same hashes in each run, no downloads; and what to import once."""
    os.environ.update(
        OMP_NUM_THREADS="1",
        PYTHONHASHSEED="0",
        HF_HUB_OFFLINE="1",
        TRANSFORMERS_VERBOSITY="error",
        CUDA_VISIBLE_DEVICES="",
        CORPUS_PACKAGES=",".join(p for f in sorted(families) for p in FAMILIES.get(f, ())),
    )


def _line(number: int, total: int, row: Row) -> str:
    seconds = "" if row.seconds is None else f" {row.seconds:.1f} s"
    why = f"  {row.error} {row.reason[:100]}" if row.outcome != "verified" else ""
    return f"[{number}/{total}] {row.title}: {row.outcome}{seconds}{why}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks.corpus.run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--out", default="corpus-results", help="folder for rows.jsonl and table.md")
    add("--folder", help="a folder of model files, with or without a manifest.jsonl")
    add("--family", action="append", default=[], help="only these families")
    add("--only", action="append", default=[], help="titles: a wildcard or a part")
    add("--sample", type=int, help="so many cases, the same ones each time")
    add("--draw", type=int, default=0, help="with --sample: another number, other cases")
    add("--resume", action="store_true", help="leave out what rows.jsonl holds already")
    add("--failed", action="store_true", help="with --resume: run again what was not verified")
    add("--list", action="store_true", help="print the titles and stop")
    add("--style", default="product", choices=["product", "einsum"])
    add("--dialect", default="einops", choices=["einops", "torch"])
    add("--workers", type=int, default=2)
    add("--seconds", type=float, default=180, help="of processor time, for each case")
    add("--memory", type=int, default=8192, help="MiB of address space for each case, 0: no limit")
    add("--beside", action="store_true", help="torch.fx.symbolic_trace and torch.export as well")
    add("--originals", action="store_true", help="only whether the originals run")
    add("--keep", help="folder for the emitted files")
    return parser.parse_args()


if __name__ == "__main__":
    main()
