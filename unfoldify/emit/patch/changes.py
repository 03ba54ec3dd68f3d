"""Decisions about places → edits of the file."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from unfoldify.emit.patch.decisions import CallFunction, CallWithLayer, Decision, Inline
from unfoldify.emit.patch.functions import is_method
from unfoldify.emit.patch.hoist import Hoist
from unfoldify.emit.patch.indented import WIDTH, in_file
from unfoldify.emit.patch.scope import Scope
from unfoldify.emit.patch.stages import Rewritten
from unfoldify.emit.patch.syntax import UserFile
from unfoldify.emit.patch.text import Edit


def edits_in_place(
    file: UserFile,
    place: ast.expr,
    decision: CallFunction | CallWithLayer,
    label: str,
    namespace: Mapping[str, Any],
    dropped: set[str],
) -> Iterator[Edit]:
    """Another function is called where the call stands; what its author wrote around it stays."""
    source = file.source
    start, end = source.start(place), source.end(place)
    if isinstance(place, ast.BinOp):
        yield Edit(start, start, f"{label}(")
        yield operator_edit(file, place)
        yield Edit(end, end, ")")
        return
    assert isinstance(place, ast.Call)
    func = place.func
    after_func = source.end(func)
    opening = source.text.index("(", after_func)
    yield from without_name(file, place)
    if isinstance(decision, CallWithLayer):
        separator = ", " if place.args or place.keywords else ""
        yield Edit(start, opening + 1, f"{label}({decision.layer}{separator}")
        return
    if isinstance(func, ast.Attribute) and is_method(func, namespace) and not decision.more:
        yield Edit(start, start, f"{label}(")
        dot = source.text.index(".", source.end(func.value))
        yield Edit(dot, opening + 1, ", " if place.args or place.keywords else "")
        return
    more = [argument.text for argument in decision.more if argument.name not in dropped]
    at, _ = closing(file, place)
    if not more:
        yield Edit(start, after_func, label)
    elif is_too_long(file, place, [label, *more]):
        indentation = source.indentation(file.statement(place))
        yield Edit(start, opening + 1, f"{label}(\n{indentation}    ")
        lines = "".join(f",\n{indentation}    {argument}" for argument in more)
        yield Edit(at, source.end(place) - 1, f"{lines},\n{indentation}")
    else:
        yield Edit(start, after_func, label)
        yield Edit(at, at, ", " + ", ".join(more))


def without_name(file: UserFile, call: ast.Call) -> Iterator[Edit]:
    """`layer(input=x)`: the functions of the library take their input by position."""
    first = call.keywords[0] if call.keywords and not call.args else None
    if first is not None and first.arg == "input":
        start = file.source.offset(first.lineno, first.col_offset)
        yield Edit(start, file.source.start(first.value), "")


def is_too_long(file: UserFile, call: ast.Call, parts: list[str]) -> bool:
    """Whether a call on one line has no room for further arguments there."""
    line = file.source.line(call.lineno)
    added = sum(len(part) + 2 for part in parts)
    one_line = call.lineno == call.end_lineno and "\n" not in file.source.segment(call)
    func = len(file.source.segment(call.func))
    return one_line and len(line.expandtabs(4)) - func + added > WIDTH


def operator_edit(file: UserFile, place: ast.BinOp) -> Edit:
    """The operator between two operands, and the space around it, become a comma."""
    source = file.source
    start, end = source.end(place.left), source.start(place.right)
    between = source.text[start:end]
    at = between.index("@")
    before = len(between[:at].rstrip())
    after = at + 1 + len(between[at + 1 :]) - len(between[at + 1 :].lstrip(" "))
    return Edit(start + before, start + after, ", ")


def closing(file: UserFile, call: ast.Call) -> tuple[int, int]:
    """Where further arguments of a call go: behind the last one, a comma at the end included."""
    source = file.source
    text = source.segment(call)
    lines = text.splitlines(keepends=True)
    tokens = [
        token
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type
        not in (
            tokenize.NL,
            tokenize.NEWLINE,
            tokenize.COMMENT,
            tokenize.ENDMARKER,
            tokenize.INDENT,
            tokenize.DEDENT,
        )
    ]
    comma = tokens[-2].string == ","
    row, column = tokens[-2].start if comma else tokens[-2].end
    at = source.start(call) + sum(len(line) for line in lines[: row - 1]) + column
    return at, at


def statement_edits(
    file: UserFile,
    statement: ast.stmt,
    decisions: Mapping[ast.expr, Decision],
    in_place: list[Edit],
    namespace: Mapping[str, Any],
    aliases: Mapping[str, str],
    reserved: frozenset[str],
) -> list[Edit]:
    """The edits of one statement: lines above it, and changes inside it."""
    inline = {
        place: Rewritten(place, decision.stages, decision.word)
        for place, decision in decisions.items()
        if isinstance(decision, Inline)
    }
    if not inline:
        return in_place
    function = file.function(statement) or file.tree
    scope = Scope(file, function, reserved)
    hoist = Hoist(file, statement, scope, inline, in_place, namespace, aliases).run()
    return list(above(file, statement, hoist))


def above(file: UserFile, statement: ast.stmt, hoist: Hoist) -> Iterator[Edit]:
    """The hoisted lines between empty lines, and the statement with their names in it."""
    source = file.source
    indentation = source.indentation(statement)
    unit = "\t" if "\t" in indentation else " " * 4
    lines = in_file(hoist.lines, indentation, unit)
    at = source.offset(statement.lineno, 0)
    first = first_line(file, statement)
    if needs_blank_line(file, statement, first):
        start = source.offset(first, 0)
        yield Edit(start, start, "\n")
    if hoist.dropped:
        end = source.end(statement)
        yield Edit(at, end, "\n".join(lines))
    else:
        gap = "\n" if hoist.lines and not hoist.remark and needs_gap(hoist) else ""
        yield Edit(at, at, "".join(f"{line}\n" for line in lines) + gap)
        yield from hoist.all_edits(statement)
        if hoist.remark:
            end = source.end(statement)
            yield Edit(end, end, f"  # {hoist.remark}")
    following = next_statement(file, statement)
    if (
        following is not None
        and hoist.is_one_block()
        and source.line(first_line(file, following) - 1).strip()
    ):
        start = source.offset(first_line(file, following), 0)
        yield Edit(start, start, "\n")


def needs_gap(hoist: Hoist) -> bool:
    """Whether the statement is more than the last line of what was put above it."""
    return not hoist.is_one_block()


def first_line(file: UserFile, statement: ast.stmt) -> int:
    """The first line of a statement and of the comments right above it."""
    line = statement.lineno
    while file.source.line(line - 1).strip().startswith("#"):
        line -= 1
    return line


def needs_blank_line(file: UserFile, statement: ast.stmt, first: int) -> bool:
    """Whether other code stands directly above a statement of the same block."""
    if not file.source.line(first - 1).strip():
        return False
    parent = file.parents[statement]
    blocks = [getattr(parent, label, []) for label in ("body", "orelse", "finalbody")]
    return not any(isinstance(block, list) and block and block[0] is statement for block in blocks)


def next_statement(file: UserFile, statement: ast.stmt) -> ast.stmt | None:
    """The statement behind one in the same block."""
    parent = file.parents[statement]
    for label in ("body", "orelse", "finalbody"):
        block = getattr(parent, label, [])
        if isinstance(block, list) and statement in block[:-1]:
            following: ast.stmt = block[block.index(statement) + 1]
            return following
    return None


def merged(edits: Iterable[Edit]) -> list[Edit]:
    """Each edit once: an empty line may be wanted by the statement above it and the one below."""
    found: list[Edit] = []
    for edit in edits:
        if not (edit.text == "\n" and edit in found):
            found.append(edit)
    return found
