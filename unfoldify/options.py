"""What a caller may ask for: styles, dialects, layouts, and which layers are spelled out."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unfoldify.errors import UsageError
from unfoldify.memory import parse_bytes
from unfoldify.recording.layers import ON_REQUEST
from unfoldify.rules import ON_REQUEST as RULES_ON_REQUEST
from unfoldify.rules import RULES, Rule

STYLES = ("product", "einsum")
DIALECTS = ("einops", "torch")
LAYOUTS = ("inline", "functions", "patch")
KINDS = tuple(dict.fromkeys((*(rule.kind for rule in RULES.values()), *ON_REQUEST)))


@dataclass(frozen=True)
class Options:
    """How the file is to be written."""

    style: str = "product"
    dialect: str = "einops"
    max_intermediate: int = 1 << 30
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    layout: str = "inline"
    shapes: bool = False

    def wanted(self, path: str, kind: str) -> bool:
        """Whether a layer is to be spelled out, by its path and kind."""
        if kind in ON_REQUEST and kind not in self.also:
            return False
        if any(matches(path, kind, pattern) for pattern in self.skip):
            return False
        return not self.only or any(matches(path, kind, pattern) for pattern in self.only)

    def unmatched(self, paths: Collection[str]) -> tuple[str, ...]:
        """The words of --only and --skip that are no kind and no layer of a model."""
        return tuple(
            pattern
            for pattern in dict.fromkeys((*self.only, *self.skip))
            if pattern not in KINDS and not fnmatch.filter(paths, pattern)
        )

    def rules(self) -> Mapping[Callable[..., Any], Rule]:
        """The table of rules, with the families that were asked for."""
        rows = dict(RULES)
        for kind in self.also:
            rows.update(RULES_ON_REQUEST.get(kind, {}))
        return rows


def matches(path: str, kind: str, pattern: str) -> bool:
    """Whether a word of --only or --skip means this layer: its kind, or its path with wildcards."""
    return kind == pattern or (bool(path) and fnmatch.fnmatchcase(path, pattern))


def checked(
    style: str,
    dialect: str,
    max_intermediate: str | int,
    only: Sequence[str],
    skip: Sequence[str],
    also: Sequence[str],
    layout: str = "inline",
    shapes: bool = False,
) -> Options:
    """The options, or a UsageError that says which one does not exist."""
    choices = ("style", style, STYLES), ("dialect", dialect, DIALECTS), ("layout", layout, LAYOUTS)
    for what, value, known in choices:
        if value not in known:
            raise UsageError(f"{what}: wanted one of {', '.join(known)}, found {value!r}")
    for kind in listed(also):
        if kind not in ON_REQUEST:
            raise UsageError(f"also: wanted kinds among {', '.join(ON_REQUEST)}, found {kind!r}")
    patterns: list[Any] = [*listed(only), *listed(skip)]
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise UsageError(
                f"only, skip: wanted layer names or kinds ({', '.join(KINDS)}), found {pattern!r}"
            )
    size = parse_bytes(max_intermediate)
    return Options(style, dialect, size, listed(only), listed(skip), listed(also), layout, shapes)


def listed(words: str | Sequence[str]) -> tuple[str, ...]:
    """One word is a list of one."""
    return (words,) if isinstance(words, str) else tuple(words)
