"""What training and evaluation do: alike once, else under `if self.training`."""

from __future__ import annotations

import ast

from unfoldify.emit.lines import dotted, paragraphs


def by_mode(training: list[ast.stmt], evaluation: list[ast.stmt]) -> list[ast.stmt]:
    """What both modes do stands once; the rest under `if self.training`."""
    same = [text(line) for line in training], [text(line) for line in evaluation]
    start = common(*same)
    end = common(*(list(reversed(lines[start:])) for lines in same))
    yes, no = (lines[start : len(lines) - end] for lines in (training, evaluation))
    flag = dotted("self.training")
    yes, no = paragraphs(yes), paragraphs(no)
    branch = ast.If(flag, yes, no) if yes else ast.If(ast.UnaryOp(ast.Not(), flag), no, [])
    middle = [branch] if yes or no else []
    return [*training[:start], *middle, *training[len(training) - end :]]


def text(line: ast.stmt) -> str:
    words = getattr(line, "text", "") or getattr(line, "remark", "")
    return ast.dump(line) + str(words)


def common(first: list[str], second: list[str]) -> int:
    """How many items two lists begin with alike."""
    count = 0
    while count < min(len(first), len(second)) and first[count] == second[count]:
        count += 1
    return count
