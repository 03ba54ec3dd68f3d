"""What is known of a module's call: its graph, its arguments, what it hands out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, fx, nn

from unfoldify.recording.builder import Frame
from unfoldify.recording.source import Position


@dataclass(frozen=True)
class Layer:
    """A layer of torch.nn that is being spelled out, by its path from the module whose graph it is
    in.
    """

    path: str
    module: nn.Module = field(compare=False)


@dataclass(frozen=True)
class Parameter:
    """One argument of a forward: what the example gave, and the node that stands for it."""

    name: str
    kind: Any  # inspect's
    node: fx.Node | None  # None: not a tensor, the value is fixed
    value: Any = None
    outer: fx.Node | None = None  # the value in the caller's graph
    lifted: bool = False  # not an argument of the original's: a value that came from outside


@dataclass(eq=False)
class Body(Frame):
    """What one call of one module did."""

    module: nn.Module = field(default_factory=nn.Module)
    path: str = ""
    parent: Body | None = None
    parameters: list[Parameter] = field(default_factory=list)
    lists: dict[str, Any] = field(default_factory=dict)  # argument → what it held, in nodes
    sources: dict[str, fx.Node] = field(default_factory=dict)  # of lists, in the caller's graph
    exports: list[fx.Node] = field(default_factory=list)
    call: fx.Node | None = None  # in the parent's graph
    constants: dict[str, Tensor] = field(default_factory=dict)
    training: bool = False
    other_mode: Body | None = None  # what it did in training mode, where that is another graph
    said: bool = False  # by the evaluation's body of the same call: a training one has no text
    said_by: Body | None = None  # which one that is, where both modes write the call
    positions: tuple[Position, ...] = ()
    method: str = ""  # the name, where it is no call of the module but of a method of it
    flags: dict[str, str | bool] = field(default_factory=dict)  # arguments that say what to do


def exported(result: Any, index: int) -> Any:
    """In a graph under construction: the index-th further result of a call."""
    raise NotImplementedError("replaced when the graph is finished")


@dataclass(frozen=True)
class Construct:
    """Call target: an object with named fields."""

    name: str
    fields: tuple[str, ...]
    is_tuple: bool = False

    @property
    def __name__(self) -> str:
        return self.name

    def __call__(self, **kwargs: Any) -> Any:
        return kwargs
