"""Functions of the library → their text as it goes to the top of a user's file.

Switches are decided, the branches that cannot be taken are left out; comments stay.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

FILES = ("products", "convolution", "transposed", "attention", "transformer", "recurrent")
NAMES = (
    "DILATED",
    "GROUPED",
    "NAMED_PADDING",
    "UNBATCHED",
    "VECTORS",
    "LEARNED_TOKENS",
    "PROJECTED",
    "PACKED",
)
PARAMETERS = {"DILATED": "dilation", "GROUPED": "groups"}  # go with their switch


@dataclass(frozen=True)
class Entry:
    """One function of the library and the file that it stands in."""

    tree: ast.FunctionDef
    lines: tuple[str, ...]


@cache
def library() -> Mapping[str, Entry]:
    """Every function by its name, in the order in which they are to stand."""
    found: dict[str, Entry] = {}
    for name in FILES:
        text = files(f"{__package__}.library").joinpath(f"{name}.py").read_text(encoding="utf-8")
        lines = tuple(text.splitlines())
        found.update(
            {
                node.name: Entry(node, lines)
                for node in ast.parse(text).body
                if isinstance(node, ast.FunctionDef)
            }
        )
    return found


@dataclass(frozen=True)
class Switches:
    """What the copied functions have to be able to do."""

    on: frozenset[str]
    einsum: frozenset[str] = frozenset()  # functions that are too large as products

    def of(self, function: str, product: bool) -> dict[str, bool]:
        decided = {name: name in self.on for name in NAMES}
        return decided | {"PRODUCT": product and function not in self.einsum}

    @property
    def dropped(self) -> set[str]:
        """Parameters of convolutions that no layer of the file needs."""
        return {parameter for switch, parameter in PARAMETERS.items() if switch not in self.on}


def excerpt(names: Iterable[str], switches: Switches, product: bool) -> dict[str, str]:
    """The functions and what they call, each as its text, in the library's order."""
    texts: dict[str, str] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in texts or name not in library():
            continue
        texts[name] = rendered(library()[name], switches, product)
        waiting.extend(called(texts[name]))
    return {name: texts[name] for name in library() if name in texts}


def called(text: str) -> set[str]:
    """The library's functions that a text names."""
    return {n.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name)} & set(library())


def rendered(entry: Entry, switches: Switches, product: bool) -> str:
    """One function with its switches decided."""
    decided = switches.of(entry.tree.name, product)
    lines = list(Rendering(entry.lines, decided).body([entry.tree], 0))
    text = "\n".join(lines) + "\n"
    if "VECTORS" not in switches.on:
        text = text.replace("; a vector has only the axis n", "")
    if "conv" not in entry.tree.name:
        return text
    text = with_short_header(without_parameters(text, switches.dropped))
    return text if "GROUPED" in switches.on else re.sub(r"\(g (c_in|c_out)\)", r"\1", text)


def with_short_header(text: str) -> str:
    """The signature on one line where it has room there again."""
    function = ast.parse(text).body[0]
    assert isinstance(function, ast.FunctionDef)
    lines = text.splitlines(keepends=True)
    first = function.body[0].lineno
    header = f"def {function.name}({ast.unparse(function.args)}):\n"
    if first == 2 or len(header) > 101:
        return text
    return header + "".join(lines[first - 1 :])


