"""The package as a whole: public names, what --help imports, metadata, documents."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest

import unfoldify

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def python(code: str, *words: str) -> str:
    """What a fresh interpreter prints."""
    return subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout


@pytest.mark.parametrize("words", [["--help"], ["--version"]])
def test_help_and_version_import_no_torch(words: list[str]) -> None:
    code = (
        "import sys\nfrom unfoldify.cli import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit as e: assert e.code == 0\n"
        "print([name for name in ('torch', 'einops', 'rich', 'numpy') "
        "if name in sys.modules])"
    )
    assert python(code, *words).splitlines()[-1] == "[]"


def test_command_is_installed_and_is_a_module_too() -> None:
    (entry,) = entry_points(group="console_scripts", name="unfoldify")
    assert entry.load() is importlib.import_module("unfoldify.cli").main
    for command in (
        [sys.executable, "-m", "unfoldify"],
        [f"{Path(sys.executable).parent}/unfoldify"],
    ):
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
        assert done.stdout == f"unfoldify {unfoldify.__version__}\n"


def test_version_is_said_once() -> None:
    assert version("unfoldify") == unfoldify.__version__
    assert f"## {unfoldify.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_public_names_survive_the_import_of_every_module() -> None:
    """A submodule called `verify` would replace the function of that name."""
    for info in pkgutil.walk_packages(unfoldify.__path__, "unfoldify."):
        if info.name != "unfoldify.__main__":
            importlib.import_module(info.name)
    kinds = {name: getattr(unfoldify, name) for name in unfoldify.__all__}
    modules = [name for name, value in kinds.items() if inspect.ismodule(value)]
    assert modules == ["functional"]
    functions = [name for name, value in kinds.items() if inspect.isfunction(value)]
    assert functions == ["transform", "unfoldify", "verify"]
    assert set(unfoldify.__all__) <= set(dir(unfoldify))


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match=r"^module 'unfoldify' has no attribute 'foldify'$"):
        unfoldify.foldify  # noqa: B018


def test_every_error_is_an_unfoldify_error_with_its_code() -> None:
    codes = {
        cls.__name__: cls.exit_code
        for cls in vars(unfoldify.errors).values()
        if isinstance(cls, type) and issubclass(cls, unfoldify.UnfoldifyError)
    }
    assert codes == {
        "UnfoldifyError": 2,
        "UsageError": 2,
        "LoadError": 2,
        "CaptureError": 3,
        "DefectError": 3,
        "VerificationError": 1,
    }


def test_constraints_pin_what_is_required_within_its_range() -> None:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    pinned = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if not line.startswith("#"):
            name, exact = line.split("==")
            pinned[canonicalize_name(name)] = exact
    extras = PROJECT["project"]["optional-dependencies"].values()
    for text in (*PROJECT["project"]["dependencies"], *(one for extra in extras for one in extra)):
        wanted = Requirement(text)
        if wanted.name != "unfoldify":
            assert wanted.specifier.contains(pinned[canonicalize_name(wanted.name)]), text


def test_package_imports_only_what_it_requires() -> None:
    required = {"torch", "einops", "numpy", "rich", "safetensors", "unfoldify"}
    html = {"jinja2", "pygments"}
    pattern = re.compile(r"^\s*(?:import|from) (\w+)", re.MULTILINE)
    for file in (ROOT / "unfoldify").rglob("*.py"):
        code = re.sub(r'""".*?"""', "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
        found = set(pattern.findall(code)) - set(sys.stdlib_module_names)
        assert found <= required | html, file


def test_links_of_the_documents_lead_somewhere() -> None:
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        for link in re.findall(r"\]\(([^)#]+)\)", text):
            assert link.startswith("https://") or (ROOT / link).exists(), (name, link)


def test_every_make_target_that_is_mentioned_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for name in ("README.md", "CONTRIBUTING.md"):
        for target in re.findall(
            r"make (demo|test|clean|[a-z]+)\b(?=`|   )", (ROOT / name).read_text()
        ):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), (name, target)
