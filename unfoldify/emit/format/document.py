"""Text that has not yet decided where to break its lines.

A document is a string, a possible line break, a list of documents, or one of the containers below.
The vocabulary is that of ruff's formatter, in whose words the rules of its layout can be said.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias


class Line(Enum):
    """A place where a line may end; unless it does, it is nothing (SOFT) or a space (SPACE)."""

    SOFT = ""
    SPACE = " "
    HARD = "\n"


class Key:
    """The identity of a group, by which other parts of a document ask whether it broke."""


@dataclass(frozen=True, slots=True)
class Group:
    """Stays on one line where it fits; otherwise every line break directly in it is taken."""

    content: Document
    key: Key | None = None
    broken: bool = False


@dataclass(frozen=True, slots=True)
class GroupIfBroken:
    """A group of its own if the group `key` broke, else simply a part of what surrounds it."""

    content: Document
    key: Key


@dataclass(frozen=True, slots=True)
class Indent:
    """One level deeper; with a key, only if that group broke."""

    content: Document
    key: Key | None = None


@dataclass(frozen=True, slots=True)
class If:
    """Present only if the group `key` (or what surrounds it) broke, or only if it did not."""

    content: Document
    broken: bool
    key: Key | None = None


@dataclass(frozen=True, slots=True)
class FitsBroken:
    """Counts as fitting though it breaks, as brackets do, while the group `key` is on one line."""

    content: Document
    key: Key | None = None


@dataclass(frozen=True, slots=True)
class BestFit:
    """The first of the variants that fits on one line, else the last."""

    variants: tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class ParenthesizeIfHelps:
    """Gets parentheses and a line of its own if it fits there and nowhere else."""

    content: Document
    key: Key


Document: TypeAlias = (
    "str | Line | list[Document] | Group | GroupIfBroken | Indent | If | FitsBroken | BestFit"
    " | ParenthesizeIfHelps"
)


def soft_block(content: Document) -> Document:
    """Content on lines of its own, one level deeper, if the surrounding group breaks."""
    return [Indent([Line.SOFT, content]), Line.SOFT]


def hard_block(content: Document) -> Document:
    """Content on lines of its own, one level deeper."""
    return [Indent([Line.HARD, content]), Line.HARD]


def join(separator: Document, items: list[Document]) -> Document:
    """The items with the separator between them."""
    joined: list[Document] = []
    for index, item in enumerate(items):
        if index:
            joined.append(separator)
        joined.append(item)
    return joined


def comma_separated(items: list[Document], trailing_from: int = 2) -> Document:
    """Items between commas; broken, the last one has a comma too, if there are `trailing_from`."""
    tail: list[Document] = [If(",", broken=True)] if len(items) >= trailing_from else []
    return [join([",", Line.SPACE], items), *tail]
