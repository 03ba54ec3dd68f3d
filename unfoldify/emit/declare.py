"""A layer of torch.nn to the shortest constructor call that rebuilds it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

from .configuration import REQUIRED, configuration, parameters_of


@dataclass(frozen=True)
class Argument:
    """An argument of a constructor; a value may be a `Declaration` itself."""

    name: str
    value: Any
    positional: bool


@dataclass(frozen=True)
class Wrapping:
    """A function of torch's that changes how a layer holds a parameter: `weight_norm(layer)`."""

    spelled: str
    function: Callable[..., nn.Module]
    arguments: tuple[tuple[str, Any], ...]
    replaces: tuple[str, ...]  # the parameters that the layer computes from now on


@dataclass(frozen=True)
class Declaration:
    """A constructor call: `nn.Conv2d(3, 16, kernel_size=3)`, spelled `nn.Conv2d`."""

    cls: type[nn.Module]
    spelled: str
    arguments: tuple[Argument, ...]
    wrappings: tuple[Wrapping, ...] = ()  # the innermost first

    def build(self) -> nn.Module:
        """The layer that the call makes."""
        values = [(each, _built(each.value)) for each in self.arguments]
        positional = [value for each, value in values if each.positional]
        named = {each.name: value for each, value in values if not each.positional}
        layer = self.cls(*positional, **named)
        for wrapping in self.wrappings:
            layer = wrapping.function(layer, **dict(wrapping.arguments))
        return layer


def _built(value: Any) -> Any:
    return value.build() if isinstance(value, Declaration) else value


_CONTAINERS = (
    nn.Sequential,
    nn.ModuleList,
    nn.ModuleDict,
    nn.ParameterList,
    nn.ParameterDict,
    nn.DataParallel,
    nn.Container,
)

_BY_KEYWORD = {
    "kernel_size": (nn.modules.conv._ConvNd, nn.Fold),
    "output_size": (nn.Fold,),
    "num_layers": (nn.TransformerEncoder, nn.TransformerDecoder),
    "cutoffs": (nn.AdaptiveLogSoftmaxWithLoss,),
}

_BY_POSITION: dict[str, tuple[type[nn.Module], ...]] = {
    "p": (nn.modules.dropout._DropoutNd,),
    "negative_slope": (nn.LeakyReLU,),
    "lambd": (nn.Softshrink, nn.Hardshrink),
    "num_parameters": (nn.PReLU,),
}


def declaration(
    layer: nn.Module, cls: type[nn.Module] | None = None, ignoring: Collection[str] = ()
) -> Declaration | None:
    """The call that rebuilds a layer of torch.nn in its present configuration, its weights aside.

    None if the layer is not of torch.nn itself, is a container, or was changed so that no call can
    rebuild it. With `cls`, a layer of a subclass counts as of that class. Tensors and modules named
    in `ignoring` may differ: they were replaced by a parametrization, say, or come with a subclass.
    """
    cls = cls or type(layer)
    if not isinstance(layer, cls):
        return None
    spelled = _spelled(cls)
    if spelled is None or issubclass(cls, _CONTAINERS):
        return None
    try:
        values = configuration(layer, cls)
        arguments = tuple(_arguments(cls, values))
        found = Declaration(cls, spelled, arguments)
        rebuilt = _rebuilt(found)
    except (AttributeError, TypeError, ValueError, IndexError, RuntimeError):
        return None
    return found if _is_rebuilt(rebuilt, layer, frozenset(ignoring)) else None


def rebuilds(layer: nn.Module) -> bool:
    """Whether there is a declaration of a layer, and the layer that it makes is like it."""
    found = declaration(layer)
    if found is None:
        return False
    rebuilt = found.build()
    return type(rebuilt) is type(layer) and _is_rebuilt(rebuilt, layer, frozenset())


def _spelled(cls: type[nn.Module]) -> str | None:
    """`nn.Linear`; None for a class that is not of torch.nn."""
    name = cls.__name__
    if vars(nn).get(name) is cls:
        return f"nn.{name}"
    module = cls.__module__.removeprefix("torch.")
    is_inside = module.startswith("nn.modules.") and cls.__qualname__ == name
    return f"{module}.{name}" if is_inside and not name.startswith("_") else None


