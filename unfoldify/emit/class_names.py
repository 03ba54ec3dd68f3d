"""The names of classes: the user's own; where one class became several, what sets each apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.pooling import _AvgPoolNd, _MaxPoolNd

from unfoldify.emit.numbered import numbered
from unfoldify.merge import Kind, Merged

WINDOWED = (_ConvNd, _AvgPoolNd, _MaxPoolNd)
STRIDES = ((2,), (2, 2), (2, 2, 2))


def name_classes(merged: Merged) -> None:
    """The most frequent kind of a class has its name; another says what it has more or less."""
    taken: set[str] = {class_name(merged.root.module)}
    merged.root.kind.name = class_name(merged.root.module)  # type: ignore[union-attr]
    firsts: dict[str, Kind] = {}
    for kind in sorted(merged.kinds, key=lambda kind: -len(kind.instances)):
        if kind.name:
            continue
        plain = class_name(kind.module)
        wishes = [plain, *variants(plain, kind, firsts.get(plain))]
        kind.name = next(wish for wish in numbered(wishes) if wish not in taken)
        taken.add(kind.name)
        firsts.setdefault(plain, kind)


def class_name(module: nn.Module) -> str:
    label = type(module).__name__
    return label if label.isidentifier() and label not in {"F", "nn", "torch"} else f"{label}_"


def variants(plain: str, kind: Kind, first: Kind | None) -> Iterator[str]:
    """Names that say how a kind differs from the first of its class, the most telling first."""
    if first is None:
        return
    if is_downsampling(kind.module) and not is_downsampling(first.module):
        yield f"Downsampling{plain}"
    more, less = parts(kind) - parts(first), parts(first) - parts(kind)
    for label in shortest_first(more):
        yield f"{plain}With{camel(label)}"
    for label in shortest_first(less):
        yield f"{plain}Without{camel(label)}"
    for label, of_kind, of_first in layers_of_both(kind, first):
        if type(of_kind) is not type(of_first) and label.isidentifier():
            yield f"{plain}With{type(of_kind).__name__}"
    for label in ("groups", "kernel_size", "dilation"):
        word = differing_layer(kind, first, label)
        if word:
            yield f"{word}{plain}"


def is_downsampling(module: nn.Module) -> bool:
    return any(layer.stride in STRIDES for layer in windowed_layers(module, "stride"))


def windowed_layers(module: nn.Module, label: str) -> list[Any]:
    """The layers with such an argument; what a module of the user's calls so may be anything."""
    return [m for m in module.modules() if isinstance(m, WINDOWED) and hasattr(m, label)]


def shortest_first(labels: set[str]) -> list[str]:
    return sorted(labels, key=lambda label: (len(label), label))


def parts(kind: Kind) -> set[str]:
    """What a kind has: its children that do something, and the arguments of its forward."""
    children = {
        label
        for label, child in kind.module._modules.items()
        if child is not None and type(child) is not nn.Identity and label.isidentifier()
    }
    given = {name for text in kind.instances[0].methods.values() for name in text.names}
    return children | given


def layers_of_both(
    kind: Kind, first: Kind
) -> Iterator[tuple[str, nn.Module | None, nn.Module | None]]:
    for label, child in kind.module._modules.items():
        if label in first.module._modules:
            yield label, child, first.module._modules[label]


def differing_layer(kind: Kind, first: Kind, label: str) -> str:
    """`Depthwise`, `Pointwise` or `Dilated`, where that is what sets two kinds apart."""
    ours, theirs = windowed_layers(kind.module, label), windowed_layers(first.module, label)
    values = [getattr(layer, label) for layer in ours]
    if not ours or values == [getattr(layer, label) for layer in theirs]:
        return ""
    if label == "dilation":
        plain = all(set(each) == {1} for each in values if isinstance(each, tuple))
        return "Undilated" if plain else "Dilated"
    if label == "groups":
        is_depthwise = any(
            n > 1 and n == layer.in_channels for n, layer in zip(values, ours, strict=True)
        )
        return "Depthwise" if is_depthwise else "Grouped" if max(values) > 1 else ""
    return (
        "Pointwise" if all(set(size) == {1} for size in values if isinstance(size, tuple)) else ""
    )


def camel(label: str) -> str:
    return "".join(part.capitalize() for part in label.split("_")) or label
