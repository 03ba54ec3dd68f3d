"""Whether a model runs without the tool: forward, and backward where gradients flow."""

from __future__ import annotations

import inspect
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from benchmarks.corpus.case import Built, seed
from unfoldify.recording.lazy import copies


@dataclass(frozen=True)
class Original:
    """`backward` is "" where gradients reach the parameters, else why they do not."""

    forward: float
    backward: str
    parameters: int
    lines: int


def run_original(built: Built) -> Original:
    """One call in evaluation mode; raises what the model raises."""
    model = built.model
    model.eval()  # on a line of its own: a user's train() may return nothing
    seed()
    args, kwargs = copies((built.args, built.kwargs))  # a model may write to its inputs
    start = time.perf_counter()
    try:
        output = model(*args, **kwargs)
        seconds = time.perf_counter() - start
        backward = _backward(output)
    except Exception as error:  # an operator may refuse where gradients are wanted, and only there
        start = time.perf_counter()
        with torch.no_grad():
            model(*args, **kwargs)
        seconds = time.perf_counter() - start
        backward = _first_line(error)
    nn.Module.zero_grad(model)  # whatever the model itself calls so
    count = sum(parameter.numel() for parameter in model.parameters())
    return Original(round(seconds, 3), backward, count, class_lines(model))


def _backward(output: Any) -> str:
    leaves = [leaf for leaf in pytree.tree_leaves(output) if isinstance(leaf, Tensor)]
    flowing = [leaf for leaf in leaves if leaf.requires_grad and not leaf.is_complex()]
    if not flowing:
        return "no output requires a gradient"
    try:
        torch.autograd.backward([leaf.double().sum() for leaf in flowing])
    except Exception as error:
        return _first_line(error)
    return ""


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0][:120]}"


def class_lines(model: nn.Module) -> int:
    """Lines of the classes that are not torch's own, each once."""
    classes = {type(module) for module in model.modules()}
    return sum(_lines(cls) for cls in classes if not cls.__module__.startswith("torch."))


def _lines(cls: type) -> int:
    try:
        return len(inspect.getsourcelines(cls)[0])
    except (OSError, TypeError):
        return 0
