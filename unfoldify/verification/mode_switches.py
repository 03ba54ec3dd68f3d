"""Models whose weights are others in evaluation than in training, such as LoRA layers that merge them.

Asked where a file turned out not to be equal: it is loaded with one set of weights for both modes. New layers
have updates of zero, and show nothing before their weights are redrawn.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from unfoldify.blame import shown
from unfoldify.preserve import preserved, same_bits, silenced
from unfoldify.verification.redraw import pointed_at, redrawn, state_tensors


def decided_by_mode_switches(model: nn.Module) -> str | None:
    """What to tell of a model that writes into its weights when it is told its mode; None of others."""
    owners = [path for path, module in model.named_modules() if own_switch(module) is not None]
    if not owners:
        return None
    given = state_tensors(model)
    with preserved(model), silenced(), torch.no_grad(), pointed_at(given, redrawn(model)):
        before = {name: tensor.clone() for name, tensor in state_tensors(model).items()}
        for training in (not model.training, model.training):
            model.train(training)
            now = state_tensors(model)
            for name in dict.fromkeys((*before, *now)):
                was, is_now = before.get(name), now.get(name)
                if was is None or is_now is None or not same_bits(was, is_now):
                    return said(model, name, owners, training)
    return None


def own_switch(module: nn.Module) -> object:
    """The `train` or `eval` that a module's class has for itself."""
    for name in ("train", "eval"):
        found = getattr(type(module), name)
        if found is not getattr(nn.Module, name):
            return found
    return None


def said(model: nn.Module, name: str, owners: Sequence[str], training: bool) -> str:
    around = [path for path in owners if not path or name.startswith(f"{path}.")] or owners
    module = model.get_submodule(max(around, key=len))
    method = own_switch(module)
    where = ""
    if inspect.isfunction(method):
        code = method.__code__
        where = f"{shown(Path(code.co_filename))}:{code.co_firstlineno}: "
    mode = "train()" if training else "eval()"
    return (
        f"{where}{type(module).__name__}.{mode} changes {name}, so that training and evaluation compute "
        "with different weights, and a file is loaded with one set of them.\n"
        "Build the layer so that it leaves its weights alone (in LoRA layers: merge_weights=False), or "
        "merge them for good before."
    )
