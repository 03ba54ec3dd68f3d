"""Original and emitted file side by side, matched statement by statement."""

from __future__ import annotations

import ast
import inspect
import io
import re
import sys
import textwrap
import tokenize
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise

from torch import nn

Row = tuple[str, str]  # lines of the original, lines of the emitted file


@dataclass(frozen=True)
class Section:
    """One method: its title, and its statements in pairs."""

    title: str
    rows: tuple[Row, ...]


def show_difference(model: nn.Module, emitted: str) -> None:
    """Prints the two columns; as wide as they need to be where nobody's screen is the limit."""
    from rich.console import Console
    from rich.syntax import Syntax
    from rich.table import Table

    parts = sections(original_classes(model), emitted)
    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal else _width(parts), highlight=False)
    for part in parts:
        table = Table(title=part.title, title_justify="left", show_header=False)
        for row in part.rows:
            cells = [Syntax(text, "python", theme="ansi_dark", word_wrap=True) for text in row]
            table.add_row(*(cells if terminal else row))
            table.add_section()
        console.print(table, markup=False)


def _width(parts: Sequence[Section]) -> int:
    """Of a table in which no line is broken."""
    rows = [row for part in parts for row in part.rows]
    longest = [
        max((len(line) for row in rows for line in row[side].split("\n")), default=0)
        for side in (0, 1)
    ]
    return max(sum(longest) + len("│ " + " │ " + " │"), 40)


def original_classes(model: nn.Module) -> dict[str, str]:
    """Class name → source, of every module of the model that somebody else than torch wrote."""
    sources: dict[str, str] = {}
    for module in model.modules():
        cls = type(module)
        if not cls.__module__.startswith("torch.") and cls.__name__ not in sources:
            try:
                sources[cls.__name__] = textwrap.dedent(inspect.getsource(cls))
            except (OSError, TypeError):  # made by exec, or in C
                continue
    return sources


def sections(originals: Mapping[str, str], emitted: str) -> tuple[Section, ...]:
    """The methods of every emitted class beside those of the class that it came from; functions
    that forwards call stand alone.
    """
    before = {name: _methods(source, name) for name, source in originals.items()}
    found = []
    for node in ast.parse(emitted).body:
        if isinstance(node, ast.FunctionDef):
            text = ast.get_source_segment(emitted, node) or ""
            found.append(Section(node.name, (("", text),)))
        if isinstance(node, ast.ClassDef):
            after = _methods(emitted, node.name)
            origin = node.name if node.name in before else _nearest(after, before)
            of = "" if origin in (None, node.name) else f" (from {origin})"
            for method, units in after.items():
                rows = matched(before.get(origin or "", {}).get(method, []), units)
                found.append(Section(f"{node.name}.{method}{of}", tuple(rows)))
    return tuple(found)


def matched(original: Sequence[str], emitted: Sequence[str]) -> list[Row]:
    """Each original statement beside the run of emitted statements that does its work.

    The order is kept on both sides; among such matchings, the one whose pairs have most in common.
    """
    best: list[list[float]] = [[0.0] * (len(original) + 1)]
    for text in emitted:
        scores = [0.0, *(_likeness(statement, text) for statement in original)]
        row, ahead = [], float("-inf")
        for index, score in enumerate(scores):
            ahead = max(ahead, best[-1][index])
            row.append(ahead + score)
        best.append(row)
    owner = [0] * len(emitted)
    index = len(original)
    for position in range(len(emitted), 0, -1):
        index = max(range(index + 1), key=lambda i: (best[position][i], -i))
        owner[position - 1] = index
    runs = {o: [t for t, of in zip(emitted, owner, strict=True) if of == o] for o in owner}
    rows = [("", "\n".join(runs[0]))] if 0 in runs else []
    return rows + [(s, "\n".join(runs.get(i, []))) for i, s in enumerate(original, start=1)]


def _likeness(original: str, emitted: str) -> float:
    """How much speaks for one statement being the other's work."""
    parts = set(re.findall(r"(?:self|F|torch)\.(\w+)", original))
    named = set(re.findall(r"self\.(\w+)|^\s*# (\w+)", emitted, re.MULTILINE))
    shared = parts & {name for pair in named for name in pair}
    before, after = _bare(original), _bare(emitted)
    ratio = SequenceMatcher(None, before, after, autojunk=False).ratio()
    same_start = _start(before) == _start(after) is not None
    return 2.0 * len(shared) + (2.0 * ratio if ratio > 0.5 else 0.0) + 0.5 * same_start


def _start(code: str) -> str | None:
    """What a statement assigns to, or the keyword that it begins with."""
    match = re.match(r"[\w.,\[\]]+(?==[^=])|return|for|while|if|else|with|assert|raise", code)
    return match and match[0]


def _bare(text: str) -> str:
    """The code of a statement without comments and spaces, `a += b` as `a = a + b`."""
    code = re.sub(r"#.*|\s+", "", text)
    return re.sub(r"^(\w+)([-+*/@])=", r"\1=\1\2", code)


def _nearest(
    methods: Mapping[str, Sequence[str]], classes: Mapping[str, Mapping[str, Sequence[str]]]
) -> str | None:
    """The class whose attributes are most like those of an emitted class with another name."""

    def attributes(of: Mapping[str, Sequence[str]]) -> set[str]:
        return {
            name for units in of.values() for u in units for name in re.findall(r"self\.\w+", u)
        }

    own = attributes(methods)
    common = {name: len(own & attributes(other)) for name, other in classes.items()}
    best = max(common, key=lambda name: common[name], default=None)
    return best if best is not None and common[best] else None


def _methods(source: str, class_name: str) -> dict[str, list[str]]:
    """Method → its statements as text, each with the comments above it."""
    lines = source.splitlines()
    ends = _logical_line_ends(source)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and node.name == class_name:
            return {
                function.name: _statements(lines, ends, function.lineno, function.end_lineno or 0)
                for function in node.body
                if isinstance(function, ast.FunctionDef)
            }
    return {}


def _statements(lines: Sequence[str], ends: Sequence[int], first: int, last: int) -> list[str]:
    """The lines of a function cut after every logical line; its `def` is left out."""
    inner = [end for end in ends if first <= end <= last]
    body = textwrap.dedent("\n".join(lines[inner[0] : last])).split("\n")
    cuts = [end - inner[0] for end in inner]
    pieces = ["\n".join(body[a:b]).strip("\n") for a, b in pairwise(cuts)]
    return [piece for piece in pieces if piece.strip()]


def _logical_line_ends(source: str) -> list[int]:
    """The numbers of the lines on which a statement, or the head of a compound one, ends."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [token.start[0] for token in tokens if token.type == tokenize.NEWLINE]
