"""What a case is: a name, and how to build a model of other people with arguments for one call."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn


@dataclass(frozen=True)
class Built:
    """A model and the arguments of one call of it."""

    model: nn.Module
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """`family/name`; nothing is imported or built before `build` runs."""

    family: str
    name: str
    build: Callable[[], Built]

    @property
    def title(self) -> str:
        return f"{self.family}/{self.name}"


def seed(number: int = 0) -> None:
    """Weights and inputs of a case are the same in each run."""
    random.seed(number)
    torch.manual_seed(number)


def image(*shape: int) -> torch.Tensor:
    """Pixels of the usual normalisation; two pictures of 64 by 64 unless `shape` says otherwise."""
    return torch.randn(*(shape or (2, 3, 64, 64)))


def tokens(*shape: int, high: int = 60, low: int = 3) -> torch.Tensor:
    """Token numbers that avoid the first few, which are special in most vocabularies."""
    return torch.randint(low, high, shape or (2, 9))
