"""Documents to lines: every group breaks that does not fit, from the outermost inwards."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from .document import (
    BestFit,
    Document,
    FitsBroken,
    Group,
    GroupIfBroken,
    If,
    Indent,
    Key,
    Line,
    ParenthesizeIfHelps,
)

INDENT = 4


class Measure(Enum):
    """How far to look when asking whether something fits."""

    FIRST_LINE = 0  # up to the first line break
    ALL_LINES = 1
    ALL_LINES_ANY_WIDTH = 2  # the lines inside are not counted


class CloseParenthesis(NamedTuple):
    """The end of what got parentheses because they help."""


class Item(NamedTuple):
    """A part still to be laid out, and the circumstances in which it stands."""

    part: Document | CloseParenthesis
    indent: int
    broken: bool
    measure: Measure = Measure.FIRST_LINE


def lines_of(document: Document, indent: int, width: float) -> list[str]:
    """The lines of a document that begins `indent` columns to the right."""
    line = " " * indent + one_line(document)
    if len(line) <= width:
        return [line]
    printer = _Printer(width)
    printer.pending = indent
    printer.stack = [Item(document, indent, broken=True)]
    while printer.stack:
        printer.place(printer.stack.pop())
    return "".join(printer.pieces).split("\n")


def one_line(document: Document) -> str:
    """The text of a document that does not break."""
    match document:
        case str():
            return document
        case list():
            return "".join(map(one_line, document))
        case Line():
            return document.value
        case If(content, when):
            return "" if when else one_line(content)
        case BestFit(variants):
            return one_line(variants[0])
    return one_line(document.content)


class _Printer:
    def __init__(self, width: float) -> None:
        self.width = width
        self.stack: list[Item] = []
        self.pieces: list[str] = []
        self.column = 0
        self.pending = 0  # columns to indent before the next text
        self.measured = False  # the line at hand is known to fit as it is
        self.broke: dict[Key, bool] = {}

    def write(self, text: str) -> None:
        if text:
            self.pieces.append(" " * self.pending + text)
            self.column += self.pending + len(text)
            self.pending = 0

    def end_line(self, indent: int) -> None:
        if self.column:
            self.pieces.append("\n")
            self.column = 0
            self.measured = False
        self.pending = indent

    def place(self, item: Item) -> None:
        part, indent, broken, _ = item
        match part:
            case str():
                self.write(part)
            case list():
                self.stack.extend(item._replace(part=each) for each in reversed(part))
            case Line():
                if broken or part is Line.HARD:
                    self.end_line(indent)
                else:
                    self.write(part.value)
            case Group() | GroupIfBroken():
                self.place_group(item, part)
            case Indent() | If():
                self.stack.extend(self.opened(item, part))
            case FitsBroken(content, key):
                if key is None or not self.broke[key]:
                    self.measured = False
                self.stack.append(item._replace(part=content))
            case BestFit(variants):
                self.place_best(item, variants)
            case ParenthesizeIfHelps(content, key):
                self.place_parenthesized_if_helps(item, content, key)
            case CloseParenthesis():
                self.end_line(indent)
                self.write(")")

    def place_group(self, item: Item, group: Group | GroupIfBroken) -> None:
        if isinstance(group, Group):
            mode = group.broken or self.must_break(item, group.content, group.key)
            if group.key:
                self.broke[group.key] = mode
        elif self.broke[group.key]:
            mode = self.must_break(item, group.content, None)
        else:
            mode = item.broken
        self.stack.append(Item(group.content, item.indent, mode))

    def must_break(self, item: Item, content: Document, key: Key | None) -> bool:
        if not item.broken and self.measured:
            return False
        self.measured = True
        if key:
            self.broke[key] = False
        return not self.fits([Item(content, item.indent, broken=False)])

    def place_best(self, item: Item, variants: tuple[Document, ...]) -> None:
        if not item.broken and self.measured:
            self.stack.append(item._replace(part=variants[0]))
            return
        self.measured = True
        for variant in variants[:-1]:
            flat = Item(variant, item.indent, broken=False)
            if self.fits([flat]):
                self.stack.append(flat)
                return
        self.stack.append(Item(variants[-1], item.indent, broken=True))

    def place_parenthesized_if_helps(self, item: Item, content: Document, key: Key) -> None:
        inside = item.indent + INDENT
        close = Item(CloseParenthesis(), item.indent, broken=True)
        mode = False
        if self.must_break(item, content, key):
            self.broke[key] = True
            within = item._replace(measure=Measure.ALL_LINES)
            mode = self.fits(
                [
                    within._replace(part=close.part),
                    within._replace(part=content, indent=inside),
                    within._replace(part=Line.HARD, indent=inside),
                    within._replace(part="("),
                ]
            )
        self.broke[key] = mode
        if mode:
            self.write("(")
            self.end_line(inside)
            self.stack.append(close)
            self.stack.append(Item(content, inside, broken=True))
        else:
            self.stack.append(Item(content, item.indent, broken=False))

    def fits(self, todo: list[Item]) -> bool:
        """Whether what is `todo` (last item first) and then comes next stays within the width."""
        column, pending = self.column, self.pending
        behind = len(self.stack)
        while todo or behind:
            if todo:
                item = todo.pop()
            else:
                behind -= 1
                item = self.stack[behind]
            part, indent, broken, measure = item
            if isinstance(part, CloseParenthesis):
                if not broken:
                    continue
                column, pending, part = 0, indent, ")"
            if isinstance(part, Line):
                if broken or part is Line.HARD:
                    if not broken or measure is Measure.FIRST_LINE:
                        return True
                    column, pending = 0, indent
                    continue
                part = part.value
            if not isinstance(part, str):
                todo.extend(self.opened(item, part))
            elif part:
                column += pending + len(part)
                pending = 0
                if column > self.width and measure is not Measure.ALL_LINES_ANY_WIDTH:
                    return False
        return True

    def opened(self, item: Item, part: Document) -> list[Item]:
        """What is inside a container, last item first, as far as it counts for fitting."""
        match part:
            case list():
                return [item._replace(part=each) for each in reversed(part)]
            case Group(content, key, forced):
                mode = item.broken or forced
                if key:
                    self.broke[key] = mode
                return [item._replace(part=content, broken=mode)]
            case GroupIfBroken(content):
                return [item._replace(part=content)]
            case Indent(content, key):
                deeper = INDENT if key is None or self.broke[key] else 0
                return [item._replace(part=content, indent=item.indent + deeper)]
            case If(content, when, key):
                mode = self.broke[key] if key else item.broken
                return [item._replace(part=content)] if when == mode else []
            case FitsBroken(content, key):
                if item.broken or (key is not None and self.broke[key]):
                    return [item._replace(part=content)]
                any_width = Measure.ALL_LINES_ANY_WIDTH
                return [item._replace(part=content, broken=True, measure=any_width)]
            case BestFit(variants):
                if item.broken:
                    return [item._replace(part=variants[-1])]
                return [item._replace(part=variants[0], measure=Measure.FIRST_LINE)]
            case ParenthesizeIfHelps(content, key):
                self.broke[key] = item.broken
                return [item._replace(part=content)]
        raise TypeError(f"not a document: {part!r}")
