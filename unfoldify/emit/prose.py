"""The user's own sentences, in lines that fit: paragraphs are filled, lists stay lists."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

ENDS = (".", ":", ";", "!", "?")
FULL = 0.7  # of the longest line; a shorter one ends a paragraph


def fitted(lines: Sequence[str], width: int) -> list[str]:
    """The lines as they are where all fit; else each paragraph filled anew."""
    if all(len(line) <= width for line in lines):
        return list(lines)
    found: list[str] = []
    for paragraph in paragraphs(lines):
        first = paragraph[0]
        indent = first[: len(first) - len(first.lstrip())]
        text = indent + " ".join(line.strip() for line in paragraph)
        if len(paragraph) == 1 and len(first) <= width:
            found.append(first)
        else:
            found += textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False)
    return found


def paragraphs(lines: Sequence[str]) -> list[list[str]]:
    """Lines that go on in the middle of a sentence, together."""
    found: list[list[str]] = []
    full = FULL * max(map(len, lines), default=0)
    for line in lines:
        if found and len(found[-1][-1]) >= full and goes_on(found[-1][-1], line):
            found[-1].append(line)
        else:
            found.append([line])
    return found


def goes_on(line: str, following: str) -> bool:
    """Whether a sentence goes on in the next line."""
    start = following.lstrip()
    same_indent = len(line) - len(line.lstrip()) == len(following) - len(start)
    return (
        same_indent
        and bool(line.strip())
        and not line.rstrip().endswith(ENDS)
        and start[:1].islower()
    )
