"""The user's words in the emitted file: docstrings, comments, paragraphs, names, expressions."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import unfoldify
from tests.emit.ruff_oracle import run_ruff

HEAD = "import math\n\nimport torch\nimport torch.nn.functional as F\nfrom torch import nn\n\n\n"
Emit = Callable[..., str]


@pytest.fixture
def emitted(user_file: Callable[..., Path]) -> Emit:
    """The classes of the file that is written for the model `Net` of a source."""

    def emit(source: str, *args: Any, **options: Any) -> str:
        path = user_file("net.py", HEAD + textwrap.dedent(source).strip() + "\n")
        namespace: dict[str, Any] = {"__name__": "net"}
        exec(compile(path.read_text(), str(path), "exec"), namespace)
        torch.manual_seed(0)
        model = namespace["Net"]()
        result = unfoldify.unfoldify(model, args or (torch.randn(2, 4),), **options)
        assert run_ruff(result.source) == result.source
        first = next(n for n in ast.parse(result.source).body if isinstance(n, ast.ClassDef))
        return "\n".join(result.source.splitlines()[first.lineno - 1 :])

    return emit


def test_docstrings_comments_and_paragraphs(emitted: Emit) -> None:
    after = emitted(
        '''
        class Net(nn.Module):
            """Two layers."""

            def __init__(self):
                super().__init__()
                self.first = nn.Linear(4, 8)
                self.second = nn.Linear(8, 4)

            def forward(self, x):
                """From four features to four."""
                # input is wide
                h = self.first(x).relu()

                # noqa: this is for a tool
                # MLP/second
                return self.second(h)
        ''',
        skip=["linear"],
    )
    assert after == textwrap.dedent(
        '''
        class Net(nn.Module):
            """Two layers."""

            def __init__(self):
                super().__init__()
                self.first = nn.Linear(4, 8)
                self.second = nn.Linear(8, 4)

            def forward(self, x):
                """From four features to four."""
                # input is wide
                h = self.first(x).relu()

                # MLP/second
                return self.second(h)
        '''
    ).strip("\n")


def test_a_comment_stands_above_the_heading_of_its_layer(emitted: Emit) -> None:
    after = emitted(
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(4, 8)

            def forward(self, x):
                # widen
                return self.fc(x).relu()
        """
    )
    lines = [line.strip() for line in after.splitlines()]
    at = lines.index("# widen")
    assert lines[at : at + 3] == ["# widen", "# fc", 'w = rearrange(self.fc.weight, "o i -> i o")']


def test_one_class_of_several_kinds_says_which_modules_are_meant(emitted: Emit) -> None:
    after = emitted(
        '''
        class Block(nn.Module):
            """Maybe a residual."""

            def __init__(self, width, hidden, residual):
                super().__init__()
                self.up = nn.Linear(width, hidden)
                self.down = nn.Linear(hidden, width)
                self.norm = nn.LayerNorm(width) if residual else None

            def forward(self, x):
                y = self.down(self.up(x).relu())
                return x + self.norm(y) if self.norm is not None else y

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.blocks = nn.ModuleList([Block(4, 8, True), Block(4, 8, True), Block(4, 6, False)])

            def forward(self, x):
                for block in self.blocks:
                    x = block(x)
                return x
        ''',
        skip=["linear"],
    )
    assert "class Block(nn.Module):" in after
    assert "class BlockWithoutNorm(nn.Module):" in after
    assert '"""Maybe a residual.\n\n    2 of the 3 Block modules: `blocks.0-1`.\n    """' in after
    assert "*(Block() for _ in range(2))" in after


def test_constructors_take_what_the_users_constructor_takes(emitted: Emit) -> None:
    after = emitted(
        """
        class MLP(nn.Module):
            def __init__(self, dim, ratio=2):
                super().__init__()
                self.fc1 = nn.Linear(dim, ratio * dim)
                self.fc2 = nn.Linear(2 * dim, dim)

            def forward(self, x):
                return self.fc2(self.fc1(x).relu())

        class Level(nn.Module):
            def __init__(self, dim, out):
                super().__init__()
                layers = []
                layers.append(MLP(dim))
                layers.append(nn.Linear(dim, out))
                self.layers = nn.Sequential(*layers)

            def forward(self, x):
                return self.layers(x)

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.one, self.two, self.three = Level(4, 6), Level(6, 10), Level(10, 4)

            def forward(self, x):
                return self.three(self.two(self.one(x)))
        """,
        skip=["linear"],
    )
    assert "def __init__(self, dim, out):" in after
    assert "nn.Sequential(MLP(dim), nn.Linear(dim, out))" in after
    assert "self.fc2 = nn.Linear(2 * dim, dim)" in after
    assert "self.one = Level(4, 6)" in after


@pytest.mark.parametrize(
    "line",
    [
        "x = x / math.sqrt(2)",
        "x = x * 8**-0.5",
        "x = x * (1 / len(self.layers))",
        "x = 2 * x.tanh() + 1",
        "x = x.pow(2).mul(3)",
        "x = x**2 * 3",
        "b, n = x.shape",
        "top, _ = x.topk(2)",
    ],
)
def test_expressions_stay_as_they_were_written(emitted: Emit, line: str) -> None:
    result = {"b": "x * n", "t": "top"}.get(line[0], "x")
    after = emitted(
        f"""
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.layers = nn.ModuleList([nn.Tanh(), nn.ReLU()])

            def forward(self, x):
                {line}
                return {result}
        """
    )
    assert line in [found.strip() for found in after.splitlines()]


@pytest.mark.parametrize(
    "made",
    [
        "map(lambda t: t.unflatten(-1, (2, 2)), qkv)",
        "(t.unflatten(-1, (2, 2)) for t in qkv)",
        "[t.unflatten(-1, (2, 2)) for t in qkv]",
    ],
)
def test_a_tuple_that_a_generator_makes_is_unpacked_by_name(emitted: Emit, made: str) -> None:
    after = emitted(
        f"""
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.to_qkv = nn.Linear(4, 12)

            def forward(self, x):
                qkv = self.to_qkv(x).chunk(3, dim=-1)
                q, k, v = {made}
                return (q * k).softmax(-1) * v
        """,
        skip=["linear"],
    )
    assert "q, k, v = self.to_qkv(x).chunk(3, dim=-1)" in after
    assert "k = k.unflatten(-1, (2, 2))" in after


def test_a_loop_names_the_parts_that_the_users_loop_names(emitted: Emit) -> None:
    after = emitted(
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                pairs = [[nn.Linear(4, 4), nn.LayerNorm(4)] for _ in range(3)]
                self.layers = nn.ModuleList(nn.ModuleList(pair) for pair in pairs)

            def forward(self, x):
                for linear, norm in self.layers:
                    x = norm(x + linear(x))
                return x
        """,
        skip=["linear"],
    )
    assert "for linear, norm in self.layers:\n            x = norm(x + linear(x))" in after


def test_a_value_that_a_buffer_needs_twice_has_a_line_of_its_own(emitted: Emit) -> None:
    after = emitted(
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                angles = torch.outer(torch.arange(9).float(), torch.tensor([1.0, 0.01]))
                table = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
                self.register_buffer("table", table, persistent=False)

            def forward(self, x):
                return x + self.table[: len(x)]
        """
    )
    assert ":=" not in after
    assert "self.register_buffer(" in after


def test_what_has_no_comment_gets_none(emitted: Emit) -> None:
    after = emitted(
        """
        class Net(nn.Module):
            def forward(self, x):
                # x = x.view(2, 2)
                y = x.tanh()
                return y + x
        """
    )
    assert "#" not in after
    assert '"""' not in after
