"""Whose code a call came from: the user's words are looked for in the user's files alone."""

from __future__ import annotations

from pathlib import Path

import einops
import pytest
import torch

import unfoldify
from unfoldify.recording.machinery import is_machinery

SITE = Path(torch.__file__).parent.parent


@pytest.mark.parametrize(
    "file",
    [
        Path(torch.__file__),
        Path(einops.__file__),
        Path(unfoldify.__file__).parent / "recording" / "record.py",
        "<frozen importlib._bootstrap>",
    ],
)
def test_machinery(file: Path | str) -> None:
    assert is_machinery(str(file))


@pytest.mark.parametrize(
    "file",
    [
        SITE / "torchvision" / "models" / "resnet.py",
        SITE / "einops_exts" / "layers.py",
        Path(unfoldify.__file__).parent.with_name("unfoldify_models") / "net.py",
        Path(unfoldify.__file__).parent / "rules" / "linear.py",
        "/home/ann/model.py",
    ],
)
def test_not_machinery_though_its_name_begins_alike(file: Path | str) -> None:
    assert not is_machinery(str(file))
