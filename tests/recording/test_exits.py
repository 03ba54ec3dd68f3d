"""A forward that ends the program, as its author left it there, ends no run of the tool."""

import sys

import pytest
import torch
from torch import nn

import unfoldify
from unfoldify.cli import main


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 4)

    def forward(self, x):
        if x.shape[1] != 5:
            sys.exit(0)
        return self.a(x)


def test_a_size_at_which_the_model_exits_is_one_that_it_does_not_take():
    result = unfoldify.unfoldify(Net(), (torch.randn(2, 5, 4),))
    assert "x: 2x5x4 and x: 3x5x4" in " ".join(result.source.split())


def test_an_example_with_which_it_exits_is_an_error(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "model.py"
    file.write_text(
        "import sys\n"
        "from torch import nn\n\n\n"
        "class Net(nn.Module):\n"
        "    def forward(self, x):\n"
        "        print('not yet')\n"
        "        sys.exit(0)\n"
    )
    assert main([str(file), "--input", "2,4"]) == 2
    said = capsys.readouterr().err
    assert "model.py:8: `sys.exit(0)`" in said
    assert "RuntimeError: the model ends the program: sys.exit(0)" in said


def test_so_it_is_for_the_function():
    with pytest.raises(
        unfoldify.UnfoldifyError, match=r"the model ends the program: sys.exit\(0\)"
    ):
        unfoldify.unfoldify(Net(), (torch.randn(2, 6, 4),))
