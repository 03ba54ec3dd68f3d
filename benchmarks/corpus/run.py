"""Puts the tool over other people's models, each in a process of its own, and writes a table.

    python -m benchmarks.corpus.run --out results                       everything installed
    python -m benchmarks.corpus.run --out results --folder models       and a folder of files
    python -m benchmarks.corpus.run --out results --only 'timm/*' --resume

`results/rows.jsonl` holds a row for each case, `results/table.md` the same to read: totals by
family, failures by cause, all rows. A crash, a timeout or a killed process is a row like any other.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

from benchmarks.corpus.case import Case
from benchmarks.corpus.cases import every_case, matching
from benchmarks.corpus.row import Row, from_dict, read_rows, write_rows
from benchmarks.corpus.table import table

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    options = _options()
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    rows_file = out / "rows.jsonl"
    done = read_rows(rows_file)
    chosen = matching(every_case(options.folder, options.family), options.only)
    if options.list:
        print("\n".join(case.title for case in chosen))
        return
    todo = [case for case in chosen if not (options.resume and _settled(done, case, options))]
    print(f"{len(chosen)} cases, {len(todo)} to run", flush=True)
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
        row_file = Path(folder) / "row.json"
        process = subprocess.Popen(
            _command(title, row_file, options),
            cwd=ROOT,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        start = time.monotonic()
        try:
            _, errors = process.communicate(timeout=options.seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return replace(
                _left_behind(title, row_file), outcome="timeout", seconds=options.seconds
            )
        row = _left_behind(title, row_file)
        if row.outcome != "died":
            return row
        said = errors.strip().splitlines()[-1:] or [""]
        seconds = round(time.monotonic() - start, 2)
        reason = f"exit code {process.returncode}: {said[0]}"[:300]
        return replace(row, reason=reason, message=errors[-3000:], seconds=seconds)


def _left_behind(title: str, row_file: Path) -> Row:
    rows = read_rows(row_file)
    return rows.get(title) or from_dict({"title": title, "outcome": "died"})


def _command(title: str, row_file: Path, options: argparse.Namespace) -> list[str]:
    command = [sys.executable, "-m", "benchmarks.corpus.worker", title, str(row_file)]
    command += ["--style", options.style, "--dialect", options.dialect]
    command += ["--memory", str(options.memory)]
    command += ["--folder", str(Path(options.folder).resolve())] if options.folder else []
    command += ["--keep", str(Path(options.keep).resolve())] if options.keep else []
    command += ["--beside"] if options.beside else []
    command += ["--originals"] if options.originals else []
    return command


def _environment() -> dict[str, str]:
    """One thread each, the same hashes in each run, and no downloads."""
    fixed = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0", "HF_HUB_OFFLINE": "1"}
    return {**os.environ, **fixed, "TRANSFORMERS_VERBOSITY": "error", "CUDA_VISIBLE_DEVICES": ""}


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
    add("--resume", action="store_true", help="leave out what rows.jsonl holds already")
    add("--failed", action="store_true", help="with --resume: run again what was not verified")
    add("--list", action="store_true", help="print the titles and stop")
    add("--style", default="product", choices=["product", "einsum"])
    add("--dialect", default="einops", choices=["einops", "torch"])
    add("--workers", type=int, default=2)
    add("--seconds", type=float, default=180, help="for each case")
    add("--memory", type=int, default=8192, help="MiB of address space for each case, 0: no limit")
    add("--beside", action="store_true", help="torch.fx.symbolic_trace and torch.export as well")
    add("--originals", action="store_true", help="only whether the originals run")
    add("--keep", help="folder for the emitted files")
    return parser.parse_args()


if __name__ == "__main__":
    main()
