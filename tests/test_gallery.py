"""The gallery is what the tool writes today; nothing in it is written by hand."""

from __future__ import annotations

import ast

import pytest

from tools.gallery import CHAPTERS, TARGET, page

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.slow
def test_it_is_what_the_tool_writes_and_equal_to_its_originals() -> None:
    """To make it again: python -m tools.gallery"""
    assert page(check=True) == TARGET.read_text(encoding="utf-8")


def test_every_form_is_python() -> None:
    text = TARGET.read_text(encoding="utf-8")
    blocks = text.split("```python\n")[1:]
    assert len(blocks) > 3 * sum(len(entries) for _, entries in CHAPTERS) - 60
    for block in blocks:
        ast.parse(f"def f():\n{block.partition('```')[0]}".replace("\n", "\n    "))
