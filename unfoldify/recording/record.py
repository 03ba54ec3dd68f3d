"""One run of torch code → an fx graph of the calls it made, as they were made.

A `Recorder` is a `TorchFunctionMode`: every torch-level call becomes a node of the graph on top of
its stack, sizes become nodes too, and each node keeps the code positions that led to it. Modules
are the business of `scopes`; this file knows functions and numbers.
"""

from __future__ import annotations

import ast
import operator
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch
from torch import Tensor, fx, nn

from unfoldify import notes
from unfoldify.errors import CaptureError
from unfoldify.recording.arrays import Handed, handed, is_only_returned, refuse_array
from unfoldify.recording.autograd import can_be_written, run_forward
from unfoldify.recording.calls import (
    CHECKS,
    DATA_NUMBERS,
    DRAWN,
    FROM_DATA,
    HAS_GRADIENT,
    LOOKS,
    READS,
    SIZE_NUMBERS,
    TO_PYTHON,
)
from unfoldify.recording.decisions import Read
from unfoldify.recording.machinery import is_machinery
from unfoldify.recording.numbers.traced import ACTIVE, Traced, plain, traced
from unfoldify.recording.old_orders import in_todays_order
from unfoldify.recording.old_tensors import original
from unfoldify.recording.random_state import DRAWING, seed_of_new
from unfoldify.recording.source import Position, position_in, site, users_place
from unfoldify.recording.spelling import (
    AutogradCall,
    call_name,
    spelled,
)
from unfoldify.recording.stand_ins import stand_ins
from unfoldify.recording.unseen import refuse_unseen
from unfoldify.recording.values import (
    is_data,
    plain_arguments,
    plain_value,
    tensors_in,
    unique,
    version,
)
from unfoldify.recording.watcher import Watcher