class Rendering:
    """Writes statements from their source lines, `if`s on switches decided."""

    def __init__(self, lines: tuple[str, ...], decided: Mapping[str, bool]) -> None:
        self.lines, self.decided = lines, decided

    def body(self, statements: list[ast.stmt], dedent: int) -> Iterator[str]:
        previous = None
        for statement in statements:
            if previous is not None:
                yield from self.between(previous.end_lineno or 0, statement.lineno, dedent)
            yield from self.statement(statement, dedent)
            previous = statement

    def between(self, end: int, start: int, dedent: int) -> Iterator[str]:
        """The comments and empty lines between two statements."""
        yield from (line[dedent:] for line in self.lines[end : start - 1])

    def statement(self, statement: ast.stmt, dedent: int) -> Iterator[str]:
        if isinstance(statement, ast.If):
            yield from self.branches(statement, dedent)
        elif isinstance(statement, (ast.For, ast.FunctionDef)):
            first = statement.body[0].lineno
            header = self.lines[statement.lineno - 1 : first - 1]
            yield from (line[dedent:] for line in header)
            yield from self.body(statement.body, dedent)
        else:
            yield from (
                line[dedent:] for line in self.lines[statement.lineno - 1 : statement.end_lineno]
            )

    def branches(self, statement: ast.If, dedent: int) -> Iterator[str]:
        """The branches of an `if` that can be taken."""
        kept: list[tuple[Any, ast.If | None, list[ast.stmt]]] = []
        rest: list[ast.stmt] = [statement]
        while (
            len(rest) == 1
            and isinstance(rest[0], ast.If)
            and (rest[0] is statement or self.is_elif(rest[0]))
        ):
            branch = rest[0]
            test = decide(branch.test, self.decided)
            if test is not False:
                kept.append((None if test is True else test, branch, branch.body))
            if test is True:
                rest = []
                break
            rest = branch.orelse
        if rest:
            kept.append((None, None, rest))
        if kept and kept[0][0] is None:
            inner = kept[0][2]
            yield from self.body(inner, dedent + inner[0].col_offset - statement.col_offset)
            return
        indent = " " * (statement.col_offset - dedent)
        for position, (test, origin, inner) in enumerate(kept):
            word = "else" if test is None else "if" if position == 0 else "elif"
            comment = (
                comment_of(self.lines[origin.test.end_lineno - 1])
                if origin and origin.test.end_lineno
                else ""
            )
            yield (
                f"{indent}{word} {self.text(test)}:{comment}"
                if test is not None
                else f"{indent}{word}:"
            )
            yield from self.body(inner, dedent)

    def text(self, test: ast.expr) -> str:
        """A test as it stands in the source, or what is left of it."""
        if getattr(test, "lineno", 0) and test.lineno == test.end_lineno:
            return self.lines[test.lineno - 1][test.col_offset : test.end_col_offset]
        return ast.unparse(test)

    def is_elif(self, statement: ast.If) -> bool:
        return self.lines[statement.lineno - 1][statement.col_offset :].startswith("elif")


def comment_of(line: str) -> str:
    return f"  {line[line.index('#') :]}" if "#" in line else ""


def decide(test: ast.expr, decided: Mapping[str, bool]) -> ast.expr | bool:
    """A test with the switches in it decided."""
    match test:
        case ast.Name(id=word) if word in decided:
            return decided[word]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = decide(operand, decided)
            return not inner if isinstance(inner, bool) else test
        case ast.BoolOp(op=operator, values=values):
            decisive = isinstance(operator, ast.Or)  # what one part says for all
            parts = [decide(value, decided) for value in values]
            if any(part is decisive for part in parts):
                return decisive
            left = [part for part in parts if not isinstance(part, bool)]
            if len(left) == len(values):
                return test
            return (
                not decisive
                if not left
                else left[0]
                if len(left) == 1
                else ast.BoolOp(operator, left)
            )
    return test


def without_parameters(text: str, dropped: set[str]) -> str:
    """A function without parameters that neither its body nor its calls use."""
    tree = ast.parse(text)
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    cuts: list[tuple[int, int]] = []
    lines = text.splitlines(keepends=True)
    starts = [sum(map(len, lines[:index])) for index in range(len(lines))]

    def cut(
        first: ast.expr | ast.arg | ast.keyword, last: ast.expr | ast.arg | ast.keyword
    ) -> None:
        start = starts[first.lineno - 1] + first.col_offset
        end = starts[(last.end_lineno or 0) - 1] + (last.end_col_offset or 0)
        comma = text.rindex(",", 0, start)
        cuts.append((comma, end))

    arguments = function.args.args
    defaults: list[ast.expr | None] = [None] * (len(arguments) - len(function.args.defaults))
    for argument, default in zip(arguments, [*defaults, *function.args.defaults], strict=True):
        if argument.arg in dropped:
            cut(argument, default or argument)
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg in dropped:
                    cut(keyword, keyword)
    for start, end in sorted(cuts, reverse=True):
        text = text[:start] + text[end:]
    return text


def renamed(text: str, names: Mapping[str, str]) -> str:
    """A text with the user's names for functions and modules: `F` may be `nnf` there."""
    if not any(word != other for word, other in names.items()):
        return text
    lines = text.splitlines(keepends=True)
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    for before, token in reversed(list(zip([None, *tokens], tokens, strict=False))):
        is_attribute = before is not None and before.string == "."
        if token.type == tokenize.NAME and token.string in names and not is_attribute:
            row, column = token.start
            line = lines[row - 1]
            lines[row - 1] = (
                line[:column] + names[token.string] + line[column + len(token.string) :]
            )
    return "".join(lines)
