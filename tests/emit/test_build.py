"""What is built from a file is a module like any other: it pickles, exports, and goes away."""

from __future__ import annotations

import copy
import gc
import pickle
import sys

import pytest
import torch
from torch import nn
from torch.testing import assert_close

import unfoldify


@pytest.fixture
def built() -> nn.Module:
    net = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Flatten(), nn.Linear(32, 2))
    return unfoldify.unfoldify(net, torch.randn(2, 1, 4, 4), check=False).module


def test_it_pickles_and_copies(built: nn.Module) -> None:
    x = torch.randn(3, 1, 4, 4)
    assert_close(pickle.loads(pickle.dumps(built))(x), built(x))
    assert_close(copy.deepcopy(built)(x), built(x))


@pytest.mark.parametrize("strict", [False, True])
def test_it_exports(built: nn.Module, strict: bool) -> None:
    x = torch.randn(3, 1, 4, 4)
    assert_close(torch.export.export(built, (x,), strict=strict).module()(x), built(x))


def test_two_files_do_not_see_each_other(built: nn.Module) -> None:
    other = unfoldify.unfoldify(nn.Sequential(nn.Linear(3, 2)), torch.randn(2, 3)).module
    assert type(other).__module__ != type(built).__module__
    assert len(sys.modules[type(built).__module__].Sequential().state_dict()) == 4


def test_its_module_goes_with_it() -> None:
    module = unfoldify.unfoldify(nn.Linear(3, 2), torch.randn(2, 3), check=False).module
    name = type(module).__module__
    assert name in sys.modules
    del module
    gc.collect()
    assert name not in sys.modules
