"""A recorded model → the places of the user's file where contractions are computed.

One place may be run many times: by each instance of a class, by each round of a loop.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import fx, nn

from unfoldify.emit.patch.syntax import UserFile, span
from unfoldify.lowering.lower import layer_path, rule_of
from unfoldify.recording.body import Body
from unfoldify.recording.machinery import WRITTEN_LIKE_A_USERS
from unfoldify.recording.paths import joined
from unfoldify.recording.source import Position, is_of_a_rule, site
from unfoldify.rules import Rule

Rules = Mapping[Callable[..., Any], Rule]


@dataclass(frozen=True, eq=False)
class Call:
    """One recorded call of a contraction."""

    node: fx.Node
    rule: Rule
    body: Body  # the module call whose forward holds the place
    path: str  # of the layer, or of the module that called the function
    inner: nn.Module | None = None  # the torch.nn layer that called it, if one did


@dataclass(eq=False)
class Place:
    """One expression of the user's file and what was computed there."""

    expression: ast.expr
    calls: list[Call] = field(default_factory=list)
    modules: list[nn.Module] = field(default_factory=list)  # called here, in order
    inside: list[nn.Module] = field(
        default_factory=list
    )  # layers that these called in torch's own code
    owners: list[nn.Module] = field(
        default_factory=list
    )  # whose forward it is, in the order of calls


@dataclass(frozen=True)
class Elsewhere:
    """A contraction that another file than the user's computes."""

    filename: str
    line: int
    owner: nn.Module  # the module whose forward it is
    call: Call


@dataclass(frozen=True)
class Found:
    """All places of a file, top to bottom, and what is not in it."""

    places: tuple[Place, ...]
    elsewhere: tuple[Elsewhere, ...]


def find_places(bodies: Iterable[Body], file: UserFile, rules: Rules, wanted: Any) -> Found:
    """Every wanted contraction of a recording, by the expression of the file that computes it."""
    places: dict[ast.expr, Place] = {}
    elsewhere: list[Elsewhere] = []
    for body in bodies:
        for node in body.graph.nodes:
            rule = rule_of(node, rules)
            module = node.meta.get("module")
            if rule is None and module is None:
                continue
            if ".parametrizations." in f".{layer_path(node)}.":
                continue  # computed by torch when the weight is read
            position, owner, direct = origin(node, body)
            expression = in_file(position, file)
            if rule is not None and wanted(joined(body.path, layer_path(node)), rule.kind):
                layer = node.meta["layer"].module if "layer" in node.meta else None
                call = Call(node, rule, owner, joined(body.path, layer_path(node)), layer)
                if expression is None:
                    elsewhere.append(unreachable(position, body, call))
                    continue
                place = places.setdefault(expression, Place(expression))
                place.calls.append(call)
                place.owners.append(owner.module)
                if layer is not None:
                    (place.modules if direct else place.inside).append(layer)
            elif module is not None and expression is not None:
                place = places.setdefault(expression, Place(expression))
                (place.modules if direct else place.inside).append(module)
    found = [place for place in places.values() if place.calls]
    return Found(tuple(sorted(found, key=outer_first)), tuple(elsewhere))


def outer_first(place: Place) -> tuple[int, ...]:
    """From top to bottom; of two expressions that begin together, the one around the other first."""
    line, column, end, end_column = span(place.expression)
    return line, column, -(end or 0), -(end_column or 0)


def origin(node: fx.Node, body: Body) -> tuple[Position | None, Body, bool]:
    """Where a call was made, in whose forward, and whether there itself and not inside torch."""
    positions = users(node.meta.get("positions", ()))
    if positions:
        return positions[0], body, True
    while body.parent is not None:
        positions, body = users(body.positions), body.parent
        if positions:
            return positions[0], body, False
    return None, body, False


def users(positions: tuple[Position, ...]) -> tuple[Position, ...]:
    """Code positions outside torch and the rules: the forwards of nn.Transformer are no file to patch."""
    return tuple(
        place
        for place in positions
        if place[0].co_filename not in WRITTEN_LIKE_A_USERS
        and not is_of_a_rule(place[0].co_filename)
    )


def in_file(position: Position | None, file: UserFile) -> ast.expr | None:
    """The expression of the user's file at a code position."""
    if position is None or not same_file(position[0].co_filename, file.path):
        return None
    found = site(position)
    if found is None or found.expression is None:
        return None
    return file.expressions.get(span(found.expression))


def same_file(filename: str, path: Path) -> bool:
    try:
        return Path(filename).resolve() == path.resolve()
    except OSError:
        return False


def unreachable(position: Position | None, body: Body, call: Call) -> Elsewhere:
    """The report of a call that no expression of the user's file makes."""
    found = site(position) if position is not None else None
    filename = position[0].co_filename if position is not None else ""
    return Elsewhere(filename, found.line if found else 0, body.module, call)
