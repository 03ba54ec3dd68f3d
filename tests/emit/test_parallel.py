"""Variables that change hands at once, written one after the other."""

from __future__ import annotations

import ast

import pytest

from unfoldify.emit.parallel import handed_on


@pytest.mark.parametrize(
    ("pairs", "lines"),
    [
        ([("x", "a"), ("y", "b")], ["x = a", "y = b"]),
        ([("x", "a"), ("y", "x")], ["y = x", "x = a"]),
        ([("x", "a"), ("y", "x[0]"), ("z", "y + 1")], ["z = y + 1", "y = x[0]", "x = a"]),
        ([("x", "y"), ("y", "x")], ["x, y = (y, x)"]),
        ([("x", "x[0]")], ["x = x[0]"]),
    ],
)
def test_no_value_is_lost(pairs: list[tuple[str, str]], lines: list[str]) -> None:
    given = [(label, ast.parse(value, mode="eval").body) for label, value in pairs]
    assert [ast.unparse(line) for line in handed_on(given)] == lines
