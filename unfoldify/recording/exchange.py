"""What modules are given and what they hand out: from the values of a run to nodes and back."""

from __future__ import annotations

import inspect
import operator
from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor, fx, nn

from unfoldify.recording.arrays import is_of_numpy
from unfoldify.recording.body import Body, Construct
from unfoldify.recording.numbers.traced import Traced, plain
from unfoldify.recording.state import StatefulRecorder
from unfoldify.recording.structures import (
    leaves,
    named_fields,
    numbers_in,
    steps_of_argument,
    tensors_of_argument,
)
from unfoldify.recording.values import literal


def is_list(value: Any) -> bool:
    """Whether an argument is a list or tuple of tensors, or of such."""
    if type(value) not in (list, tuple) or not value:
        return False
    return all(isinstance(item, Tensor) or is_list(item) for item in value)


def copied(value: Any) -> Any:
    """A structure of lists and dicts as it is now: a forward may add to them."""
    if type(value) is dict:
        return {key: copied(item) for key, item in value.items()}
    return type(value)(map(copied, value)) if type(value) in (list, tuple) else value


def same(one: Any, other: Any) -> bool:
    """Whether two structures hold the same tensors."""
    if isinstance(one, Tensor) or isinstance(other, Tensor):
        return one is other
    return len(one) == len(other) and all(map(same, one, other))


