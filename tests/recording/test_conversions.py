"""Stand-ins for int, float, min and max: where they may stand, and what they are like."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import unfoldify
from unfoldify.recording.numbers.conversions import STAND_INS, in_place

HEAD = "import math\nimport torch\nfrom torch import nn\n\n\n"
NET = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 6)

    def forward(self, x):
        return {}
"""


def source_of(user_file: Callable[..., Path], expression: str, more: str = "") -> str:
    path = user_file("net.py", HEAD + more + NET.lstrip().format(expression))
    namespace: dict[str, Any] = {"__name__": "net"}
    exec(compile(path.read_text(), str(path), "exec"), namespace)
    result = unfoldify.unfoldify(namespace["Net"](), torch.randn(2, 9, 6), skip=["linear"])
    assert "int" not in namespace
    return result.source


@pytest.mark.parametrize(
    "expression",
    [
        "self.fc(x[:, : int(x.shape[1] * 0.7)])",
        "self.fc(x) * float(x.shape[1])",
        "self.fc(x[:, : min(x.shape[1], 5)])",
        "self.fc(x) / math.sqrt(x.shape[1])",
        "self.fc(x) * math.log2(x.shape[1])",
        "self.fc(x) * (x.shape[1] % 4)",
    ],
)
def test_what_is_made_of_sizes_is_written_as_it_was(
    user_file: Callable[..., Path], expression: str
) -> None:
    assert f"return {expression}\n" in source_of(user_file, expression)


def test_numbers_that_remember_nothing_stay_numbers(user_file: Callable[..., Path]) -> None:
    found = source_of(user_file, "self.fc(x)[:, : int(7 * 0.5)] * min(3, 5)")
    assert "return self.fc(x)[:, :3] * 3" in found


def test_a_file_that_compares_types_has_no_stand_ins(user_file: Callable[..., Path]) -> None:
    more = "def half(n):\n    n = int(n * 0.5)\n    assert type(n) is int\n    return n\n\n\n"
    assert "x[:, : x.shape[1] // 2]" in source_of(
        user_file, "self.fc(x[:, : half(x.shape[1])])", more
    )


def test_stand_ins_are_what_they_stand_for() -> None:
    names: dict[str, Any] = {}
    with in_place([names]):
        assert set(names) == set(STAND_INS)
        assert isinstance(3, names["int"])
        assert not isinstance(3.0, names["int"])
        assert isinstance(True, (names["int"], str))
        assert names["int"]("7") == 7
        assert names["int"]("11", 2) == 3
        assert names["int"].from_bytes(b"\x01", "big") == 1
        assert math.isinf(names["float"]("inf"))
        assert names["max"]([1, 4], key=lambda n: -n) == 1
        assert names["min"]([], default=None) is None
        assert torch.zeros(2, dtype=torch.float64).sum() == names["float"](0)
    assert not names


def test_names_of_the_module_itself_stay(user_file: Callable[..., Path]) -> None:
    own = {"int": str}
    with in_place([own]):
        assert own["int"] is str
        assert own["max"] is not max
    assert own == {"int": str}
