"""Everything that the README shows is true: its code runs, its quotes are real output."""

from __future__ import annotations

import re
import shlex
import textwrap
from pathlib import Path

import pytest

from unfoldify.cli import main

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
PYTHON = [code for language, code in BLOCKS if language == "python"]
COMMANDS = [
    line for language, code in BLOCKS if language == "sh" for line in code.splitlines() if line
]


def starting_with(word: str) -> list[str]:
    return [line.split("#")[0].strip() for line in COMMANDS if line.startswith(word)]


@pytest.fixture
def checkout(tmp_path: Path, fixtures: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder from which the paths of the README lead to the shipped models."""
    monkeypatch.chdir(tmp_path)
    Path("fixtures").symlink_to(fixtures, target_is_directory=True)
    return tmp_path


@pytest.mark.parametrize("code", [code for code in PYTHON if "import unfoldify" in code])
def test_code_runs(code: str, checkout: Path) -> None:
    exec(compile(code, "README.md", "exec"), {"__name__": "readme"})


@pytest.mark.parametrize("command", starting_with("unfoldify"))
def test_command_succeeds(command: str, checkout: Path) -> None:
    assert main(shlex.split(command)[1:]) == 0


def test_before_and_after_are_real(checkout: Path) -> None:
    assert main(["fixtures/residual_net.py", "--quiet"]) == 0
    before, after = (code for code in PYTHON if "import" not in code)
    shown = {
        "fixtures/residual_net.py": before,
        "residual_net_unfolded.py": after,
    }
    for name, code in shown.items():
        assert textwrap.indent(code, 8 * " ") in Path(name).read_text(encoding="utf-8")


def test_every_block_is_tested() -> None:
    languages = {language for language, _ in BLOCKS}
    assert languages == {"python", "sh"}
    known = [*starting_with("unfoldify"), *starting_with("make")]
    assert len(known) == len(COMMANDS)
