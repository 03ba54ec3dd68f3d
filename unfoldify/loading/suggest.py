"""A model without inputs → inputs that its first layer would take: the way out of that error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Suggestion:
    """One input, as `--input` takes it and as `get_inputs()` would make it."""

    option: str
    expression: str


def suggested_inputs(model: nn.Module, names: Sequence[str]) -> tuple[Suggestion, ...]:
    """One suggestion for each required argument of forward."""
    return tuple(_suggestion(model, name) for name in names)


def _suggestion(model: nn.Module, name: str) -> Suggestion:
    if "mask" in name:
        return Suggestion("2,16:bool", "torch.ones(2, 16, dtype=torch.bool)")
    for layer in model.modules():
        if isinstance(layer, nn.Embedding):
            rows = layer.num_embeddings
            return Suggestion(f"'2,16:int64<{rows}'", f"torch.randint({rows}, (2, 16))")
        shape = _shape(layer)
        if shape is not None:
            sizes = [str(size) for size in shape]
            return Suggestion(",".join(sizes), f"torch.randn({', '.join(sizes)})")
    return Suggestion("2,8", "torch.randn(2, 8)")


def _shape(layer: nn.Module) -> tuple[int, ...] | None:
    if isinstance(layer, nn.Conv3d | nn.ConvTranspose3d):
        return (2, layer.in_channels, 8, 32, 32)
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        return (2, layer.in_channels, 64, 64)
    if isinstance(layer, nn.Conv1d | nn.ConvTranspose1d):
        return (2, layer.in_channels, 128)
    if isinstance(layer, nn.Linear):
        return (2, layer.in_features)
    if isinstance(layer, nn.RNNBase):
        return (2, 16, layer.input_size)
    if isinstance(layer, nn.MultiheadAttention):
        return (16, 2, layer.embed_dim)
    return None
