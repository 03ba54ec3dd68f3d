"""The pass over a recorded model: which functions are written once, and calls of them."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from torch import fx

from unfoldify.emit.helpers.alike import Form, differing, form_of
from unfoldify.emit.helpers.copies import copied, labels
from unfoldify.emit.helpers.helper import Helper, first_paragraph, statements
from unfoldify.emit.helpers.inside import NoRegion
from unfoldify.emit.helpers.loops import written
from unfoldify.emit.helpers.numbers import with_numbers
from unfoldify.emit.helpers.put import put_call
from unfoldify.emit.helpers.regions import Region, is_function, region_of
from unfoldify.emit.words_for_values import RESERVED, identifier
from unfoldify.recording.body import Body
from unfoldify.recording.users_calls import Call

MOST_NUMBERS = 3  # that the calls of one function may differ in
FEWEST_STATEMENTS = 2  # of a function that is worth its name


@dataclass(frozen=True, eq=False)
class Found:
    """A call of a function in one of the graphs, with what it does as a graph of its own."""

    graph: fx.Graph
    owner: tuple[Any, Any]  # the forward, or the function, in whose lines it is
    region: Region
    body: Body
    form: Form

    @classmethod
    def of(cls, graph: fx.Graph, owner: tuple[Any, Any], region: Region) -> Found:
        body = copied(region)
        return cls(graph, owner, region, body, form_of(body))

    def again(self) -> Found:
        """With another copy: the first has been changed."""
        return Found.of(self.graph, self.owner, self.region)


@dataclass(eq=False)
class Helpers:
    """The functions that the forwards of a model call, in the order in which they are found."""

    taken: set[str]
    found: list[Helper] = field(default_factory=list)
    seen: set[Call] = field(default_factory=set)  # calls that were looked at
    written: dict[fx.Graph, set[Call]] = field(default_factory=dict)
    instead: dict[fx.Node, fx.Node] = field(default_factory=dict)  # what stands for a value now

    @property
    def bodies(self) -> list[Body]:
        return [helper.body for helper in self.found]

    def definitions(self) -> list[ast.FunctionDef]:
        """The text of the functions, those before that others call."""
        ordered: dict[Helper, None] = {}

        def add(helper: Helper) -> None:
            for node in helper.body.graph.nodes:
                if isinstance(node.target, Helper):
                    add(node.target)
            ordered[helper] = None

        for helper in self.found:
            add(helper)
        return [helper.definition() for helper in ordered]

    def outline(self, bodies: Iterable[Body]) -> None:
        """Replace, in the graphs, what calls of one function have in common by calls of it."""
        places = [(body.graph, owner_of(body)) for body in bodies]
        while True:
            graphs = [*places, *((h.body.graph, (h, "")) for h in self.found)]
            code = self.next_function([graph for graph, _ in graphs])
            if code is None:
                return
            found = [each for graph, owner in graphs for each in self.calls_in(graph, owner, code)]
            for alike in grouped(found):
                self.write_once(alike)

    # -- which ---------------------------------------------------------------------------------

    def next_function(self, graphs: list[fx.Graph]) -> Any:
        """One that is called by no other of which the calls are still to be looked at."""
        outer: dict[Any, None] = {}
        inner: set[Any] = set()
        for graph in graphs:
            for node in graph.nodes:
                calls = self.open_calls(node)
                outer |= {call.code: None for call in calls[:1]}
                inner |= {call.code for call in calls[1:]}
        return next((code for code in outer if code not in inner), next(iter(outer), None))

    def open_calls(self, node: fx.Node) -> list[Call]:
        """The calls around a node, the outermost first, that were not looked at yet."""
        calls = reversed(node.meta.get("calls", ()))
        return [call for call in calls if is_function(call) and call not in self.seen]

    def calls_in(self, graph: fx.Graph, owner: tuple[Any, Any], code: Any) -> Iterator[Found]:
        """The calls of a function in a graph; from now on they were looked at."""
        calls = {
            first: None
            for node in graph.nodes
            for first in self.open_calls(node)[:1]
            if first.code == code
        }
        for call in calls:
            self.seen.add(call)
            try:
                yield Found.of(graph, owner, region_of(graph, call))
            except (NoRegion, KeyError):  # a KeyError: something of it is about a node outside
                continue

    # -- how -----------------------------------------------------------------------------------

    def write_once(self, alike: list[Found]) -> None:
        """One function for calls that are the same but for numbers, where that is worth it."""
        calls = [each.region.call for each in alike]
        if self.places(alike) < 2 or statements(copied(alike[0].region)) < FEWEST_STATEMENTS:
            return
        numbers = list(differing([each.form for each in alike]))
        body, columns = with_numbers(alike[0].body, calls, numbers)
        if len(columns) > MOST_NUMBERS:
            groups = by_numbers(alike)
            for same in groups if len(groups) > 1 else ():
                self.write_once([each.again() for each in same])
            return
        helper = self.named(calls[0].code, body)
        for at, each in enumerate(alike):
            given = {label: values[at] for label, values in columns.items()}
            self.call_in_place(each, helper, given)

    def places(self, found: list[Found]) -> int:
        """In how many places of the emitted file the calls will be."""
        seen: set[Any] = set()
        counts: dict[Any, int] = {}
        resting = [each for each in found if each.owner[1] is not None]
        for each in resting or found:  # training is another branch of the same forward
            key = each.graph, each.region.caller
            if key not in counts or each.region.call in self.written_in(each.graph):
                counts[key] = counts.get(key, 0) + 1
            seen.add((each.owner, each.region.caller, counts[key]))
        return len(seen)

    def written_in(self, graph: fx.Graph) -> set[Call]:
        if graph not in self.written:
            self.written[graph] = written(graph)
        return self.written[graph]

    def named(self, code: CodeType, body: Body) -> Helper:
        helper = Helper(identifier(code.co_name), words=first_paragraph(code), body=body)
        helper.name = next(word for word in helper.names() if word not in self.taken)
        self.taken.add(helper.name)
        self.found.append(helper)
        return helper

    def call_in_place(self, found: Found, helper: Helper, numbers: dict[str, Any]) -> None:
        """The call of the function, behind which everything uses its results."""
        region = found.region
        inputs = map(self.now, region.inputs)
        given = {**dict(zip(labels(region), inputs, strict=True)), **numbers}
        self.instead |= put_call(found.graph, region, helper, given)

    def now(self, node: fx.Node) -> fx.Node:
        """What a value is since calls have taken the place of what made it."""
        while node in self.instead:
            node = self.instead[node]
        return node


def helpers_of(bodies: Iterable[Body], taken: Iterable[str]) -> Helpers:
    helpers = Helpers({*taken, *RESERVED, *dir(builtins)})
    helpers.outline(bodies)
    return helpers


def grouped(found: list[Found]) -> list[list[Found]]:
    """Calls that are the same but for numbers."""
    groups: dict[Any, list[Found]] = {}
    for each in found:
        groups.setdefault(each.form.same, []).append(each)
    return list(groups.values())


def by_numbers(found: list[Found]) -> list[list[Found]]:
    """Calls that are the same."""
    groups: dict[Any, list[Found]] = {}
    for each in found:
        groups.setdefault(repr(each.form.numbers), []).append(each)
    return list(groups.values())


def owner_of(body: Body) -> tuple[Any, Any]:
    """What the same emitted forward will be written for: the class and what is called."""
    calls = tuple((node.op, node.target) for node in body.graph.nodes)
    return type(body.module), None if body.training else calls
