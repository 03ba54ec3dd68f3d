"""`--weights FILE` → the model with the weights of a checkpoint in it."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from unfoldify.blame import fact, shown
from unfoldify.errors import LoadError

NESTED = ("state_dict", "model_state_dict", "model", "net", "module", "weights")
PREFIXES = ("module.", "_orig_mod.", "model.")
SHOWN = 6  # names listed in a message


def load_weights(model: nn.Module, path: Path) -> None:
    """Fills every parameter and persistent buffer of `model` from the file, strictly."""
    weights = read_weights(path)
    own = model.state_dict()
    weights = _with_tied(_without_prefix(weights, set(own)), own)
    problems = [
        *_listed("missing", sorted(own.keys() - weights.keys())),
        *_listed("not in the model", sorted(weights.keys() - own.keys())),
        *_listed("of another shape", _reshaped(own, weights)),
    ]
    if problems:
        raise LoadError(
            f"{shown(path)} does not hold the weights of {type(model).__name__}:\n"
            + "\n".join(problems)
            + "\nBuild the model that the checkpoint was saved from: name it as TARGET, or write a "
            "function that returns it."
        )
    model.load_state_dict(weights)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Name → tensor, from `.safetensors` or torch.save; no code of the file is run."""
    if not path.is_file():
        raise LoadError(f"{path}: no such file of weights.")
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise LoadError(
            f"{shown(path)} cannot be read as weights alone: {fact(error).splitlines()[0]}\n"
            "Save the state dict by itself: torch.save(model.state_dict(), 'weights.pt')"
        ) from error
    return _state_dict(content, path)


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    import safetensors
    import safetensors.torch

    try:
        return dict(safetensors.torch.load_file(path))
    except (safetensors.SafetensorError, OSError) as error:
        raise LoadError(f"{shown(path)} is not a safetensors file: {error}") from error


def _state_dict(content: Any, path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint: at its top, or under the usual names of a training script's."""
    for found in (content, *(content[key] for key in NESTED if _has(content, key))):
        if isinstance(found, Mapping) and found and _are_tensors(found):
            return dict(found)
    keys = f" with the keys {', '.join(map(repr, content))}" if isinstance(content, Mapping) else ""
    raise LoadError(
        f"{shown(path)} holds a {type(content).__name__}{keys}, not a state dict.\n"
        "Save the state dict by itself: torch.save(model.state_dict(), 'weights.pt')"
    )


def _has(content: Any, key: str) -> bool:
    return isinstance(content, Mapping) and key in content


def _are_tensors(mapping: Mapping[Any, Any]) -> bool:
    return all(isinstance(k, str) and isinstance(v, Tensor) for k, v in mapping.items())


def _without_prefix(weights: dict[str, Tensor], own: set[str]) -> dict[str, Tensor]:
    """DataParallel, torch.compile and Lightning put a word before every name: here without."""
    for prefix in PREFIXES:
        if not own & weights.keys() and all(name.startswith(prefix) for name in weights):
            shorter = {name.removeprefix(prefix): value for name, value in weights.items()}
            return _without_prefix(shorter, own)
    return weights


def _with_tied(weights: dict[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A tensor with two names is stored under one of them in safetensors."""
    stored = {_memory(own[name]): weights[name] for name in weights if name in own}
    tied = {
        name: stored[_memory(tensor)]
        for name, tensor in own.items()
        if name not in weights and tensor.numel() and _memory(tensor) in stored
    }
    return weights | tied


def _memory(tensor: Tensor) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    return tensor.data_ptr(), tuple(tensor.shape), tensor.stride()


def _reshaped(own: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> list[str]:
    return [
        f"{name} (wanted {_shape(own[name])}, found {_shape(weights[name])})"
        for name in own
        if name in weights and own[name].shape != weights[name].shape
    ]


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"


def _listed(what: str, names: list[str]) -> list[str]:
    if not names:
        return []
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return [f"  {what}: {', '.join(names[:SHOWN])}{more}"]
