"""Statements of two files in pairs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from torch import nn

from unfoldify.command.diff import Section, matched, original_classes, sections


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


def test_equal_statements_stand_beside_each_other() -> None:
    same = lines("""
        b, n, c = x.shape
        x = x.view(b, -1)
        return x * 2
    """)
    assert matched(same, same) == list(zip(same, same, strict=True))


def test_a_layer_stands_beside_all_that_spells_it_out() -> None:
    original = ["q = self.q(x)", "k = self.k(x)", "return q @ k"]
    emitted = [
        '# q\nw = rearrange(self.q.weight, "o i -> i o")',
        "q = (x * w).sum(dim=-2)",
        '# k\nw = rearrange(self.k.weight, "o i -> i o")',
        "k = (x * w).sum(dim=-2)",
        "return (q * k).sum(dim=-1)",
    ]
    assert matched(original, emitted) == [
        (original[0], "\n".join(emitted[:2])),
        (original[1], "\n".join(emitted[2:4])),
        (original[2], emitted[4]),
    ]


def test_what_has_no_counterpart_stands_alone() -> None:
    assert matched(["self.heads = heads"], []) == [("self.heads = heads", "")]
    assert matched([], ["x = x + 1"]) == [("", "x = x + 1")]
    assert matched(["a = f(b)", "print(a)", "return a"], ["a = f(b)", "return a"]) == [
        ("a = f(b)", "a = f(b)"),
        ("print(a)", ""),
        ("return a", "return a"),
    ]


def test_every_line_of_both_sides_appears_once_and_in_order() -> None:
    original = lines("a = 1\nb = self.f(a)\nc = b + a\nreturn c")
    emitted = lines("b = self.f.weight * 1\nc = b + 1\nunused = 3\nreturn c")
    rows = matched(original, emitted)
    assert [left for left, _ in rows if left] == original
    assert "\n".join(right for _, right in rows if right).split("\n") == emitted


ORIGINAL = '''
class Block(nn.Module):
    """Docstrings stay."""

    def __init__(self, width):
        super().__init__()
        self.a = nn.Linear(width, width)

    def forward(self, x):
        for _ in range(2):
            # again
            x = self.a(
                x
            )
        else:
            x = -x
        return x
'''
EMITTED = """
import torch


class WideBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(3, 3)

    def forward(self, x):
        for _ in range(2):
            x = x @ self.a.weight.T
        return -x


class Alien(nn.Module):
    def forward(self, y):
        return y
"""


def test_methods_are_paired_by_class_or_by_what_they_hold() -> None:
    assert sections({"Block": ORIGINAL}, EMITTED) == (
        Section(
            "WideBlock.__init__ (from Block)",
            (
                ("super().__init__()", "super().__init__()"),
                ("self.a = nn.Linear(width, width)", "self.a = nn.Linear(3, 3)"),
            ),
        ),
        Section(
            "WideBlock.forward (from Block)",
            (
                ("for _ in range(2):", "for _ in range(2):"),
                (
                    "    # again\n    x = self.a(\n        x\n    )",
                    "    x = x @ self.a.weight.T",
                ),
                ("else:", ""),
                ("    x = -x", ""),
                ("return x", "return -x"),
            ),
        ),
        Section("Alien.forward", (("", "return y"),)),
    )


def test_sources_are_those_of_the_models_own_classes(user_file: Callable[..., Path]) -> None:
    user_file(
        "blocks.py",
        """
        from torch import nn

        def make():
            class Inner(nn.Module):
                def forward(self, x):
                    return x
            return Inner()
        """,
    )
    sys.path.insert(0, str(Path().resolve()))
    import blocks

    made = type("Made", (nn.Module,), {})()
    model = nn.Sequential(blocks.make(), nn.ReLU(), made)
    assert original_classes(model) == {
        "Inner": "class Inner(nn.Module):\n    def forward(self, x):\n        return x\n"
    }


def test_printed_in_a_pipe_no_line_is_broken(fixtures: Path) -> None:
    script = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
        "import resnet50; from unfoldify.command.diff import show_difference\n"
        "show_difference(resnet50.resnet50, Path(resnet50.__file__).read_text())"
    )
    printed = subprocess.run(
        [sys.executable, "-c", script, str(fixtures)], capture_output=True, text=True, check=True
    ).stdout
    line = "return nn.Sequential(*layers)"
    assert any(row.count(line) == 2 for row in printed.splitlines())
    assert "Bottleneck.forward" in printed
    assert "\x1b" not in printed