class ExchangeRecorder(StatefulRecorder):
    """A recorder that binds the arguments and results of modules, however deep they are nested."""

    def __init__(self, model: nn.Module, lasting: Collection[str]) -> None:
        super().__init__(model, lasting)
        self.handed: dict[
            int, tuple[Any, Any, fx.Node]
        ] = {}  # lists of tensors that calls returned
        self.words: Mapping[tuple[Any, ...], str] = {}  # of the parts of the model's arguments

    def bind_input(
        self, value: Any, node: fx.Node, path: tuple[Any, ...], above: tuple[Any, ...] = ()
    ) -> None:
        """The tensors of one argument of the model, however deep they are in it."""
        if isinstance(value, Tensor):
            self.bind(value, node)
            return
        if type(value) in (list, tuple):
            node.meta["length"] = node.meta["count"] = len(value)
        for step, key, item in steps_of_argument(value):
            around = any(item is outer for outer in above)
            if not around and any(True for _ in tensors_of_argument(item)):
                inner = self.frame.graph.call_function(step, (node, key))
                word = self.words.get((*path, key))
                if word is not None:
                    inner.meta["name"] = word
                elif not isinstance(item, Tensor):
                    inner.meta["inline"] = True  # `state[1][0]`, without a name for what is between
                elif type(value) in (list, tuple):
                    inner.meta["inline"] = node.meta["subscripted"] = True
                self.bind_input(item, inner, (*path, key), (*above, value))

    def bind_arguments(self, body: Body, args: Any, kwargs: Any) -> None:
        """Tensors and sizes that a module is given directly are its arguments, under its own names."""
        try:
            bound = inspect.signature(body.module.forward).bind(*args, **kwargs)
        except (TypeError, ValueError):
            return  # forward itself will say what is wrong
        for name, value in bound.arguments.items():
            kind = bound.signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_POSITIONAL:
                items = [(f"{name.rstrip('s')}{index}", item) for index, item in enumerate(value)]
            elif kind is inspect.Parameter.VAR_KEYWORD:
                items = list(value.items())
            else:
                items = [(name, value)]
            for label, item in items:
                if isinstance(item, Tensor) or (isinstance(item, Traced) and item.owner is self):
                    self.lift(item, body, label, lifted=False)
        held = {name: value for name, value in bound.arguments.items() if is_list(value)}
        body.lists = {name: copied(value) for name, value in held.items()}
        for name, value in held.items():
            known, before, node = self.handed.get(id(value), (None, None, None))
            if known is value and node is not None and same(before, value):
                body.sources[name] = node
        bound.apply_defaults()
        given = bound.arguments.items()
        body.flags = {name: value for name, value in given if isinstance(value, (str, bool))}

    def note_lists(self, body: Body) -> None:
        """What the lists of tensors that a module was given are, in its graph; one of which it does not
        use all is none of its arguments.
        """
        found = {name: self.in_nodes(value, body) for name, value in body.lists.items()}
        body.lists = {name: nodes for name, nodes in found.items() if nodes is not None}

    def in_nodes(self, value: Any, body: Body) -> Any:
        if isinstance(value, Tensor):
            node = self.known(value, body)
            return node if node is not None and node.op == "placeholder" else None
        items = [self.in_nodes(item, body) for item in value]
        return None if None in items else type(value)(items)

    def result(self, value: Any, *, whole: bool = False) -> Any:
        """What a module returned, as the graph's output; `whole` keeps classes, else they become
        tuples.
        """
        if isinstance(value, (Tensor, Traced, torch.Size)):
            return self.to_nodes(value)
        made = self.list_node(value)
        if made is not None:
            return made
        if type(value) in (tuple, list):
            return type(value)(self.result(item, whole=whole) for item in value)
        if type(value) is dict:
            return {key: self.result(item, whole=whole) for key, item in value.items()}
        if isinstance(
            value, (bool, int, float, complex, str, type(None), torch.dtype, torch.device)
        ):
            return literal(value)
        if type(value).__module__ == "torch.return_types":
            return self.return_type(value)
        if whole and is_of_numpy(value):
            return self.array(value)
        if whole:
            return self.structure(value)
        if isinstance(value, tuple):
            return tuple(self.result(item) for item in value)
        return tuple(self.to_nodes(leaf) for leaf in leaves(value)) or None

    def return_type(self, value: Any) -> Any:
        """What `x.max(dim=1)` returns, handed on whole where it still is whole."""
        items = tuple(self.to_nodes(item) for item in value)
        sources = {
            item.args[0] if isinstance(item, fx.Node) and item.target is getattr else None
            for item in items  # an item may be a list itself
        }
        source = sources.pop()
        return source if not sources and isinstance(source, fx.Node) else items

    def structure(self, value: Any) -> Any:
        """An object of a class with named fields: a node that builds one of the same name and
        fields.
        """
        if type(value) is OrderedDict:
            items = {str(key): self.result(item, whole=True) for key, item in value.items()}
            return self.frame.graph.call_function(OrderedDict, (items,))
        fields = named_fields(value)
        if fields is None:
            return None
        kwargs = {
            name: self.result(item, whole=True) for name, item in fields.items() if item is not None
        }
        target = Construct(type(value).__name__, tuple(fields), isinstance(value, tuple))
        node = self.frame.graph.call_function(target, (), kwargs)
        node.meta["class"] = type(value)
        return node

    def bind_result(self, result: Any, call: fx.Node) -> None:
        """The results of a child, in the parent's graph; the inverse of `result`."""
        if isinstance(result, Traced):
            self.bind_number(result, call)
        elif isinstance(result, (Tensor, torch.Size)) or type(result) in (tuple, list, dict):
            if isinstance(result, Tensor):
                self.bind(result, call)
            else:
                self.note_list(result, call)
                if is_list(result):
                    self.handed[id(result)] = result, copied(result), call
                entries = result.items() if isinstance(result, dict) else enumerate(result)
                for key, item in sorted(entries, key=lambda entry: isinstance(entry[1], Tensor)):
                    if any(True for _ in leaves(item)) or any(map(self.is_news, numbers_in(item))):
                        self.bind_result(item, self.getitem(call, key))
                call.meta["length"] = len(result)
        elif isinstance(result, tuple):
            self.bind_result(tuple(result), call)
        else:
            found = list(leaves(result))
            for index, leaf in enumerate(found):
                self.bind_result(leaf, self.getitem(call, index))
            call.meta["length"] = len(found)

    def is_news(self, number: Traced) -> bool:
        """Whether the current graph does not know a number yet, which a child has returned."""
        return (
            number.owner is self
            and number.node.graph is not self.frame.graph
            and self.known_value(number, self.frame) is None
        )

    def bind_number(self, number: Any, node: fx.Node) -> None:
        if self.is_news(number):
            node.meta["value"] = plain(number)
            self.frame.values[id(number)] = (lambda: number, node)

    def getitem(self, node: fx.Node, key: Any) -> fx.Node:
        inner = self.frame.graph.call_function(operator.getitem, (node, key))
        inner.meta["positions"] = node.meta.get("positions", ())
        inner.meta["item"] = key
        return inner
