"""What training and evaluation do: alike once, else under `if self.training`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from difflib import SequenceMatcher

from unfoldify.emit.format import Blank, Comment
from unfoldify.emit.lines import dotted, paragraphs

LEAST_IN_COMMON = 3  # statements between two differences that are worth a second `if`


def by_mode(training: list[ast.stmt], evaluation: list[ast.stmt]) -> list[ast.stmt]:
    """What both modes do stands once; the rest under `if self.training`."""
    lines: list[ast.stmt] = []
    at = [0, 0]
    for start, other, count in alike(training, evaluation):
        yes, no = training[at[0] : start], evaluation[at[1] : other]
        lines += branch(paragraphs(yes), paragraphs(no))
        lines += training[start : start + count]
        at = [start + count, other + count]
    return lines


def branch(yes: list[ast.stmt], no: list[ast.stmt]) -> list[ast.stmt]:
    flag = dotted("self.training")
    if yes:
        return [ast.If(flag, yes, no)]
    return [ast.If(ast.UnaryOp(ast.Not(), flag), no, [])] if no else []


def alike(training: list[ast.stmt], evaluation: list[ast.stmt]) -> Iterator[tuple[int, int, int]]:
    """The runs of lines that both have, in order: where they begin in either, and how long they are.

    The last one, which may be empty, is the end of both.
    """
    ours, theirs = [text(line) for line in training], [text(line) for line in evaluation]
    start = common(ours, theirs)
    end = common(ours[start:][::-1], theirs[start:][::-1])
    yield 0, 0, start
    middle = ours[start : len(ours) - end], theirs[start : len(theirs) - end]
    for first, second, count in SequenceMatcher(
        None, *middle, autojunk=False
    ).get_matching_blocks():
        if statements(training[start + first : start + first + count]) >= LEAST_IN_COMMON:
            yield start + first, start + second, count
    yield len(ours) - end, len(theirs) - end, end


def statements(lines: list[ast.stmt]) -> int:
    """How many of the lines do something."""
    return sum(not isinstance(line, (Blank, Comment)) for line in lines)


def text(line: ast.stmt) -> str:
    words = getattr(line, "text", "") or getattr(line, "remark", "")
    return ast.dump(line) + str(words)


def common(first: list[str], second: list[str]) -> int:
    """How many items two lists begin with alike."""
    count = 0
    while count < min(len(first), len(second)) and first[count] == second[count]:
        count += 1
    return count
