"""The pass over a recorded model: which functions are written once, and calls of them."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from torch import fx, nn

from unfoldify.emit.helpers.alike import Form, differing, form_of
from unfoldify.emit.helpers.copies import copied, labels
from unfoldify.emit.helpers.helper import Helper, first_paragraph, statements
from unfoldify.emit.helpers.inside import NoRegion
from unfoldify.emit.helpers.loops import written
from unfoldify.emit.helpers.methods import Method, method_of
from unfoldify.emit.helpers.numbers import with_numbers
from unfoldify.emit.helpers.put import put_call
from unfoldify.emit.helpers.regions import Region, is_function, region_of
from unfoldify.emit.words_for_values import RESERVED, identifier
from unfoldify.recording.body import Body
from unfoldify.recording.users_calls import Call

MOST_NUMBERS = 3  # that the calls of one function may differ in
FEWEST_STATEMENTS = 2  # of a function that is worth its name


@dataclass(frozen=True)
class Place:
    """A graph in whose lines functions are called."""

    graph: fx.Graph
    owner: tuple[Any, Any]  # the forward, or the function, whose lines these are
    module: nn.Module


@dataclass(frozen=True, eq=False)
class Found:
    """A call of a function in one of the graphs, with what it does as a graph of its own."""

    place: Place
    region: Region
    body: Body
    form: Form

    @classmethod
    def of(cls, place: Place, region: Region) -> Found:
        body = copied(region)
        return cls(place, region, body, form_of(body))

    def again(self) -> Found:
        """With another copy: the first has been changed."""
        return Found.of(self.place, self.region)


@dataclass(eq=False)
class Helpers:
    """The functions that the forwards of a model call, in the order in which they are found."""

    taken: set[str]
    found: list[Helper] = field(default_factory=list)
    refused: set[Any] = field(default_factory=set)  # classes, with codes that are no methods there
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
        return [helper.definition() for helper in ordered if not isinstance(helper, Method)]

    def outline(self, bodies: Iterable[Body]) -> None:
        """Replace, in the graphs, what calls of one function have in common by calls of it."""
        forwards = [Place(body.graph, owner_of(body), body.module) for body in bodies]
        while True:
            own = (Place(h.body.graph, (h, ""), h.body.module) for h in self.found)
            places = [*forwards, *own]
            code = self.next_function([place.graph for place in places])
            if code is None:
                return
            found = [each for place in places for each in self.calls_in(place, code)]
            for alike in grouped([each for each in found if each.region.module is None]):
                self.write_once(alike)
            for cls, calls in by_class([each for each in found if each.region.module is not None]):
                if (cls, code) not in self.refused:
                    self.write_methods(calls)

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

    def calls_in(self, place: Place, code: Any) -> Iterator[Found]:
        """The calls of a function in a graph; from now on they were looked at."""
        calls = {
            first: None
            for node in place.graph.nodes
            for first in self.open_calls(node)[:1]
            if first.code == code
        }
        for call in calls:
            self.seen.add(call)
            try:
                yield Found.of(place, region_of(place.graph, call, place.module))
            except (NoRegion, KeyError):  # a KeyError: something of it is about a node outside
                self.refused.add((type(place.module), code))

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

    def write_methods(self, found: list[Found]) -> None:
        """A method for calls in modules of one class, where all do the same but for numbers, which the
        constructor is given.
        """
        modules: dict[int, list[Found]] = {}
        for each in found:
            modules.setdefault(id(each.place.module), []).append(each)
        if len(grouped(found)) > 1 or any(len(by_numbers(calls)) > 1 for calls in modules.values()):
            return
        known = {(id(h.body.module), h.name) for h in self.found if isinstance(h, Method)}
        if any((id(f.place.module), f.region.call.code.co_name) in known for f in found):
            return  # it calls itself: what it does there has no name of its own
        graphs: dict[fx.Graph, list[Found]] = {}
        for each in found:
            graphs.setdefault(each.place.graph, []).append(each)
        if all(self.places(calls) < 2 for calls in graphs.values()):
            return
        if statements(copied(found[0].region)) < FEWEST_STATEMENTS:
            return
        for calls in modules.values():
            method = method_of(calls[0].region)
            self.found.append(method)
            for each in calls:
                self.call_in_place(each, method, {})

    def places(self, found: list[Found]) -> int:
        """In how many places of the emitted file the calls will be."""
        seen: set[Any] = set()
        counts: dict[Any, int] = {}
        resting = [each for each in found if each.place.owner[1] is not None]
        for each in resting or found:  # training is another branch of the same forward
            key = each.place.graph, each.region.caller
            if key not in counts or each.region.call in self.written_in(each.place.graph):
                counts[key] = counts.get(key, 0) + 1
            seen.add((each.place.owner, each.region.caller, counts[key]))
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
        self.instead |= put_call(found.place.graph, region, helper, given)

    def now(self, node: fx.Node) -> fx.Node:
        """What a value is since calls have taken the place of what made it."""
        while node in self.instead:
            node = self.instead[node]
        return node


def helpers_of(bodies: Iterable[Body], taken: Iterable[str]) -> Helpers:
    helpers = Helpers({*taken, *RESERVED, *dir(builtins)})
    helpers.outline(bodies)
    return helpers


def by_class(found: list[Found]) -> Iterator[tuple[Any, list[Found]]]:
    """Calls in modules of one class."""
    groups: dict[Any, list[Found]] = {}
    for each in found:
        groups.setdefault(type(each.place.module), []).append(each)
    yield from groups.items()


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
