"""One run of torch code → an fx graph of the calls it made, as they were made.

A `Recorder` is a `TorchFunctionMode`: every torch-level call becomes a node of the graph on top of
its stack, sizes become nodes too, and each node keeps the code positions that led to it. Modules
are
`recorder.modules`' business; this file knows functions, numbers and values.
"""

from __future__ import annotations

import ast
import builtins
import operator
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType, FrameType
from typing import Any

import einops
import torch
from torch import Tensor, fx
from torch.overrides import TorchFunctionMode, is_tensor_method_or_property

from unfoldify import notes
from unfoldify.errors import CaptureError
from unfoldify.recording.source import Position, site, users_place
from unfoldify.recording.stand_ins import stand_ins
from unfoldify.recording.traced import ACTIVE, Traced, plain, traced

TORCH_FOLDER = torch.__path__[0]
EINOPS_FOLDER = einops.__path__[0]

# Tensor methods that are operators in Python: whichever way they were written, the operator reads
# best.
OPERATORS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "true_divide": operator.truediv,
    "matmul": operator.matmul,
    "remainder": operator.mod,
    "floor_divide": operator.floordiv,
    "pow": operator.pow,
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "bitwise_and": operator.and_,
    "bitwise_or": operator.or_,
    "bitwise_xor": operator.xor,
    "bitwise_not": operator.invert,
    "neg": operator.neg,
    "__add__": operator.add,
    "__sub__": operator.sub,
    "__mul__": operator.mul,
    "__truediv__": operator.truediv,
    "__div__": operator.truediv,
    "__matmul__": operator.matmul,
    "__mod__": operator.mod,
    "__floordiv__": operator.floordiv,
    "__pow__": operator.pow,
    "__and__": operator.and_,
    "__or__": operator.or_,
    "__xor__": operator.xor,
    "__invert__": operator.invert,
    "__neg__": operator.neg,
    "__eq__": operator.eq,
    "__ne__": operator.ne,
    "__lt__": operator.lt,
    "__le__": operator.le,
    "__gt__": operator.gt,
    "__ge__": operator.ge,
    "__lshift__": operator.lshift,
    "__rshift__": operator.rshift,
}
REFLECTED: dict[str, Callable[..., Any]] = {
    "__radd__": operator.add,
    "__rsub__": operator.sub,
    "__rmul__": operator.mul,
    "__rdiv__": operator.truediv,
    "__rtruediv__": operator.truediv,
    "__rfloordiv__": operator.floordiv,
    "__rmod__": operator.mod,
    "__rpow__": operator.pow,
    "__rmatmul__": operator.matmul,
    "__rand__": operator.and_,
    "__ror__": operator.or_,
    "__rxor__": operator.xor,
}
UNARY = {operator.neg, operator.invert}
READS = {
    *("item", "tolist", "__bool__", "__int__", "__float__", "__index__", "__complex__", "equal"),
    *("allclose", "is_nonzero", "__contains__", "numpy", "__array__"),
}
DATA_NUMBERS = {"item", "tolist"}
SIZE_NUMBERS = {"size", "numel", "nelement", "stride", "storage_offset"}
# calls that only look: their results are Python's, and running them again would tell nothing
LOOKS = {
    *("dim", "ndimension", "get_device", "is_contiguous", "is_floating_point", "is_complex"),
    *("__repr__", "__hash__", "type", "retain_grad", "register_hook", "__format__", "__len__"),
    "element_size",
}
FROM_DATA = {"tensor", "as_tensor", "asarray", "from_numpy", "frombuffer"}
LARGEST_LITERAL = 32
RANDOM = (
    *("dropout", "rand", "normal", "bernoulli", "multinomial", "poisson", "exponential_"),
    *("uniform_", "rrelu", "gumbel", "cauchy_", "geometric_", "random_", "rnn", "lstm", "gru"),
    *("scaled_dot_product_attention", "multi_head_attention_forward", "checkpoint"),
)


