"""The docstring at the top of an emitted file: what it is, what its axes mean, what was verified."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from torch import fx, nn

from unfoldify.recording.body import Body

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
    "kd, kh, kw": "kernel depth, height and width",
    "kh, kw": "kernel height and width",
    "sh, sw": "stride, as rows and columns of a tile",
    "s": "stride, as the length of a tile",
}
KINDS: dict[str, str] = {
    "conv": "convolution",
    "conv_transpose": "transposed convolution",
    "linear": "linear layer",
    "bilinear": "bilinear layer",
    "recurrent": "recurrent layer",
    "attention": "attention",
    "matmul": "matrix product",
    "einsum": "einsum",
    "pooling": "pooling",
    "norm": "normalization",
    "fold": "fold",
    "shuffle": "shuffle",
    "embedding": "embedding",
}
MATRIX = {"m", "p"}
FACTORS = {"m": "rows", "n": "inner size", "p": "columns"}
INNER = "n of two factors"  # beside the axes: there, n is no length
WIDTH = 100
BOUND_TO = {"sizes": "sizes", "value": "values"}  # of the example, by what the original goes by
MOST_TOLD = 3  # places where the original goes by the example's sizes
COLUMN = 48


def header(
    model: nn.Module,
    source: str,
    verification: Any,
    source_path: str | Path | None,
    kinds: Collection[str] = (),
    theirs: Collection[str] = (),
    every: bool = True,
    bound: Sequence[str] = (),
    bound_to: Collection[str] = ("sizes",),
) -> str:
    """The text between the quotes.

    `kinds` are those of the calls that were spelled out, `theirs` the patterns of the model's own
    einops calls and equations; not `every`, but some layers were asked for. `bound` says where the
    original does something else at other sizes.
    """
    name = type(model).__name__
    origin = f" from {Path(source_path).name}" if source_path else ""
    axes = axes_in(source, theirs)
    some = f"every {listed(kinds)}" if every else "some of its layers"
    first = f"{name}{origin}, with {some} written out."
    lines = [*textwrap.wrap(first, WIDTH - len('"""')), ""]
    lines += glossary(axes)
    load = f"`{name}().load_state_dict(original.state_dict())`"
    lines += textwrap.wrap(f"Loads the original's weights as they are: {load}.", WIDTH)
    if needed := sorted(set(re.findall(r"torch\.ops\.(?!aten\.)\w+\.\w+", source))):
        told = f"Needs what defines {' and '.join(needed)}: import that first."
        lines += textwrap.wrap(told, WIDTH)
    if verification is not None and verification.ok:
        told = verification.sentence
        lines += textwrap.wrap(told, WIDTH)
    lines += bound_to_sizes(bound, bound_to)
    return "\n".join(lines) + "\n"


def bound_to_sizes(bound: Sequence[str], to: Collection[str] = ("sizes",)) -> Iterator[str]:
    """What a user has to know who calls the file with other "sizes", or another "value", than those
    that were checked.
    """
    told = list(dict.fromkeys(each.replace("\\", "/").replace('"', "'") for each in bound))
    if told:
        what = " and ".join(word for kind, word in BOUND_TO.items() if kind in to)
        yield ""
        yield f"Written for the example's {what} where the original goes by them:"
    for each in told[:MOST_TOLD]:
        yield from textwrap.wrap(each, WIDTH, initial_indent="    ", subsequent_indent="        ")
    if len(told) > MOST_TOLD:
        yield f"    and {len(told) - MOST_TOLD} more"


def listed(kinds: Collection[str]) -> str:
    """What was spelled out, in words: `convolution, linear layer and matrix product`."""
    words = [word for kind, word in KINDS.items() if kind in kinds]
    if len(words) < 2:
        return words[0] if words else "contraction"
    return f"{', '.join(words[:-1])} and {words[-1]}"


def axes_in(source: str, theirs: Collection[str] = ()) -> set[str]:
    """The axes that the file's own patterns name; the `n` of two factors is one of its own."""
    found: set[str] = set()
    for one, other in re.findall(r'"([^"\n]*->[^"\n]*)"|# ([^"\n:]*->.*)', source):
        pattern = (one or other).strip("`")
        if pattern in theirs:
            continue
        axes = set(re.findall(r"[A-Za-z_]\w*", pattern))
        of_factors = {"n"} & axes if MATRIX & axes else set()
        found |= (axes - of_factors) | {INNER for _ in of_factors}
    return found


def users_patterns(bodies: Iterable[Body]) -> set[str]:
    """The patterns whose axes the model named: of its own einops calls and of its equations."""
    return {
        pattern
        for body in bodies
        for node in body.graph.nodes
        if "group" not in node.meta or node.meta["group"].kind == "einsum"
        for pattern in (*node.args, node.meta.get("pattern"), equation_of(node))
        if isinstance(pattern, str) and "->" in pattern
    }


def equation_of(node: fx.Node) -> str | None:
    group = node.meta.get("group")
    return group.text if group is not None else None


def glossary(axes: set[str]) -> list[str]:
    """The meaning of each axis, two to a line."""
    entries: list[str] = []
    explained: set[str] = set()
    for words, meaning in GLOSSARY.items():
        names = words.split(", ")
        if all(name in axes for name in names) and not set(names) <= explained:
            if (names == ["h"] and "w" in axes) or (names == ["d"] and "d_out" in axes):
                continue
            if words == "n" and INNER in axes:
                meaning += ", inner size of two factors"
            entries.append(f"{words}: {meaning}")
            explained.update(names)
    if MATRIX & axes:
        entries.append(of_two_factors(axes, explained))
    return [*in_two_columns(entries), ""] if entries else []


def of_two_factors(axes: set[str], explained: set[str]) -> str:
    """`m, n, p: rows, inner size and columns of two factors`, those that are there."""
    there = axes | ({"n"} if INNER in axes else set())
    names = [name for name in FACTORS if name in there and name not in explained]
    words = [FACTORS[name] for name in names]
    told = " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
    return f"{', '.join(names)}: {told} of two factors"


def in_two_columns(entries: list[str]) -> list[str]:
    lines: list[str] = []
    while entries:
        left, right = entries.pop(0), entries[0] if entries else ""
        line = f"    {left:<{COLUMN}}{right}".rstrip()
        if len(line) > WIDTH or len(left) >= COLUMN:
            line = f"    {left}"
        elif entries:
            entries.pop(0)
        lines.append(line)
    return lines
