"""What goes from module to module has the user's names on both sides, and no more than is used."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import unfoldify

HEAD = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n\n\n"
Forwards = Callable[..., dict[str, str]]


@pytest.fixture
def forwards(user_file: Callable[..., Path]) -> Forwards:
    """The text of the emitted forwards, by class, of the last class of a file."""

    def write(text: str, *args: torch.Tensor) -> dict[str, str]:
        path = user_file("net.py", HEAD + textwrap.dedent(text).strip() + "\n")
        namespace: dict[str, Any] = {"__name__": "net"}
        exec(compile(path.read_text(), str(path), "exec"), namespace)
        source = unfoldify.unfoldify(namespace["Net"](), args or (torch.randn(2, 5, 4),)).source
        return {
            node.name: "\n".join(map(ast.unparse, method.body))
            for node in ast.parse(source).body
            if isinstance(node, ast.ClassDef)
            for method in node.body
            if isinstance(method, ast.FunctionDef) and method.name == "forward"
        }

    return write


def test_a_tuple_that_is_taken_apart_inside_goes_there_whole(forwards: Forwards) -> None:
    found = forwards(
        """
        class Rotary(nn.Module):
            def forward(self, x):
                angles = x.mean(dim=-1, keepdim=True)
                return angles.cos() * 1.0, angles.sin()


        class Turn(nn.Module):
            def forward(self, x, turns):
                cos, sin = turns
                return x * cos + x.flip(-1) * sin, None


        class Layer(nn.Module):
            def __init__(self):
                super().__init__()
                self.turn = Turn()

            def forward(self, x, turns):
                x, _ = self.turn(x, turns)
                return (x,)


        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.rotary, self.layer = Rotary(), Layer()

            def forward(self, x):
                turns = self.rotary(x)
                return self.layer(x, turns)[0].tanh()
        """
    )
    assert found["Net"] == "turns = self.rotary(x)\nreturn self.layer(x, turns).tanh()"
    assert found["Layer"] == "x, _ = self.turn(x, turns)\nreturn x"
    assert found["Turn"].startswith("cos, sin = turns\n")
    assert found["Rotary"].endswith("return (angles.cos(), angles.sin())")


def test_tuples_in_tuples_are_taken_apart_in_one_line(forwards: Forwards) -> None:
    found = forwards(
        """
        class Part(nn.Module):
            def forward(self, x):
                self.width = x.shape[-1]
                return x.exp(), (x.shape[0], x.shape[1])


        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.part = Part()

            def forward(self, x):
                x, (b, n) = self.part(x)
                return x.view(b * n, self.part.width)
        """
    )
    assert found["Net"] == "x, (b, n), width = self.part(x)\nreturn x.view(b * n, width)"


def test_a_rate_that_is_chosen_by_the_mode_is_the_rate(forwards: Forwards) -> None:
    found = forwards(
        """
        class Net(nn.Module):
            def forward(self, x):
                x = F.dropout(x, p=0.1 if self.training else 0.0, training=self.training)
                return x * (2.0 if self.training else 1.0)
        """
    )
    assert found["Net"].splitlines()[0] == "x = F.dropout(x, p=0.1, training=self.training)"
    assert "2.0 if self.training else 1.0" in found["Net"]


def test_what_does_nothing_is_left_out(forwards: Forwards) -> None:
    found = forwards(
        """
        class Net(nn.Module):
            scale, past, shift = 1.0, 0, 0.0

            def forward(self, x):
                n = x.shape[1] + self.past
                places = torch.arange(n) + self.past
                y = x * self.scale
                return y[:, :n] * (places + 1).unsqueeze(-1) + self.shift, y + 0
        """
    )
    lines = found["Net"].splitlines()
    assert lines[-1].endswith("+ 0.0, x + 0)")  # -0.0 would become 0.0
    assert "+ 0" not in "".join(lines[:-1])
    assert "* 1.0" not in "".join(lines)


def test_a_sum_with_nothing_that_changes_type_or_shape_stays(forwards: Forwards) -> None:
    found = forwards(
        """
        class Net(nn.Module):
            def forward(self, x, mask):
                return x.sum() * mask.mul(1), mask * 1
        """,
        torch.randn(2, 3),
        torch.tensor([True, False]),
    )
    assert found["Net"].count("* 1") + found["Net"].count("mul(1)") == 2
