"""Every case, by title: what the installed packages and a folder of files have to offer."""

from __future__ import annotations

import fnmatch
import importlib
import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.corpus.case import Case

# family -> the packages without which it has no cases
FAMILIES: dict[str, tuple[str, ...]] = {
    "composites": (),
    "transformers": ("transformers",),
    "variants": ("transformers",),
    "timm": ("timm",),
    "torchvision": ("torchvision",),
    "torchaudio": ("torchaudio",),
    "vit_pytorch": ("vit_pytorch",),
    "x_transformers": ("x_transformers",),
    "smp": ("segmentation_models_pytorch",),
    "diffusers": ("diffusers",),
    "monai": ("monai",),
    "kornia": ("kornia",),
    "tabnet": ("pytorch_tabnet",),
}
FOLDER = "files"


def every_case(folder: str | Path | None = None, families: Iterable[str] = ()) -> Iterator[Case]:
    """The cases of the families wanted, or of all that are installed, then those of the folder."""
    wanted = tuple(families)
    for family, packages in FAMILIES.items():
        if (not wanted or family in wanted) and all(map(_installed, packages)):
            yield from importlib.import_module(f"benchmarks.corpus.{family}_cases").cases()
    if folder is not None and (not wanted or FOLDER in wanted):
        from benchmarks.corpus.folder_cases import cases

        yield from cases(Path(folder))


def find(title: str, folder: str | Path | None = None) -> Case:
    """The case of that title; imports its family alone."""
    for case in every_case(folder, [title.partition("/")[0]]):
        if case.title == title:
            return case
    raise LookupError(f"no case {title!r}; the families are {', '.join(FAMILIES)} and {FOLDER}")


def matching(cases: Iterable[Case], patterns: Iterable[str]) -> list[Case]:
    """Those whose title matches any pattern: a wildcard, or a part of the title."""
    wanted = tuple(patterns)
    return [case for case in cases if not wanted or any(_matches(case, one) for one in wanted)]


def _matches(case: Case, pattern: str) -> bool:
    return fnmatch.fnmatchcase(case.title, pattern) or pattern in case.title


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
