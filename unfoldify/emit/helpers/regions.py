"""What one call of a function of the user's did: the nodes, what goes into them, what comes out."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType

from torch import fx, nn

from unfoldify.emit.helpers.borders import as_returned, in_users_order, is_used_outside, returned
from unfoldify.emit.helpers.inside import (
    NoRegion,
    caller_of,
    looked_at,
    loops_inside,
    needed_only,
    outside,
    parts_of_loops,
)
from unfoldify.recording import modes
from unfoldify.recording.loops.loop import Loop, block_runs, spread, values_without
from unfoldify.recording.source import Position
from unfoldify.recording.users_calls import Call

LEFT_OPEN = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
WRAPPERS = {"forward", "wrapper", "wrapped", "inner", "decorated"}  # the function is what they call


@dataclass(frozen=True, eq=False)
class Region:
    """The nodes of one call, in order; those that are `borrowed` serve others as well."""

    call: Call
    nodes: tuple[fx.Node, ...]
    borrowed: frozenset[fx.Node]
    inputs: tuple[fx.Node, ...]
    outputs: tuple[fx.Node, ...]
    loops: frozenset[Loop]  # those that are wholly inside
    around: Loop | None
    caller: tuple[Position, ...]  # where the function was called
    grad: bool | None  # the gradient mode of all of it
    module: nn.Module | None = None  # of a method that calls layers: the one whose method it is

    def is_end_of_loop(self, node: fx.Node) -> bool:
        """Whether a value is what a round of a loop inside leaves."""
        return any(node in (*loop.carried.values(), *loop.collected) for loop in self.loops)


def is_function(call: Call) -> bool:
    """Whether a call is one of a function with a name and an end."""
    name = call.code.co_name
    return name.isidentifier() and not (
        name.startswith("__") or name in WRAPPERS or call.code.co_flags & LEFT_OPEN
    )


def region_of(graph: fx.Graph, call: Call, module: nn.Module) -> Region:
    """The region of a call in a graph of a module; raises NoRegion where something is in the way."""
    order = {node: at for at, node in enumerate(graph.nodes)}
    own = {node for node in graph.nodes if call in node.meta.get("calls", ())}
    caller = caller_of(next(node for node in graph.nodes if node in own), call)
    loops = loops_inside(own, len(caller))
    own |= parts_of_loops(graph, loops)
    own |= needed_only(graph, own, loops)
    borrowed = looked_at(own, call)
    nodes = tuple(sorted(own | borrowed, key=order.__getitem__))
    owner = module if calls_layers(own) else None
    refuse_what_stays(graph, own)
    if owner is not None:
        refuse_as_method(own, call, owner)
    around = {outside(node, loops) for node in own}
    if len(around) != 1:
        raise NoRegion
    outputs = [node for node in nodes if node in own and is_used_outside(node, own, loops)]
    for node in outputs:
        if "val" not in node.meta and returned(node, len(caller)) is None:
            raise NoRegion
    inputs = [n for node in nodes for n in node.all_input_nodes if n not in own | borrowed]
    if owner is not None:
        inputs = [node for node in inputs if node.op != "get_attr"]
    if not outputs or not any("val" in node.meta for node in inputs):
        raise NoRegion
    if any(node.target is spread or has_no_value(node) for node in inputs):
        raise NoRegion
    return Region(
        call,
        nodes,
        frozenset(borrowed),
        in_users_order(list(dict.fromkeys(inputs)), call),
        as_returned(outputs, len(caller)),
        frozenset(loops),
        around.pop(),
        caller,
        grad_of(own),
        owner,
    )


def calls_layers(own: set[fx.Node]) -> bool:
    """Whether modules are called: that takes a `self`."""
    return any(node.op == "call_module" or "layer" in node.meta for node in own)


def refuse_as_method(own: set[fx.Node], call: Call, module: nn.Module) -> None:
    """Raises NoRegion where a call is none of a method of the module, or where a module that is called
    takes or gives more than its own forward says.
    """
    name = call.code.co_name
    method = getattr(type(module), name, None)
    code = getattr(inspect.unwrap(method), "__code__", None) if callable(method) else None
    if code is None or place_of(code) != place_of(call.code):
        raise NoRegion
    if hasattr(nn.Module, name) or name in vars(module):
        raise NoRegion
    bodies = [node.meta["body"] for node in own if "body" in node.meta]
    if any(body.exports or any(p.lifted for p in body.parameters) for body in bodies):
        raise NoRegion


def place_of(code: CodeType) -> tuple[str, int]:
    """Where a function stands: while the model is recorded, another code may stand in for its own."""
    return code.co_filename, code.co_firstlineno


def has_no_value(node: fx.Node) -> bool:
    """Whether a node is neither a tensor nor a number: a list, a part of a structure, a flag."""
    is_flag = node.op == "get_attr" or "inline" in node.meta
    return not is_flag and "val" not in node.meta and "value" not in node.meta


def refuse_what_stays(graph: fx.Graph, own: set[fx.Node]) -> None:
    """Raises NoRegion where the nodes are no lines that could stand by themselves."""
    order = list(graph.nodes)
    places = [at for at, node in enumerate(order) if node in own]
    between = order[places[0] : places[-1]]
    if any(node not in own and node.op not in ("get_attr", "placeholder") for node in between):
        raise NoRegion
    for node in own:
        if node.op not in ("call_function", "call_method", "call_module"):
            raise NoRegion
        if {"round", "constant", "augments", modes.CHANCE} & node.meta.keys():
            raise NoRegion
        if node.target in (setattr, block_runs, values_without):
            raise NoRegion
        if not all(map(own.__contains__, changed_by(node))):
            raise NoRegion


def changed_by(node: fx.Node) -> Iterator[fx.Node | None]:
    """What made the values that a call changes; one that was spelled out since, or copied, is given to
    it by another node.
    """
    for value in node.meta.get("mutates", ()):
        given = [operand for operand in node.all_input_nodes if operand.op != "get_attr"]
        is_there = value.graph is node.graph and not value._erased
        yield from map(made_by, [value] if is_there else given)


def made_by(value: fx.Node | None) -> fx.Node | None:
    """The value in whose memory a view is; None where nobody knows."""
    while value is not None and "alias" in value.meta:
        value = value.meta["alias"]
    return value


def grad_of(own: set[fx.Node]) -> bool | None:
    """The gradient mode that the function was called in."""
    modes = {node.meta.get("grad") for node in own if node.meta.get("calls")}
    if len(modes) > 1 and None not in modes:
        raise NoRegion
    return modes.pop() if len(modes) == 1 else None
