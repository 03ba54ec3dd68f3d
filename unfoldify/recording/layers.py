"""Which modules are spelled out, kept whole, or walked through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

# kind → the layers of torch.nn that the rules of this kind spell out
SPELLED: dict[str, tuple[type[nn.Module], ...]] = {
    "linear": (nn.Linear,),
    "bilinear": (nn.Bilinear,),
    "conv": (nn.Conv1d, nn.Conv2d, nn.Conv3d),
    "conv_transpose": (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
    "attention": (nn.MultiheadAttention,),
    "recurrent": (nn.RNN, nn.LSTM, nn.GRU, nn.RNNCell, nn.LSTMCell, nn.GRUCell),
}
# spelled out on request only
ON_REQUEST: dict[str, tuple[type[nn.Module], ...]] = {
    "pooling": (
        nn.MaxPool1d,
        nn.MaxPool2d,
        nn.MaxPool3d,
        nn.AvgPool1d,
        nn.AvgPool2d,
        nn.AvgPool3d,
        nn.LPPool1d,
        nn.LPPool2d,
        nn.AdaptiveAvgPool1d,
        nn.AdaptiveAvgPool2d,
        nn.AdaptiveAvgPool3d,
        nn.AdaptiveMaxPool1d,
        nn.AdaptiveMaxPool2d,
        nn.AdaptiveMaxPool3d,
    ),
    "norm": (
        nn.BatchNorm1d,
        nn.BatchNorm2d,
        nn.BatchNorm3d,
        nn.LayerNorm,
        nn.GroupNorm,
        nn.RMSNorm,
        nn.LocalResponseNorm,
        nn.InstanceNorm1d,
        nn.InstanceNorm2d,
        nn.InstanceNorm3d,
        nn.Softmax,
        nn.LogSoftmax,
        nn.Softmax2d,
    ),
    "fold": (nn.Fold, nn.Unfold),
    "shuffle": (nn.PixelShuffle, nn.PixelUnshuffle, nn.ChannelShuffle, nn.Flatten, nn.Unflatten),
    "embedding": (nn.Embedding, nn.EmbeddingBag),
}
CONTAINERS = (nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)
HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_hooks", "_backward_pre_hooks")


def torch_layer(module: nn.Module) -> type[nn.Module] | None:
    """The class of torch.nn whose forward this module runs, if any: `class Mine(nn.Linear)` runs
    nn.Linear's.
    """
    forward = vars(module).get("forward", type(module).forward)
    for cls in type(module).__mro__:
        if is_torch_class(cls) and cls is not nn.Module:
            is_plain = type(module).__call__ is nn.Module.__call__
            return cls if getattr(cls, "forward", None) is forward and is_plain else None
    return None


def torch_ancestor(module: nn.Module) -> type[nn.Module]:
    """The nearest class of torch.nn among a module's ancestors; nn.Module for most."""
    return next((cls for cls in type(module).__mro__ if is_torch_class(cls)), nn.Module)


def is_torch_class(cls: type) -> bool:
    return cls.__module__.startswith("torch.nn.modules.")


def kind_of(layer: type[nn.Module]) -> str | None:
    """The kind of rule that spells out a layer, or None."""
    for kind, classes in (*SPELLED.items(), *ON_REQUEST.items()):
        if any(layer.forward is cls.forward or issubclass(layer, cls) for cls in classes):
            return kind
    return None


def is_composite(module: nn.Module) -> bool:
    """A torch.nn module made of others: it is walked through."""
    return any(True for _ in module.children()) or type(module) is nn.Sequential


def has_hooks(module: nn.Module) -> bool:
    return any(getattr(module, hooks, None) for hooks in HOOKS)


def plan(module: nn.Module, path: str, wanted: Callable[[str, str], bool]) -> str:
    """ "spell" a layer out in place, "keep" its call, or "enter" it as a graph of its own.

    `wanted(path, kind)` says whether the user wants a layer of this kind spelled out.
    """
    if ".parametrizations." in f".{path}." or hasattr(module, "parametrizations"):
        return "spell"
    if type(module).__module__.startswith("einops.layers"):
        return "keep"
    layer = torch_layer(module)
    if layer is None:
        return "enter"
    if has_hooks(module):
        return "spell" if not is_composite(module) else "enter"
    kind = kind_of(layer)
    if kind is not None:
        return "spell" if wanted(path, kind) else "keep"
    return "enter" if is_composite(module) else "keep"


def is_plain_sequential(module: Any) -> bool:
    return type(module) is nn.Sequential
