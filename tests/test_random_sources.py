"""Random files of users: whatever is drawn, each layout runs, is equal, and pleases a linter."""

from __future__ import annotations

import subprocess
import warnings
from pathlib import Path

import pytest

import unfoldify
from tests.emit.ruff_oracle import RUFF, run_ruff
from tests.random_sources import Writer
from unfoldify.loading.load import load
from unfoldify.loading.target import parse_target

pytestmark = pytest.mark.slow  # many models, each recorded and verified in full

WAYS = [
    ("inline", "einops", "product"),
    ("inline", "torch", "product"),
    ("functions", "einops", "product"),
    ("functions", "torch", "einsum"),
    ("patch", "einops", "product"),
    ("patch", "torch", "einsum"),
]


def complaints(path: Path) -> str:
    command = [str(RUFF), "check", "--isolated", "--extend-select", "I,W", "--quiet", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("seed", range(24))
def test_a_random_file(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"random_model_{seed}.py"
    path.write_text(Writer(seed).file(), encoding="utf-8")
    layout, dialect, style = WAYS[seed % len(WAYS)]
    loaded = load(parse_target(f"{path}:Net"))
    result = unfoldify.unfoldify(  # raises where the results are not equal
        loaded.model,
        loaded.args,
        layout=layout,
        dialect=dialect,
        style=style,
        source_path=path,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compile(result.source, "emitted.py", "exec")
    if layout != "patch":
        written = tmp_path / "emitted.py"
        written.write_text(result.source, encoding="utf-8")
        assert run_ruff(result.source) == result.source
        assert complaints(written) == ""
