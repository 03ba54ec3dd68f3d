"""Numbers in which the calls of a function differ → its parameters, or what it computes of them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import fx

from unfoldify.emit.helpers.alike import Place, put
from unfoldify.emit.helpers.copies import parameter, placeholder
from unfoldify.emit.numbered import numbered
from unfoldify.emit.words_for_values import identifier
from unfoldify.emit.written import OPERATORS, operand_at
from unfoldify.recording.body import Body
from unfoldify.recording.users_calls import Call

Column = tuple[int | float, ...]  # what a number is in each of the calls


@dataclass(frozen=True)
class Numbers:
    """Puts parameters into the graph of a function; `columns` are those that it has then."""

    body: Body
    nodes: list[fx.Node]  # as the places count them
    given: Mapping[str, Column]  # of the function's own parameters
    columns: dict[str, Column] = field(default_factory=dict)
    made: dict[str, fx.Node] = field(default_factory=dict)

    def put(self, place: Place, values: Column) -> None:
        """Something that is this in each of the calls, in the place of a number."""
        at, way = place
        node = self.nodes[at]
        expression = operand_at(node, key_of(node, way))
        put(node, way, self.own(expression, values) or self.as_written(expression, values, node))

    def own(self, expression: ast.expr | None, values: Column) -> fx.Node | None:
        """A parameter of the user's, or one that is there already."""
        word = expression.id if isinstance(expression, ast.Name) else None
        known = {**self.columns, **self.given}
        same = [each for each, column in known.items() if alike(column, values)]
        label = word if word in same else next(iter(same), None)
        return None if label is None else self.parameter(label, values)

    def as_written(self, expression: ast.expr | None, values: Column, user: fx.Node) -> fx.Node:
        """The user's own sum or product of parameters, else a parameter more."""
        if expression is not None and alike(self.column(expression), values):
            made = self.computed(expression, user)
            if isinstance(made, fx.Node):
                return made
        word = getattr(expression, "id", None) or getattr(expression, "attr", None) or "size"
        taken = {each.name for each in self.body.parameters} | self.columns.keys()
        label = next(w for w in numbered([identifier(word)]) if w not in taken)
        return self.parameter(label, values)

    def parameter(self, label: str, values: Column) -> fx.Node:
        if label not in self.made:
            self.columns[label] = values
            nodes = list(self.body.graph.nodes)
            taken = {node.target for node in nodes if node.op == "placeholder"}
            name = next(word for word in numbered([identifier(label)]) if word not in taken)
            before = next(node for node in nodes if node.op != "placeholder")
            with self.body.graph.inserting_before(before):
                made = placeholder(self.body.graph, name, {"value": values[0]})
            self.made[label] = made
        return self.made[label]

    def column(self, expression: ast.expr) -> Column:
        """What an expression of the function's parameters is in each of the calls."""
        count = len(next(iter(self.given.values()), ()))
        try:
            return tuple(
                evaluated(expression, {w: column[at] for w, column in self.given.items()})
                for at in range(count)
            )
        except (KeyError, ArithmeticError, TypeError):
            return ()

    def computed(self, expression: ast.expr, user: fx.Node) -> Any:
        """The nodes of an expression that `evaluated` knows."""
        match expression:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=word):
                column = self.given[word]
                same = all(alike(column[:1], (value,)) for value in column)
                return column[0] if same else self.parameter(word, column)
            case ast.UnaryOp(op=op, operand=operand):
                arguments: tuple[Any, ...] = (self.computed(operand, user),)
            case ast.BinOp(left=left, op=op, right=right):
                arguments = self.computed(left, user), self.computed(right, user)
        function: Callable[..., Any] = OPERATORS[type(op)]
        if not any(isinstance(argument, fx.Node) for argument in arguments):
            return function(*arguments)
        with self.body.graph.inserting_before(user):
            made = self.body.graph.call_function(function, arguments)
        values = (a.meta["value"] if isinstance(a, fx.Node) else a for a in arguments)
        made.meta.update(inline=True, value=function(*values))
        return made


def with_numbers(
    body: Body, calls: list[Call], differing: list[tuple[Place, Column]]
) -> tuple[Body, dict[str, Column]]:
    """The body with parameters for the numbers that differ, and what each call gives for them."""
    words = [word for word in calls[0].words if all(word in call.numbers for call in calls)]
    given = {word: tuple(call.numbers[word] for call in calls) for word in words}
    numbers = Numbers(body, list(body.graph.nodes), given)
    for place, values in differing:
        numbers.put(place, values)
    body.parameters.extend(parameter(node) for node in numbers.made.values())
    places = {identifier(word): at for at, word in enumerate(calls[0].words)}
    body.parameters.sort(key=lambda each: places.get(each.name, len(places)))
    return body, {str(numbers.made[label].target): numbers.columns[label] for label in numbers.made}


def evaluated(expression: ast.expr, known: Mapping[str, int | float]) -> Any:
    """The value of a sum, product or negative of parameters."""
    match expression:
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.Name(id=word):
            return known[word]
        case ast.UnaryOp(op=op, operand=operand) if type(op) in OPERATORS:
            return OPERATORS[type(op)](evaluated(operand, known))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            if isinstance(op, ast.Pow):
                raise KeyError
            return OPERATORS[type(op)](evaluated(left, known), evaluated(right, known))
    raise KeyError


def alike(one: Column, other: Column) -> bool:
    """Whether two columns hold the same numbers of the same types."""
    return len(one) == len(other) and all(
        type(a) is type(b) and a == b for a, b in zip(one, other, strict=True)
    )


def key_of(node: fx.Node, way: tuple[Any, ...]) -> int | str:
    """Which of all that a call is given a number is: a keyword, or how many stand before it."""
    holder, *steps = way
    if holder == "kwargs":
        return str(steps[0])
    before = -int(node.op == "call_method")
    value: Any = node.args
    for step in steps:
        if not isinstance(value, (tuple, list)):
            return ""  # in a slice
        before += len(flat(value[:step]))
        value = value[step]
    return before


def flat(value: Any) -> list[Any]:
    """All that stands in a structure."""
    if isinstance(value, (tuple, list)):
        return [leaf for item in value for leaf in flat(item)]
    return [value]