@dataclass(frozen=True)
class Description:
    """What a rule has to know of a tensor without holding it."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device

    def meta(self) -> Tensor:
        """A tensor of this description that holds no data."""
        return torch.empty_strided(self.shape, self.stride, dtype=self.dtype, device="meta")


def describe(tensor: Tensor) -> Description:
    """The description of one tensor; sparse and nested ones have no strides and count as
    contiguous.
    """
    with torch._C.DisableTorchFunction():
        shape = tuple(tensor.shape)
        try:
            stride = tuple(tensor.stride())
        except (RuntimeError, NotImplementedError):
            stride = torch.empty(shape, device="meta").stride()
        return Description(shape, stride, tensor.dtype, tensor.device)


@dataclass(frozen=True)
class Read:
    """A tensor's value that Python looked at while the model ran: what it decided is fixed."""

    call: str
    value: Any
    sites: tuple[Position, ...]


@dataclass(frozen=True)
class AutogradCall:
    """Call target: `Cls.apply` of a user's autograd.Function."""

    cls: type

    @property
    def __name__(self) -> str:
        return self.cls.__name__

    def __call__(self, *args: Any) -> Any:
        return self.cls.apply(*args)  # type: ignore[attr-defined]


@dataclass(eq=False)
class Frame:
    """One graph under construction."""

    graph: fx.Graph
    values: dict[int, tuple[Any, fx.Node]] = field(
        default_factory=dict
    )  # id → (weak reference, node)
    layers: list[Any] = field(default_factory=list)  # layers being spelled out, innermost last


