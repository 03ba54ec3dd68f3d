"""What other ways of capture make of a model: `torch.fx.symbolic_trace` and `torch.export`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.fx
from torch import nn
from torch.utils import _pytree as pytree

from benchmarks.corpus.case import Built, seed


def beside(built: Built) -> dict[str, str]:
    """Each way's result on the model in evaluation: "" where captured and equal, else why not."""
    built.model.eval()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        seed()
        wanted = built.model(*built.args, **built.kwargs)
        return {name: _outcome(way, built, wanted) for name, way in _WAYS.items()}


def _outcome(way: Callable[[Built], Callable[..., Any]], built: Built, wanted: Any) -> str:
    try:
        captured = way(built)
    except Exception as error:
        return f"refused: {type(error).__name__}: {str(error).partition(chr(10))[0][:120]}"
    try:
        seed()
        found = captured(*built.args, **built.kwargs)
    except Exception as error:
        return f"does not run: {type(error).__name__}: {str(error).partition(chr(10))[0][:120]}"
    return "" if _equal(found, wanted) else "not equal"


def _symbolic_trace(built: Built) -> nn.Module:
    return torch.fx.symbolic_trace(built.model)


def _export(built: Built) -> nn.Module:
    kwargs: Mapping[str, Any] = built.kwargs
    return torch.export.export(built.model, built.args, dict(kwargs), strict=False).module()


_WAYS: dict[str, Callable[[Built], Callable[..., Any]]] = {
    "fx": _symbolic_trace,
    "export": _export,
}


def _equal(found: Any, wanted: Any) -> bool:
    """The same tensors in the same order; containers of other packages may differ in class."""
    ours, theirs = _tensors(found), _tensors(wanted)
    return len(ours) == len(theirs) and all(
        a.shape == b.shape and torch.allclose(a, b, rtol=1e-3, atol=1e-4, equal_nan=True)
        for a, b in zip(ours, theirs, strict=True)
    )


def _tensors(value: Any) -> list[torch.Tensor]:
    return [leaf for leaf in pytree.tree_leaves(value) if isinstance(leaf, torch.Tensor)]
