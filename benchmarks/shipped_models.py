"""Time, peak memory and lines for every shipped model in both styles: a markdown table.

python benchmarks/shipped_models.py [NAME ...]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

FIXTURES = Path(__file__).parent.parent / "fixtures"
STYLES = ("product", "einsum")


@dataclass(frozen=True)
class Measured:
    """One run of the command."""

    code: int
    seconds: float
    cpu_seconds: float  # of all cores: what other work on the machine does not change
    peak_bytes: int
    lines: int
    words: str  # what the command said last, or first where it failed


def measure(model: Path, *options: str) -> Measured:
    """Runs the command on a model in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "unfoldify", str(model), "-o", folder, *options]
        log = Path(folder) / "log"
        start = time.monotonic()
        with log.open("w") as out:
            process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
            _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        written = Path(folder) / f"{model.stem}_unfolded.py"
        lines = len(written.read_text().splitlines()) if written.exists() else 0
        said = log.read_text().splitlines() or [""]
        code = os.waitstatus_to_exitcode(status)
        cpu = usage.ru_utime + usage.ru_stime
        words = said[0] if code == 0 else f"exit {code}: {' '.join(said)[:300]}"
        return Measured(code, seconds, cpu, usage.ru_maxrss * 1024, lines, words)


def main(names: list[str]) -> int:
    """The table; the exit code says whether every model was verified."""
    print("| model | lines | style | lines | seconds | of cpu | peak memory | |")
    print("|---|---|---|---|---|---|---|---|")
    codes = []
    for model in sorted(FIXTURES.glob("*.py")):
        if names and model.stem not in names:
            continue
        original = len(model.read_text().splitlines())
        for style in STYLES:
            m = measure(model, "--style", style)
            codes.append(m.code)
            row = [model.stem, original, style, m.lines, f"{m.seconds:.0f}", f"{m.cpu_seconds:.0f}"]
            row += [f"{m.peak_bytes / 2**30:.1f} GiB", m.words]
            print("|", " | ".join(map(str, row)), "|", flush=True)
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
