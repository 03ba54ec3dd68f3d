"""model → one graph per module call, by running it once.

Modules of torch.nn that are spelled out run inside their parent's graph; others of torch.nn are one
call; every other module gets a graph of its own. Whatever a graph uses from outside itself becomes
an argument of it, whatever is used of it outside becomes a result.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.rnn import PackedSequence

from unfoldify.recording.births import births
from unfoldify.recording.body import Body, Layer, Parameter
from unfoldify.recording.calls import LASTS
from unfoldify.recording.causal_masks import masks_as_told
from unfoldify.recording.decisions import Decision, Outcomes, Read, runs_to_turn
from unfoldify.recording.exchange import ExchangeRecorder, copied
from unfoldify.recording.exits import exits_seen
from unfoldify.recording.flex_attention import seen_flex_attention
from unfoldify.recording.layers import plan
from unfoldify.recording.made_parameters import seen_parameters
from unfoldify.recording.moved_modules import seen_moves
from unfoldify.recording.numbers.deferring import deferring
from unfoldify.recording.numbers.traced import Traced
from unfoldify.recording.old_tensors import seen_constructor
from unfoldify.recording.own_train import prepare
from unfoldify.recording.paths import below, joined
from unfoldify.recording.random_state import generators_held
from unfoldify.recording.scripted import check_scripted
from unfoldify.recording.source import Position
from unfoldify.recording.stand_ins import stand_ins_held
from unfoldify.recording.structures import (
    given_one_by_one,
    tensors_of_argument,
)
from unfoldify.recording.users_calls import Call, RunningCalls, given_to
from unfoldify.recording.values import plain_arguments, tensors_in
from unfoldify.recording.words_of_arguments import words_of_parts


@dataclass(frozen=True)
class Recording:
    """A model, seen running once."""

    model: nn.Module
    root: Body
    reads: tuple[Read, ...]
    output: Any
    constants: Mapping[str, Tensor | float]
    made: Mapping[int, tuple[Position, ...]] = field(default_factory=dict)  # id of a parameter
    conversions: tuple[dict[str, Any], ...] = ()  # modules that made plain numbers of others
    drew: bool = False  # whether Python or numpy drew numbers meanwhile
    left: tuple[str, ...] = ()  # the attributes that a call changes
    decisions: tuple[Decision, ...] = ()  # by what the model drew, and by other values
    settled: frozenset[Any] = frozenset()  # the places of those that stand under an `if`
    asked: frozenset[int] = frozenset()  # numbers that sizes were compared with
    runs_by_size: int = 0  # how many it takes to turn what sizes decided
    borrowers: frozenset[int] = frozenset()  # ids of modules that call one which their caller has


def capture(
    model: nn.Module,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    wanted: Callable[[str, str], bool] = lambda path, kind: True,
    lasting: Collection[str] = (),
    outcomes: Outcomes | None = None,
    by_value: bool = False,
    by_size: bool = False,
    floats: bool = True,
    dissolved: frozenset[int] = frozenset(),
) -> Recording:
    """Run the model on its example and record it; the caller keeps the model from being changed.

    `lasting` are the paths of attributes that are read and set anew as the file does, `outcomes` say
    how it is decided what is decided by chance or, with `by_value`, by any value, and with `by_size`, by
    any size. With `floats`, sizes stay free on the right of a float. What the modules in `dissolved`
    do is done by their callers.
    """
    recorder = ModelRecorder(model, wanted, lasting)
    recorder.dissolved = dissolved
    recorder.outcomes, recorder.by_value, recorder.by_size = outcomes, by_value, by_size
    eager = torch.compiler.set_stance("force_eager")  # imports what asks for `Tensor.__new__`
    with ExitStack() as around:
        around.enter_context(eager)
        recorder.is_new = around.enter_context(births())
        around.enter_context(recorder.running())
        around.enter_context(recorder.module_calls())
        for seen in (
            seen_constructor(),
            seen_flex_attention(),
            seen_parameters(),
            seen_moves(),
            deferring(model) if floats else nullcontext(),
            recorder.attributes(),
            stand_ins_held(model),
            masks_as_told(),
        ):
            around.enter_context(seen)
        output = recorder.run(args, dict(kwargs))
    recorder.running_calls.forget()
    recorder.settle_modes()
    return Recording(
        model,
        recorder.root,
        tuple(r for r in recorder.reads if r.call != LASTS or r.value in recorder.going_on),
        output,
        recorder.constants,
        recorder.parameters,
        tuple(recorder.conversions.values()),
        decisions=tuple(recorder.decisions),
        asked=frozenset(recorder.compared_with),
        runs_by_size=runs_to_turn(recorder.decided_sizes),
        borrowers=frozenset(recorder.borrowers),
    )


class ModelRecorder(ExchangeRecorder):
    """A recorder that follows the calls of a model's modules."""

    def __init__(
        self, model: nn.Module, wanted: Callable[[str, str], bool], lasting: Collection[str]
    ) -> None:
        super().__init__(model, lasting)
        self.wanted = wanted
        self.root: Body
        self.held_generators: set[int] = set()
        self.borrowers: set[int] = set()
        self.dissolved: frozenset[int] = frozenset()
        self.boundary = frozenset({ModelRecorder.enter.__code__, ModelRecorder.run.__code__})
        self.running_calls = RunningCalls()

    def note_calls(self, node: fx.Node) -> None:
        node.meta["calls"] = self.calls_here()

    def calls_here(self) -> tuple[Call, ...]:
        """The calls of the user's functions that are running, the innermost first; those that have
        begun since the last time are told which values they were given.
        """
        here = sys._getframe(1)
        for frame, call in self.running_calls.update(here, ModelRecorder.run.__code__).items():
            for word, value in given_to(frame):
                given = self.value_node(value)
                if given is not None:
                    given.meta.setdefault("given", {})[call] = word
                elif isinstance(value, (int, float)) and not isinstance(value, (bool, Traced)):
                    call.numbers[word] = float(value) if isinstance(value, float) else value
                elif not isinstance(value, Tensor):
                    continue
                call.words.append(word)
        return tuple(self.running_calls.until(self.boundary, here))

    # -- modules -------------------------------------------------------------------------------

    @contextmanager
    def module_calls(self) -> Iterator[None]:
        """Route every module call through the recorder."""
        original = nn.Module.__call__
        recorder = self

        def call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            return recorder.call_module(original, module, args, kwargs)

        nn.Module.__call__ = call  # type: ignore[method-assign]
        try:
            yield
        finally:
            nn.Module.__call__ = original  # type: ignore[method-assign]

    def call_module(self, original: Any, module: nn.Module, args: Any, kwargs: Any) -> Any:
        paths = self.module_paths.get(id(module))
        if self.paused or not self.stack or paths is None:
            return original(module, *args, **kwargs)
        check_scripted(module, paths[0])
        path = self.path_here(paths)
        if path is None:
            self.note_borrower(paths)
        if path is None or id(module) in self.dissolved:
            return original(module, *args, **kwargs)
        how = plan(module, path, self.wanted)
        if how == "spell":
            return self.spell(original, module, path, args, kwargs)
        if how == "keep":
            return self.keep(original, module, path, args, kwargs)
        calls = self.calls_here()
        return self.enter(original, module, path, args, kwargs, self.positions(), calls)

    def note_borrower(self, paths: list[str]) -> None:
        """A module runs here that belongs to the caller: in `self.sublayer(x, lambda x: self.ff(x))`
        the sublayer has no name for it, and the caller has.
        """
        caller = self.body.parent
        if caller is not None and any(below(path, caller.path) for path in paths):
            self.borrowers.add(id(self.body.module))

    def may_stay(
        self, module: nn.Module, dtype: torch.dtype | None, as_another: bool = False
    ) -> bool:
        """Whether a module that is sent to where it is needs no line for it: it is one of the model
        that is sent to the type of a tensor, or is not sent to a type.
        """
        if dtype is None:
            return True
        of_tensor = as_another or self.last_of_dtype(dtype) is not None
        return of_tensor and id(module) in self.module_paths

    def spell(self, original: Any, module: nn.Module, path: str, args: Any, kwargs: Any) -> Any:
        self.frame.layers.append(Layer(path, module))
        try:
            result = original(module, *args, **kwargs)
            self.note_places(result)
            return result
        finally:
            self.frame.layers.pop()

    def note_places(self, result: Any, *path: int) -> None:
        """Where in what a layer returns its tensors are: `h` of `x, (h, c)` is at 1, 0."""
        if isinstance(result, PackedSequence):
            self.note_places(result.data, *path)
        elif isinstance(result, tuple):
            for index, item in enumerate(result):
                self.note_places(item, *path, index)
        elif path and self.known_here(result) is not None:
            self.node_of(result).meta["in_result"] = path

    def keep(
        self,
        original: Any,
        module: nn.Module,
        path: str,
        args: Any,
        kwargs: Any,
        declined: str | None = None,
    ) -> Any:
        """A layer that is called whole; `declined` says why, where it was to be spelled out."""
        given = [
            (tensor, tensor._version)
            for tensor in tensors_in((args, kwargs))
            if not tensor.is_inference()
        ]
        with self.pause(), torch._C.DisableTorchFunction():
            result = original(module, *plain_arguments(args), **plain_arguments(kwargs))
        node = self.add("call_module", path, args, kwargs)
        mutated = [tensor for tensor, version in given if tensor._version != version]
        if mutated:
            node.meta["mutates"] = tuple(self.node_of(tensor) for tensor in mutated)
        else:
            result = self.distinct(result, [tensor for tensor, _ in given])
        node.meta["module"] = module
        if declined is not None:
            node.meta["declined"] = declined
        self.bind(result, node)
        return result

    def enter(
        self,
        original: Any,
        module: nn.Module,
        path: str,
        args: Any,
        kwargs: Any,
        positions: tuple[Position, ...],
        calls: tuple[Call, ...],
    ) -> Any:
        """Run a module in a graph of its own, and note the call in its parent's."""
        parent = self.body
        body = Body(
            fx.Graph(),
            module=module,
            path=joined(parent.path, path),
            parent=parent,
            training=module.training,
        )
        body.positions = positions
        self.stack.append(body)
        try:
            self.bind_arguments(body, args, kwargs)
            prepare(module)
            before = self.state_of(module)
            result = original(module, *args, **kwargs)
            self.note_new_state(module, before)
            body.graph.output(self.result(result))
            self.note_lists(body)
        finally:
            self.stack.pop()
            self.finished[id(body.graph)] = body
            for key, (reference, node) in body.values.items():
                self.past[key] = (reference, node, body)
        call = self.add("call_module", path, (), {})
        call.meta["positions"] = positions
        call.meta["calls"] = calls
        call.meta["body"] = body
        call.meta["module"] = module
        call.args = tuple(
            parameter.outer for parameter in body.parameters if parameter.node is not None
        )
        body.call = call
        self.note_for_callers()
        if any("mutates" in node.meta or node.target is setattr for node in body.graph.nodes):
            call.meta["mutates"] = ()
        self.bind_result(result, call)
        return result

    def run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The model's own call, whose arguments are the example's."""
        original = vars(nn.Module)["_wrapped_call_impl"]
        body = Body(fx.Graph(), module=self.model, training=self.model.training)
        self.root = body
        self.stack.append(body)
        self.held_generators = generators_held(self.model, (args, kwargs))
        bound = inspect.signature(self.model.forward).bind(*args, **kwargs)
        for name, value, kind in given_one_by_one(bound):
            has_tensor = any(True for _ in tensors_of_argument(value))
            node = body.graph.placeholder(name) if has_tensor else None
            body.parameters.append(Parameter(name, kind, node, copied(value)))
            if node is not None:
                node.meta["name"] = name
        self.words = words_of_parts(self.model.forward)
        for parameter in body.parameters:
            if parameter.node is not None:
                self.bind_input(parameter.value, parameter.node, (parameter.name,))
        prepare(self.model)
        before = self.state_of(self.model)
        with exits_seen():
            result = original(self.model, *args, **kwargs)
        self.note_new_state(self.model, before)
        body.graph.output(self.result(result, whole=True))
        self.stack.pop()
        return result

    def is_held(self, generator: torch.Generator) -> bool:
        return id(generator) in self.held_generators
