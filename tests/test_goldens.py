"""The files in fixtures/golden are what is written today; each is a file that a linter passes."""

from __future__ import annotations

import ast
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from tests.emit.ruff_oracle import RUFF, run_ruff
from tools.goldens import FIXTURES, GOLDEN, LAYOUTS, MODELS, written

FILES = [GOLDEN / name / f"{layout}.py" for name in MODELS for layout in LAYOUTS]
OWN = [file for file in FILES if file.stem != "patch"]  # a patch is the user's file, as it was


def short(file: Path) -> str:
    return f"{file.parent.name}/{file.stem}"


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_writing_them_again_leaves_no_difference(name: str) -> None:
    for file, text in written(name):
        assert (GOLDEN / name / file).read_text(encoding="utf-8") == text, file


def test_there_are_no_others() -> None:
    wanted = {
        GOLDEN / name / file
        for name in MODELS
        for file in ("report.txt", *(f"{layout}.py" for layout in LAYOUTS))
    }
    assert set(GOLDEN.glob("*/*")) == wanted


@pytest.mark.parametrize("file", FILES, ids=short)
def test_compiles_without_a_warning(file: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compile(file.read_text(encoding="utf-8"), str(file), "exec")


@pytest.mark.parametrize("file", OWN, ids=short)
def test_is_formatted(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert run_ruff(text) == text
    assert max(map(len, text.splitlines())) <= 100


def complaints(file: Path, *options: str) -> list[str]:
    """What `ruff check` has to say of a file."""
    command = [str(RUFF), "check", "--isolated", "--output-format", "concise", *options, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [line for line in done.stdout.splitlines() if line.startswith(str(file))]


@pytest.mark.parametrize("file", OWN, ids=short)
def test_a_linter_has_nothing_to_say(file: Path) -> None:
    assert complaints(file, "--extend-select", "I,W,UP,C4,PIE") == []


@pytest.mark.parametrize("name", MODELS)
def test_a_patch_adds_no_complaint(name: str) -> None:
    def rules(file: Path) -> set[str]:
        return {line.split(": ", 1)[1].split()[0] for line in complaints(file)}

    assert rules(GOLDEN / name / "patch.py") <= rules(FIXTURES / MODELS[name].file)


@pytest.mark.parametrize("name", ["residual_net", "gpt"])
def test_runs_alone(name: str, tmp_path: Path) -> None:
    """In a process of its own, from another folder, with warnings as errors."""
    for layout in ("inline", "functions"):
        file = GOLDEN / name / f"{layout}.py"
        classes = [n.name for n in ast.parse(file.read_text()).body if isinstance(n, ast.ClassDef)]
        run = f"import runpy; runpy.run_path({str(file)!r})[{classes[-1]!r}]()"
        subprocess.run([sys.executable, "-W", "error", "-c", run], check=True, cwd=tmp_path)


def test_functions_are_shorter_where_layers_repeat() -> None:
    """The length of a file, inline and with functions."""
    lines = {short(file): len(file.read_text().splitlines()) for file in OWN}
    for name in ("residual_net", "gpt", "mobilenet", "unet", "convnext"):
        assert lines[f"{name}/functions"] < lines[f"{name}/inline"]
