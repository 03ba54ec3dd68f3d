"""Questions that Python asked one by one stand in one `if` where the user wrote `and` or `or`."""

from __future__ import annotations

import ast

import pytest

from unfoldify.emit.asked_at_once import asked_at_once


def rewritten(before: str) -> str:
    (outer,) = ast.parse(before).body
    assert isinstance(outer, ast.If)
    return ast.unparse(asked_at_once(outer))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("if a:\n    if b:\n        x()", "if a and b:\n    x()"),
        ("if a:\n    if b and c:\n        x()", "if a and b and c:\n    x()"),
        (
            "if a:\n    if b:\n        x()\n    else:\n        y()\nelse:\n    y()",
            "if a and b:\n    x()\nelse:\n    y()",
        ),
        (
            "if a:\n    x()\nelse:\n    if b:\n        x()\n    else:\n        y()",
            "if a or b:\n    x()\nelse:\n    y()",
        ),
    ],
)
def test_two_questions_are_one(before: str, after: str) -> None:
    assert rewritten(before) == after


@pytest.mark.parametrize(
    "before",
    [
        "if a:\n    x()",
        "if a:\n    x()\n    if b:\n        y()",
        "if a:\n    if b:\n        x()\nelse:\n    y()",
        "if a:\n    x()\nelif b:\n    y()\nelse:\n    z()",
    ],
)
def test_others_stay(before: str) -> None:
    assert rewritten(before) == before