class Recorder(TorchFunctionMode):
    """Records what runs inside `with recorder:` into `recorder.frame.graph`."""

    boundary: frozenset[CodeType] = frozenset()  # frames at which a call's history ends

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[Frame] = []
        self.paused = 0
        self.reads: list[Read] = []
        self.made: set[int] = set()  # tensors made of data that is no tensor: constants
        self.keep_alive: list[Any] = []
        self.dtype_reads: list[tuple[torch.dtype, Any]] = []
        self.grad_mode = True

    @property
    def frame(self) -> Frame:
        return self.stack[-1]

    # -- calls ---------------------------------------------------------------------------------

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self.paused or not self.stack:
            return func(*args, **kwargs)
        return self.call(func, args, kwargs)

    def call(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run one torch call and record it."""
        tensors = list(tensors_in((args, kwargs)))
        self.refuse_transforms(func, tensors)
        versions = [version(tensor) for tensor in tensors]
        with self.pause():
            result = func(*plain_arguments(args), **plain_arguments(kwargs))
        name = call_name(func)
        mutated = tuple(
            tensor
            for tensor, before in zip(tensors, versions, strict=True)
            if version(tensor) != before
        )
        if name in LOOKS:
            return result
        if isinstance(result, torch.dtype) and name == "__get__":
            self.dtype_reads.append((result, args[0]))
            return result
        if name in READS and not mutated:
            self.reads.append(Read(name, plain_value(result), self.positions()))
            if name not in DATA_NUMBERS:
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

    def refuse_transforms(self, func: Any, tensors: list[Tensor]) -> None:
        """torch.vmap, torch.func.grad: their tensors stand for others, and no line says so."""
        if any(torch._C._functorch.is_functorch_wrapped_tensor(tensor) for tensor in tensors):
            raise CaptureError(
                f"{users_place(self.positions())}{call_name(func)} was called inside a torch.func "
                "transform (vmap, grad, jvp, ...), which cannot be written down call by call.\n"
                "Write that part of forward with plain tensor calls, or unfoldify the modules around it."
            )

    def note_dtype(self, node: fx.Node, args: Any, kwargs: Any) -> None:
        """Which value a dtype argument was read from, most likely: the last that was asked for this
        dtype.
        """
        for value in (*args, *kwargs.values()):
            if isinstance(value, torch.dtype):
                source = next((t for d, t in reversed(self.dtype_reads[-40:]) if d is value), None)
                found = self.known(source, self.frame) if isinstance(source, Tensor) else None
                if found is not None:
                    node.meta["dtype_from"] = found

    def distinct(self, result: Any, given: list[Tensor]) -> Any:
        """A call that hands its argument back made a value of its own: `x.float()` is not `x` in
        half precision.
        """
        if isinstance(result, Tensor) and any(result is tensor for tensor in given):
            with self.pause(), torch._C.DisableTorchFunction():
                return result.view_as(result)
        return result

    def as_ordered(self, name: str, args: Any) -> Any:
        """The operands of `2 * x` in the user's order: torch sees them swapped."""
        if name not in ("add", "mul") or len(args) != 2 or isinstance(args[1], Tensor):
            return args
        frame: FrameType | None = sys._getframe(3)
        while frame is not None and is_machinery(frame.f_code.co_filename):
            frame = frame.f_back
        found = site((frame.f_code, frame.f_lasti)) if frame is not None else None
        left = (
            found.expression.left
            if found is not None and isinstance(found.expression, ast.BinOp)
            else None
        )
        if isinstance(left, ast.Constant) or (
            isinstance(left, ast.Name)
            and frame is not None
            and frame.f_locals.get(left.id) is args[1]
        ):
            return args[1], args[0]
        return args

    def sees(self, values: Any) -> bool:
        """Whether calls with these values are being recorded."""
        return not self.paused and bool(self.stack) and any(True for _ in tensors_in(values))

    def autograd_call(self, cls: Any, call: Any, args: Any, kwargs: Any) -> Any:
        """A custom autograd.Function: its backward is part of it, so it stays whole."""
        with self.pause(), torch._C.DisableTorchFunction():
            result = call(*plain_arguments(args), **plain_arguments(kwargs))
        node = self.add("call_function", AutogradCall(cls), args, kwargs)
        self.bind(result, node)
        return result

    def einops_call(self, function: Any, args: Any, kwargs: Any) -> Any:
        """Run one call of einops and record it whole."""
        with self.pause(), torch._C.DisableTorchFunction():
            result = function(*plain_arguments(args), **plain_arguments(kwargs))
        node = self.add("call_function", function, args, kwargs)
        self.bind(result, node)
        return result

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
            return type(result)(self.items(node, result))
        return self.remembered(result, node)

    def remembered(self, value: Any, node: fx.Node) -> Any:
        """A number that remembers its node, and the node what it was in this run."""
        node.meta["value"] = value
        return traced(value, node, self)

    def items(self, node: fx.Node, values: Any) -> Iterator[Any]:
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
        if not any(isinstance(arg, Traced) and arg.owner is self for arg in args):
            return value
        return self.remembered(value, self.add("call_function", function, args, {}))

    # -- nodes ---------------------------------------------------------------------------------

    def add(self, op: str, target: Any, args: Any, kwargs: Any) -> fx.Node:
        """One node, its arguments translated from values to nodes."""
        nodes = self.to_nodes(args)
        named = self.to_nodes(kwargs)
        node = self.frame.graph.create_node(op, target, nodes, named)
        node.meta["positions"] = self.positions()
        if self.frame.layers:
            node.meta["layer"] = self.frame.layers[-1]
        if torch.is_grad_enabled() != self.grad_mode:
            node.meta["grad"] = torch.is_grad_enabled()
        return node

    def bind(self, result: Any, node: fx.Node) -> None:
        """Remember which node made a tensor, through tuples, lists and dicts."""
        if isinstance(result, Tensor):
            node.meta["val"] = describe(result)
            self.note_alias(result, node)
            self.remember(result, node)
        elif isinstance(result, (tuple, list)):
            node.meta["length"] = len(result)
            fields = return_fields(result)
            for index, item in enumerate(result):
                if not any(True for _ in tensors_in(item)):
                    continue
                if fields:
                    inner = self.add("call_function", getattr, (node, fields[index]), {})
                else:
                    inner = self.add("call_function", operator.getitem, (node, index), {})
                inner.meta["item"] = index
                self.bind(item, inner)
        elif isinstance(result, dict):
            for key, item in result.items():
                if any(True for _ in tensors_in(item)):
                    self.bind(item, self.add("call_function", operator.getitem, (node, key), {}))

    def note_alias(self, tensor: Tensor, node: fx.Node) -> None:
        """Which other value a tensor shares its memory with, as far as autograd knows."""
        earlier = self.known(tensor, self.frame)
        with torch._C.DisableTorchFunction():
            base = tensor._base
        if earlier is not None and earlier is not node:
            node.meta["alias"] = earlier
        elif base is not None:
            node.meta["alias"] = self.known(base, self.frame)
        elif node.target in ("detach", "view_as") or node.args[1:2] == ("data",):
            node.meta["alias"] = node.args[0]

    def remember(self, tensor: Tensor, node: fx.Node) -> None:
        self.frame.values[id(tensor)] = (weakref.ref(tensor), node)

    def known(self, tensor: Tensor, frame: Frame) -> fx.Node | None:
        """The node of a tensor in one frame; an id that was given away to a newer tensor does not
        count.
        """
        entry = frame.values.get(id(tensor))
        return entry[1] if entry is not None and entry[0]() is tensor else None

    def node_of(self, tensor: Tensor) -> fx.Node:
        """The node that stands for a tensor in the current frame."""
        node = self.known(tensor, self.frame)
        return node if node is not None else self.missing(tensor)

    def missing(self, tensor: Tensor) -> fx.Node:
        """What to do with a tensor that no recorded call made."""
        raise CaptureError(f"a {tuple(tensor.shape)} tensor was made by no recorded call")

    def node_of_number(self, number: Any) -> Any:
        """The node of a traced number, or its plain value where it comes from another run."""
        if number.owner is not self or number.node.graph is not self.frame.graph:
            return plain(number)
        return number.node

    def to_nodes(self, value: Any) -> Any:
        """Values → what an fx node takes: tensors and traced numbers become nodes."""
        if isinstance(value, fx.Node):
            return value
        if isinstance(value, Tensor):
            return self.node_of(value)
        if isinstance(value, Traced):
            return self.node_of_number(value)
        if isinstance(value, torch.Size):
            items = tuple(self.to_nodes(item) for item in value)
            return whole_shape(items) or items
        if type(value) in (tuple, list):
            return type(value)(self.to_nodes(item) for item in value)
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return tuple(self.to_nodes(item) for item in value)
        if isinstance(value, dict):
            return {key: self.to_nodes(item) for key, item in value.items()}
        if isinstance(value, slice):
            return slice(
                self.to_nodes(value.start), self.to_nodes(value.stop), self.to_nodes(value.step)
            )
        if (
            type(value).__module__ == "numpy"
            and getattr(value, "ndim", 1) == 0
            and hasattr(value, "item")
        ):
            return value.item()
        return value

    # -- where we are --------------------------------------------------------------------------

    def positions(self) -> tuple[Position, ...]:
        """The code positions that led here, innermost first, up to the frame that started the run."""
        found: list[Position] = []
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code not in self.boundary:
            if not is_machinery(frame.f_code.co_filename):
                found.append((frame.f_code, frame.f_lasti))
            frame = frame.f_back
        return tuple(found)

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Run torch as it is: nothing inside is recorded."""
        token = ACTIVE.set(None)
        self.paused += 1
        try:
            yield
        finally:
            self.paused -= 1
            ACTIVE.reset(token)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Record what runs inside: torch calls, einops calls, arithmetic on sizes, notes of rules."""
        active = ACTIVE.set(self)
        listening = notes.listener.set(self)  # type: ignore[arg-type]  # `divides` may be missing
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

    def value_node(self, value: Any) -> fx.Node | None:
        if isinstance(value, Tensor) and self.stack:
            return self.known(value, self.frame)
        return value.node if isinstance(value, Traced) else None


# -- spelling a call -------------------------------------------------------------------------------


def spelled(func: Any, name: str, args: Any, kwargs: Any) -> tuple[str, Any, Any, Any]:
    """A torch call as an fx node would have it: (op, target, args, kwargs)."""
    if name == "__get__":
        return "call_function", getattr, (args[0], func.__self__.__name__), {}
    if name == "__set__":
        return "call_function", setattr, (args[0], func.__self__.__name__, args[1]), {}
    if name == "__getitem__":
        return "call_function", operator.getitem, args, {}
    if name == "__setitem__":
        return "call_function", operator.setitem, args, {}
    if is_method(func):
        if name in OPERATORS and not kwargs and len(args) == (1 if OPERATORS[name] in UNARY else 2):
            return "call_function", OPERATORS[name], args, {}
        if name in REFLECTED and not kwargs and len(args) == 2:
            return "call_function", REFLECTED[name], (args[1], args[0]), {}
        return "call_method", name, args, kwargs
    return "call_function", func, args, kwargs


@lru_cache(maxsize=4096)
def is_method(func: Any) -> bool:
    """Whether a torch callable is a method of Tensor."""
    return (
        bool(is_tensor_method_or_property(func)) or getattr(Tensor, call_name(func), None) is func
    )


def call_name(func: Any) -> str:
    return getattr(func, "__name__", type(func).__name__)


def return_fields(result: Any) -> tuple[str, ...]:
    """The field names of a torch.return_types value, in order."""
    if type(result).__module__ != "torch.return_types":
        return ()
    return tuple(name for name in type(result).__match_args__)


def whole_shape(items: tuple[Any, ...]) -> fx.Node | None:
    """The node of `x.shape` where the items are all its sizes in order."""
    if not items or not all(
        isinstance(item, fx.Node) and item.target is operator.getitem for item in items
    ):
        return None
    shapes = {item.args[0] for item in items}
    shape = shapes.pop()
    if shapes or not isinstance(shape, fx.Node) or shape.meta.get("length") != len(items):
        return None
    return shape if [item.args[1] for item in items] == list(range(len(items))) else None


# -- values ----------------------------------------------------------------------------------------


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors inside tuples, lists, dicts and slices, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors_in(item)
    elif isinstance(value, slice):
        yield from tensors_in((value.start, value.stop, value.step))


def is_data(args: Any) -> bool:
    """Whether a tensor is made of numbers that are too many to be written out, or of an array."""
    data = args[0] if args else None
    if type(data).__module__ == "numpy":
        return bool(getattr(data, "ndim", 0))
    return isinstance(data, (list, tuple)) and count(data) > LARGEST_LITERAL


def count(data: Any) -> int:
    """How many numbers a nested list holds; none that remembers where it came from."""
    if isinstance(data, (list, tuple)):
        counts = [count(item) for item in data]
        return -1 if -1 in counts else sum(counts)
    return -1 if isinstance(data, (Traced, Tensor)) else 1


def unique(tensors: tuple[Tensor, ...]) -> list[Tensor]:
    return list({id(tensor): tensor for tensor in tensors}.values())


def version(tensor: Tensor) -> int:
    """How often a tensor was changed in place; tensors of inference mode do not count."""
    try:
        return tensor._version
    except RuntimeError:
        return 0


def plain_arguments(value: Any) -> Any:
    """Arguments without traced numbers, rebuilding only what holds one."""
    if isinstance(value, Traced):
        return plain(value)
    if isinstance(value, slice):
        return slice(*(plain_arguments(item) for item in (value.start, value.stop, value.step)))
    if isinstance(value, torch.Size):
        return torch.Size(plain(item) for item in value)
    if type(value) in (tuple, list):
        return type(value)(plain_arguments(item) for item in value)
    if type(value) is dict:
        return {key: plain_arguments(item) for key, item in value.items()}
    return value


def plain_value(value: Any) -> Any:
    return (
        plain(value)
        if isinstance(value, (bool, int, float, complex, str))
        else type(value).__name__
    )


@lru_cache(maxsize=4096)
def is_machinery(filename: str) -> bool:
    """Whether a file is torch's, einops' or the recorder's own: no words of the user in there."""
    own = __file__.rsplit("/", 2)[0]  # the package's folder
    return (
        filename.startswith((TORCH_FOLDER, EINOPS_FOLDER, "<frozen", "<string>"))
        or (filename.startswith(own) and "/rules/" not in filename)
        or filename == builtins.__dict__.get("__file__", "")
        or filename.endswith(("/contextlib.py", "/functools.py"))
    )


def is_random(node: fx.Node) -> bool:
    """Whether a call may draw random numbers: such calls keep their order."""
    name = node.target if isinstance(node.target, str) else call_name(node.target)
    return node.op != "get_attr" and any(part in name for part in RANDOM)