class Recorder(Watcher):
    """Records what runs inside `with recorder:` into `recorder.frame.graph`."""

    def __init__(self) -> None:
        super().__init__()
        self.made: set[int] = set()  # tensors made of data that is no tensor: constants
        self.keep_alive: list[Any] = []
        self.dtype_reads: list[tuple[torch.dtype, Any]] = []
        self.arrays: dict[int, Handed] = {}  # those that tensors have handed out
        self.lists: dict[int, tuple[Any, Any, fx.Node]] = {}  # of numbers that tensors held
        self.parameters: dict[int, tuple[Position, ...]] = {}  # those that the run has made

    # -- calls ---------------------------------------------------------------------------------

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self.paused or not self.stack:
            return func(*args, **kwargs)
        name = call_name(func)
        if name in FROM_DATA and args and self.followed(args[0]) is not None:
            return self.as_followed(args[0], kwargs.get("dtype"))
        return self.call(func, *in_todays_order(name, args, kwargs))

    def call(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run one torch call and record it."""
        args = tuple(original(arg) for arg in args)
        kwargs = {key: original(value) for key, value in kwargs.items()}
        tensors = list(tensors_in((args, kwargs)))
        self.look_at(func, tensors, args, kwargs)
        versions = [version(tensor) for tensor in tensors]
        frozen = [tensor for tensor in tensors if not tensor.requires_grad]
        with self.pause():
            result = func(*plain_arguments(args), **plain_arguments(kwargs))
        name = call_name(func)
        mutated = tuple(
            tensor
            for tensor, before in zip(tensors, versions, strict=True)
            if version(tensor) != before
        )
        if name == "requires_grad_" and (frozen or not self.is_state(args[0])):
            mutated = (args[0],)  # also of an input that asks for gradients already: others may not
        if name == "__set__" and func.__self__.__name__ in ("data", "requires_grad"):
            mutated = (args[0],)  # torch counts no write
        if name in LOOKS and not isinstance(result, Tensor):
            return result
        if name == "__get__" and func.__self__.__name__ == HAS_GRADIENT:
            self.asked_for_gradient(args[0], result)
            return result
        if isinstance(result, torch.dtype) and name == "__get__":
            self.dtype_reads.append((result, args[0]))
            self.note_variable_of_dtype(args[0])
            return result
        if name in TO_PYTHON:
            self.note_conversion(sys._getframe(2), name in DATA_NUMBERS)
        read = self.turnable(name, args, result)
        if read is not None:
            return self.turned(self.asked(func, name, args, kwargs), result, read)
        if name in READS and not mutated and sys._getframe(2).f_code not in CHECKS:
            self.reads.append(Read(name, plain_value(result), self.positions()))
            self.note_array(handed(name, result, args, kwargs, self.reads[-1].sites))
            if name not in DATA_NUMBERS or isinstance(result, bool):
                return result
        if isinstance(result, torch.Size) or name in SIZE_NUMBERS or name in DATA_NUMBERS:
            return self.numbers(func, name, args, kwargs, result)
        if not mutated and not any(True for _ in tensors_in(result)):
            return result
        if name in FROM_DATA and is_data(args):
            self.made.add(id(result))
            self.keep_alive.append(result)
            return result
        node = self.add(*spelled(func, name, self.as_ordered(name, args), kwargs))
        self.note_dtype(node, args, kwargs)
        if mutated:
            node.meta["mutates"] = tuple(self.node_of(tensor) for tensor in unique(mutated))
        else:
            result = self.distinct(result, tensors)
        self.bind(result, node)
        return result

    def as_followed(self, array: Any, dtype: torch.dtype | None) -> Any:
        """`torch.tensor(array)`, where a tensor is made as the array is."""
        tensor = self.followed(array)
        if tensor is None or dtype in (None, tensor.dtype):
            return tensor
        return self.call(Tensor.to, (tensor, dtype), {})

    def turnable(self, name: str, args: Any, result: Any) -> Read | None:
        """What is told of a question that a run may answer another way."""
        if name not in ("__bool__", "equal"):
            return None
        if self.is_chance(self.known_here(args[0])):
            return Read(DRAWN, bool(result), self.positions())
        return Read(name, bool(result), self.positions()) if self.by_value else None

    def asked(self, func: Any, name: str, args: Any, kwargs: Any) -> fx.Node:
        """What Python asks: of a value whether it is true, or of two whether they are equal."""
        if name == "__bool__":
            return self.node_of(args[0])
        return self.add(*spelled(func, name, args, kwargs))

    def look_at(self, func: Any, tensors: list[Tensor], args: Any, kwargs: Any) -> None:
        """What has to be known of a call before it runs."""
        refuse_unseen(func, tensors, lambda: users_place(self.positions()))
        if func is torch._C._set_grad_enabled:
            self.note_mode(*args)
        self.differentiates |= func is torch.autograd.grad
        if isinstance(kwargs.get("generator"), torch.Generator):
            self.note_generator(kwargs["generator"], call_name(func))

    def note_dtype(self, node: fx.Node, args: Any, kwargs: Any) -> None:
        """Which value a dtype argument was read from, most likely: the last that was asked for this
        dtype.
        """
        for value in (*args, *kwargs.values()):
            if isinstance(value, torch.dtype):
                found = self.known_here(self.last_of_dtype(value))
                if found is not None:
                    node.meta["dtype_from"] = found

    def note_variable_of_dtype(self, tensor: Tensor) -> None:
        """The user keeps a dtype: `input_dtype = x.dtype`. It is read if a call is given it."""
        positions = self.positions()
        found = site(positions[0]) if positions else None
        if found is not None and found.role == "assigned" and not found.unpacks:
            self.add("call_function", getattr, (tensor, "dtype"), {})

    def last_of_dtype(self, dtype: torch.dtype) -> Any:
        """The tensor of which the user's code last asked for its dtype and was told this one."""
        return next((t for d, t in reversed(self.dtype_reads[-40:]) if d is dtype), None)

    def distinct(self, result: Any, given: list[Tensor]) -> Any:
        """A call that hands its argument back made a value of its own: `x.float()` is not `x` in
        half precision.
        """
        if isinstance(result, Tensor) and any(result is tensor for tensor in given):
            with self.pause(), torch._C.DisableTorchFunction():
                is_strided = result.layout is torch.strided  # others have no views
                return result.view_as(result) if is_strided else result.clone()
        return result

    def as_ordered(self, name: str, args: Any) -> Any:
        """The operands of `2 * x` in the user's order: torch sees them swapped."""
        if name not in ("add", "mul") or len(args) != 2 or isinstance(args[1], Tensor):
            return args
        frame: FrameType | None = sys._getframe(3)
        while frame is not None and is_machinery(frame.f_code.co_filename):
            frame = frame.f_back
        found = site(position_in(frame)) if frame is not None else None
        sides = operands(found.expression) if found is not None else None
        if frame is None or sides is None:
            return args
        left, right = sides
        values = frame.f_locals
        swapped = (
            isinstance(left, ast.Constant)
            or (isinstance(left, ast.Name) and values.get(left.id) is args[1])
            or (isinstance(right, ast.Name) and values.get(right.id) is args[0])
            or right is self.expression_of(args[0])
        )
        return (args[1], args[0]) if swapped else args

    def expression_of(self, tensor: Any) -> ast.expr | None:
        """The expression of the user's file that made a tensor."""
        node = self.known(tensor, self.frame)
        positions = node.meta.get("positions", ()) if node is not None else ()
        found = site(positions[0]) if positions else None
        return found.expression if found is not None else None

    def sees(self, values: Any) -> bool:
        """Whether calls with these values are being recorded."""
        return self.is_recording() and any(True for _ in tensors_in(values))

    def autograd_call(self, cls: Any, call: Any, args: Any, kwargs: Any) -> Any:
        """A custom autograd.Function: its backward is part of it, so it stays whole."""
        if not can_be_written(args):
            return self.run_through(cls, args)
        with self.pause(), torch._C.DisableTorchFunction():
            result = call(*plain_arguments(args), **plain_arguments(kwargs))
        node = self.add("call_function", AutogradCall(cls), args, kwargs)
        self.bind(result, node)
        return result

    def parameter(self, construct: Any, data: Tensor, requires_grad: bool) -> Any:
        """`nn.Parameter(data)`: a leaf of its own, in the memory of another tensor."""
        with self.pause(), torch._C.DisableTorchFunction():
            result = construct(nn.Parameter, data, requires_grad)
        self.parameters[id(result)] = self.positions()
        kwargs = {} if requires_grad else {"requires_grad": False}
        self.bind(result, self.add("call_function", nn.Parameter, (data,), kwargs))
        return result

    def run_through(self, cls: Any, args: Any) -> Any:
        """A function that stays no function: gradients flow through all that it calls."""
        self.through += 1
        try:
            return run_forward(cls, args)
        finally:
            self.through -= 1

    def whole_call(self, function: Any, args: Any, kwargs: Any) -> Any:
        """Run one call of a function that torch does not see, and record it whole."""
        with self.pause(), torch._C.DisableTorchFunction():
            result = function(*plain_arguments(args), **plain_arguments(kwargs))
        node = self.add("call_function", function, args, kwargs)
        self.bind(result, node)
        return result

    def seeding(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """A call that sets the state of torch's own generator, or reads it."""
        result = self.whole_call(function, args, kwargs)
        if isinstance(result, Tensor):
            self.node_of(result).meta.update(name="state", positions=())
        return result

    def drawing(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """A call that draws one number from Python's own generator."""
        value = function(*plain_arguments(args), **plain_arguments(kwargs))
        return self.remembered(value, self.add("call_function", DRAWING[function], args, kwargs))

    def note_generator(self, generator: torch.Generator, call: str) -> None:
        """A generator that the run has made is made in the file too, where it is used first."""
        known = self.generators.get(id(generator))
        if known is not None and known[1].graph is self.frame.graph:
            return
        seed = None if known is not None or self.is_held(generator) else seed_of_new(generator)
        if seed is None:
            raise CaptureError(
                f"{users_place(self.positions())}{call} draws from a generator that was used or made "
                "before: what it draws depends on earlier calls, and a file cannot say that.\n"
                "Make and seed the generator in the forward that draws from it, or draw without one."
            )
        new = self.add("call_function", torch.Generator, (), {})
        new.meta["chained"] = True
        node = self.add("call_method", "manual_seed", (new, seed), {})
        node.meta.update(name="generator", positions=())
        self.generators[id(generator)] = (generator, node)

    def is_held(self, generator: torch.Generator) -> bool:
        """Whether a generator is one of the model or of its example."""
        return False

    def numbers(self, func: Any, name: str, args: Any, kwargs: Any, result: Any) -> Any:
        """Sizes and values read from a tensor: numbers that remember the call."""
        if name == "size" and isinstance(result, int) and len(args) + len(kwargs) == 2:
            axis = args[1] if len(args) > 1 else next(iter(kwargs.values()))
            shape = self.add("call_function", getattr, (args[0], "shape"), {})
            node = self.add("call_function", operator.getitem, (shape, plain(axis)), {})
            return self.remembered(result, node)
        if isinstance(result, torch.Size):
            node = self.add("call_function", getattr, (args[0], "shape"), {})
            node.meta["length"] = len(result)
            return torch.Size(self.items(node, result))
        node = self.add(*spelled(func, name, args, kwargs))
        if isinstance(result, (tuple, list)):
            found = site(node.meta["positions"][0]) if node.meta["positions"] else None
            if found is not None and found.unpacks:
                node.meta["length"] = len(result)
            items = type(result)(self.items(node, result))
            self.lists[id(items)] = (items, frozen(items), node)
            return items
        return self.remembered(result, node)

    def note_list(self, value: Any, node: fx.Node) -> None:
        """A module handed on a list of numbers: from here on it is the result of that module's call."""
        made, before, _ = self.lists.get(id(value), (None, None, None))
        if made is value:
            self.lists[id(value)] = (made, before, node)

    def list_node(self, value: Any) -> fx.Node | None:
        """The call that made a list of numbers, where the list is what it was: `best.tolist()`."""
        made, before, node = self.lists.get(id(value), (None, None, None))
        is_here = node is not None and node.graph is self.frame.graph
        return node if is_here and made is value and frozen(value) == before else None

    def remembered(self, value: Any, node: fx.Node) -> Any:
        """A number that remembers its node, and the node what it was in this run."""
        node.meta["value"] = value
        return traced(value, node, self)

    def items(self, node: fx.Node, values: Any) -> Iterator[Any]:
        if type(values) is list:
            node.meta["items"] = len(values)
        for index, value in enumerate(values):
            item = self.add("call_function", operator.getitem, (node, index), {})
            if isinstance(value, (list, tuple)):
                yield type(value)(self.items(item, value))
            else:
                yield self.remembered(value, item)

    def number(self, function: Callable[..., Any], args: tuple[Any, ...], value: Any) -> Any:
        """Arithmetic on traced numbers; a number of another run counts as its plain value."""
        if self.paused or not self.stack:
            return value
        if not any(isinstance(arg, Traced) and arg.owner is self for arg in flattened(args)):
            return value
        return self.remembered(value, self.add("call_function", function, args, {}))

    def is_of_nothing(self, tensor: Tensor) -> bool:
        """Whether a tensor was made by a call that was given none: `torch.zeros(b, 4)`."""
        node = self.known(tensor, self.frame)
        if node is None:
            return id(tensor) in self.made
        operands = [operand for operand in node.all_input_nodes if "val" in operand.meta]
        return node.op == "call_function" and not operands

    def note_array(self, found: Handed | None) -> None:
        """A tensor handed out an array, which may be returned."""
        if found is not None:
            self.arrays[id(found.array)] = found

    def array(self, value: Any) -> Any:
        """An array that is returned, as the call that handed it out; a number of numpy's as Python's."""
        found = self.arrays.get(id(value))
        if found is None and (self.gave_to_numpy or value.dtype.kind not in "biufc"):
            raise refuse_array(value, next(reversed(self.arrays.values()), None))
        if found is None and type(value).__name__ != "ndarray":
            return value.item()
        if found is None:  # as a constant, which every call hands out
            with self.pause(), torch._C.DisableTorchFunction():
                found = Handed(value, torch.from_numpy(value.copy()), {}, ())
            self.made.add(id(found.tensor))
            self.keep_alive.append(found.tensor)
        if is_only_returned(found.positions):
            self.reads = [read for read in self.reads if read.sites != found.positions]
        node = self.add("call_method", "numpy", (found.tensor,), dict(found.arguments))
        node.meta["positions"] = found.positions
        return node

    @contextmanager
    def running(self) -> Iterator[None]:
        """Record what runs inside: torch calls, einops calls, arithmetic on sizes, notes of rules."""
        active = ACTIVE.set(self)
        listening = notes.listener.set(self)
        self.grad_mode = torch.is_grad_enabled()
        try:
            with self, stand_ins():
                yield
        finally:
            notes.listener.reset(listening)
            ACTIVE.reset(active)

    # -- notes of rules ------------------------------------------------------------------------

    def named(self, value: Any, name: str) -> None:
        node = self.value_node(value)
        if node is not None:
            node.meta["name"] = name

    def remark(self, value: Any, text: str) -> None:
        node = self.value_node(value)
        if node is not None:
            node.meta["remark"] = text

    def part(self, text: str) -> None:
        """A recording has no lines to head."""

    def moves(self, x: Tensor, dim: int) -> bool:
        """One run cannot tell."""
        return True

    def always_equal(self, a: int, b: int) -> bool:
        return not isinstance(a, Traced) and not isinstance(b, Traced) and a == b

    def is_zero(self, x: Tensor) -> bool:
        return False

    def counts(self, x: Tensor, example: list[int]) -> list[int] | None:
        """Numbers that are data are followed by those who can write a loop."""
        return None

    def backwards(self, values: Sequence[Any]) -> Sequence[Any]:
        return values[::-1]


def operands(expression: Any) -> tuple[ast.expr, ast.expr] | None:
    """Both sides of `a + b` and of `a += b`."""
    match expression:
        case ast.BinOp(left=left, right=right) | ast.AugAssign(target=left, value=right):
            return left, right
    return None


def flattened(args: tuple[Any, ...]) -> Iterator[Any]:
    """Arguments, and those in tuples: `math.prod((h, w))`."""
    for arg in args:
        yield from arg if isinstance(arg, tuple) else (arg,)


def frozen(value: Any) -> Any:
    """Which objects a list holds, and the lists in it."""
    return tuple(map(frozen, value)) if isinstance(value, (tuple, list)) else id(value)
