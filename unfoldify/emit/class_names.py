"""The names of classes: the user's own; where one class became several, what sets each apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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
    kinds = {id(instance.module): kind for kind in merged.kinds for instance in kind.instances}
    for kind in sorted(merged.kinds, key=lambda kind: -len(kind.instances)):
        if kind.name:
            continue
        plain = class_name(kind.module)
        wishes = [plain]
        if plain in firsts:
            wishes += variants(plain, kind, firsts[plain])
            wishes += words_of_children(plain, kind, firsts[plain], kinds)
        kind.name = next(wish for wish in numbered(wishes) if wish not in taken)
        taken.add(kind.name)
        firsts.setdefault(plain, kind)


def class_name(module: nn.Module) -> str:
    label = type(module).__name__
    return label if label.isidentifier() and label not in {"F", "nn", "torch"} else f"{label}_"


def variants(plain: str, kind: Kind, first: Kind) -> Iterator[str]:
    """Names that say how a kind differs from the first of its class, the most telling first."""
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
    for word, has in WORDS.items():
        if has(kind.module) and not has(first.module):
            yield f"{word}{plain}"


def words_of_children(
    plain: str, kind: Kind, first: Kind, kinds: Mapping[int, Kind]
) -> Iterator[str]:
    """`SwinBlockWithMask`, where a block differs by holding a `WindowAttentionWithMask`."""
    for _, child, other in layers_of_both(kind, first):
        inner = kinds.get(id(child))
        if child is None or inner is None or not inner.name or inner is kinds.get(id(other)):
            continue
        before, _, after = inner.name.partition(class_name(child))
        if before.isidentifier() or after.isidentifier():
            yield f"{before}{plain}{after}"


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


def is_depthwise(module: nn.Module) -> bool:
    layers = windowed_layers(module, "groups")
    return any(layer.groups == layer.in_channels > 1 for layer in layers)


def is_grouped(module: nn.Module) -> bool:
    return any(layer.groups > 1 for layer in windowed_layers(module, "groups"))


def is_pointwise(module: nn.Module) -> bool:
    layers = windowed_layers(module, "kernel_size")
    return bool(layers) and all(only_ones(layer.kernel_size) for layer in layers)


def is_dilated(module: nn.Module) -> bool:
    return any(not only_ones(layer.dilation) for layer in windowed_layers(module, "dilation"))


def is_undilated(module: nn.Module) -> bool:
    return bool(windowed_layers(module, "dilation")) and not is_dilated(module)


def only_ones(value: Any) -> bool:
    """Whether it is 1 along every axis."""
    return set(value if isinstance(value, (tuple, list)) else (value,)) == {1}


# what a kind is called that is so where the first of its class is not
WORDS: dict[str, Callable[[nn.Module], bool]] = {
    "Depthwise": is_depthwise,
    "Grouped": is_grouped,
    "Pointwise": is_pointwise,
    "Dilated": is_dilated,
    "Undilated": is_undilated,
}


def camel(label: str) -> str:
    return "".join(part.capitalize() for part in label.split("_")) or label