def _arguments(cls: type[nn.Module], values: Mapping[str, Any]) -> Iterator[Argument]:
    by_position = True
    for name, default in parameters_of(cls).items():
        value = _plain(values[name])
        if default is not REQUIRED and _is_same(value, default):
            by_position = False
            continue
        if isinstance(value, nn.Module):
            value = declaration(value) or value
        if not _is_writable(value):
            raise TypeError(f"{name} has no text: {value!r}")
        listed = _BY_POSITION if default is not REQUIRED else _BY_KEYWORD
        by_position &= issubclass(cls, listed.get(name, ())) == (listed is _BY_POSITION)
        yield Argument(name, value, by_position)


def _plain(value: Any) -> Any:
    """numpy's numbers as Python's: a file imports no numpy, and shows them as they are."""
    if type(value) in (tuple, list):
        return type(value)(map(_plain, value))
    is_number = type(value).__module__ == "numpy" and getattr(value, "shape", None) == ()
    return value.item() if is_number else value


def _is_writable(value: Any) -> bool:
    """Whether an argument can be written without names of the user's program."""
    if isinstance(value, (tuple, list)):
        return all(map(_is_writable, value))
    if isinstance(value, (int, float, str, type(None), torch.dtype, torch.Tensor, Declaration)):
        return True
    is_of_torch = str(getattr(value, "__module__", "")).partition(".")[0] in ("torch", "math")
    return callable(value) and is_of_torch and not isinstance(value, nn.Module)


def _is_same(value: Any, other: Any) -> bool:
    if isinstance(value, torch.Tensor) or isinstance(other, torch.Tensor):
        return value is other
    alike = all(isinstance(value, kind) == isinstance(other, kind) for kind in (bool, int))
    return alike and bool(value == other)  # `Hardtanh(-1, 1)` shows other numbers than -1.0 and 1.0


class _Unfilled(TorchFunctionMode):
    """Leaves weights as they are: on the meta device, filling them would load much of torch."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Collection[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        arguments = kwargs or {}
        if getattr(func, "__name__", "") in ("normal_", "uniform_", "fill_", "zero_"):
            return args[0] if args else arguments["tensor"]
        return func(*args, **arguments)


def _rebuilt(found: Declaration) -> nn.Module:
    """The layer that a declaration makes, without memory for its weights."""
    with warnings.catch_warnings(), torch.device("meta"), _Unfilled():
        warnings.simplefilter("ignore")
        return found.build()


def _is_rebuilt(rebuilt: nn.Module, layer: nn.Module, ignoring: frozenset[str]) -> bool:
    """Whether two layers are alike but for the numbers in their tensors."""
    if type(rebuilt) is type(layer) and rebuilt.extra_repr() != _plainly(layer.extra_repr()):
        return False
    children, others = rebuilt._modules, layer._modules
    transient = rebuilt._non_persistent_buffers_set ^ layer._non_persistent_buffers_set
    return (
        _shapes(rebuilt._parameters, ignoring) == _shapes(layer._parameters, ignoring)
        and _shapes(rebuilt._buffers, ignoring) == _shapes(layer._buffers, ignoring)
        and transient <= ignoring
        and children.keys() - ignoring == others.keys() - ignoring
        and all(_is_same_child(children[name], others[name]) for name in children.keys() - ignoring)
        and _has_same_attributes(rebuilt, layer)
    )


def _plainly(words: str) -> str:
    """`np.int64(4)` → `4`"""
    return re.sub(r"\bnp\.\w+\(([^()]*)\)", r"\1", words)


def _is_same_child(rebuilt: nn.Module | None, child: nn.Module | None) -> bool:
    if rebuilt is None or child is None:
        return rebuilt is child
    return type(rebuilt) is type(child) and _is_rebuilt(rebuilt, child, frozenset())


def _shapes(tensors: Mapping[str, Any], ignoring: frozenset[str]) -> dict[str, Any]:
    return {
        name: None if tensor is None else _shape(tensor)
        for name, tensor in tensors.items()
        if name not in ignoring
    }


def _shape(tensor: torch.Tensor) -> tuple[bool, Any]:
    if is_lazy(tensor):
        return False, None
    return tensor.is_floating_point(), tensor.shape


def _has_same_attributes(rebuilt: nn.Module, layer: nn.Module) -> bool:
    """Whether what the constructor sets still is as it sets it, and no method was replaced."""
    ours, theirs = vars(rebuilt), vars(layer)
    return not any(
        callable(getattr(type(rebuilt), name, None)) for name in theirs.keys() - ours.keys()
    ) and all(
        name in theirs and _is_same_value(value, theirs[name])
        for name, value in ours.items()
        if not name.startswith("_") and name != "training"
    )


def _is_same_value(value: Any, other: Any) -> bool:
    try:
        return value is other or bool(value == other)
    except (RuntimeError, ValueError):
        return False
