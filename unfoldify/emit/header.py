"""The docstring at the top of an emitted file: what it is, what its axes mean, what was verified."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

from torch import nn

GLOSSARY: dict[str, str] = {
    "b": "batch size",
    "i, o": "input and output features",
    "i1, i2": "input features",
    "c_in, c_out": "input and output channels",
    "c": "channels",
    "g": "groups",
    "n_in, n_out": "input and output length",
    "n": "sequence length",
    "n_q, n_k": "tokens, of queries and of keys",
    "h_in, w_in": "input height and width",
    "h_out, w_out": "output height and width",
    "d_in": "input depth",
    "d_out": "output depth",
    "h, w": "height and width",
    "h": "heads",
    "d": "features of a head",
    "k": "kernel size",
    "kh, kw": "kernel height and width",
    "kd, kh, kw": "kernel depth, height and width",
    "sh, sw": "stride, as rows and columns of a tile",
    "s": "stride, as the length of a tile",
    "m, p": "rows of the first and columns of the second factor",
}
WIDTH = 100
COLUMN = 48


def header(model: nn.Module, source: str, verification: Any, source_path: str | Path | None) -> str:
    """The text between the quotes."""
    name = type(model).__name__
    origin = f" from {Path(source_path).name}" if source_path else ""
    lines = [f"{name}{origin}, with every {kinds(source)} written out.", ""]
    lines += glossary(axes_in(source))
    load = f"`{name}().load_state_dict(original.state_dict())`"
    lines += [f"Loads the original's weights as they are: {load}."]
    if verification is not None and verification.ok:
        told = verification.sentence
        lines += textwrap.wrap(told, WIDTH)
    return "\n".join(lines) + "\n"


def kinds(source: str) -> str:
    """What kinds of contraction the file spells out, by the axes it uses."""
    axes = axes_in(source)
    found = []
    if {"kh", "kw"} & axes or {"c_in", "c_out"} & axes:
        found.append("convolution")
    if "o" in axes:
        found.append("linear layer")
    if "n_q" in axes:
        found.append("attention")
    if not found:
        return "contraction"
    return found[0] if len(found) == 1 else ", ".join(found[:-1]) + " and " + found[-1]


def axes_in(source: str) -> set[str]:
    """The axes that the file's patterns name."""
    patterns = re.findall(r'"([^"\n]*->[^"\n]*)"|# ([^"\n]*->.*)', source)
    return {axis for pattern in patterns for axis in re.findall(r"[A-Za-z_]\w*", " ".join(pattern))}


def glossary(axes: set[str]) -> list[str]:
    """The meaning of each axis, two to a line."""
    entries: list[str] = []
    explained: set[str] = set()
    for words, meaning in GLOSSARY.items():
        names = words.split(", ")
        if all(name in axes for name in names) and not set(names) <= explained:
            if (names == ["h"] and "w" in axes) or (names == ["d"] and "d_out" in axes):
                continue
            entries.append(f"{words}: {meaning}")
            explained.update(names)
    lines = []
    for left, right in zip(entries[::2], [*entries[1::2], ""], strict=False):
        lines.append(f"    {left:<{COLUMN}}{right}".rstrip())
    return [*lines, ""] if lines else []
