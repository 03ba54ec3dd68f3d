"""A model that comes back exactly as it was, whatever was done with it in between."""

from __future__ import annotations

import collections
import contextlib
import io
import random
import sys
import types
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from unfoldify.remembered import forgetting

Restore = Callable[[], object]
_CONTAINERS = (dict, list, set, collections.deque)
_LEFT_ALONE = (
    *(type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType),
    *(str, bytes, int, float, complex, torch.dtype, torch.device, torch.Size, type(None)),
)
_ENTERED = {"types", "functools", "collections"}  # of the standard library; not loggers, locks, ...


@contextlib.contextmanager
def preserved(*models: nn.Module, values: bool = True) -> Iterator[tuple[Snapshot, ...]]:
    """Puts back the models' attributes, state, modes and hooks, and the random streams.

    With `values=False` the numbers in tensors are not copied first: for callers that point every
    parameter and buffer at other memory before they run anything.
    """
    snapshots = tuple(Snapshot(model, values=values) for model in models)
    streams = random_streams()
    try:
        with forgetting(*models):
            yield snapshots
    finally:
        for snapshot in snapshots:
            snapshot.restore()
        streams()


class Snapshot:
    """What a model was: every object that it holds, and what these held."""

    def __init__(self, model: nn.Module, *, values: bool = True) -> None:
        self._tensors: list[_TensorState] = []
        self._rest: list[Restore] = []
        self._seen: dict[int, Any] = {}  # an id is only good while its object lives
        self._values = values
        waiting: list[Any] = [model]
        while waiting:
            held = waiting.pop()
            if isinstance(held, _LEFT_ALONE) or id(held) in self._seen:
                continue
            self._seen[id(held)] = held
            waiting.extend(self._note(held))

    @property
    def tensors(self) -> list[Tensor]:
        """Every tensor that the model holds, in whatever attribute, list or object."""
        return [state.tensor for state in self._tensors]

    def restore(self, *, thorough: bool = True) -> None:
        """Puts everything back; without `thorough`, parameters only if torch counted a write."""
        for put_back in self._rest:
            put_back()
        for tensor in self._tensors:
            tensor.restore(thorough)

    def _note(self, held: Any) -> list[Any]:
        if isinstance(held, Tensor):
            if is_lazy(held):  # of a layer that is never called: it holds nothing
                return []
            self._tensors.append(_TensorState.of(held, self._values))
            return [held.grad] if held.is_leaf and held.grad is not None else []
        if isinstance(held, torch.jit.ScriptModule):
            modes = [(part, part.training) for part in held.modules()]
            self._rest += [partial(setattr, part, "training", mode) for part, mode in modes]
            return [*held.parameters(), *held.buffers()]
        if isinstance(held, _CONTAINERS):
            self._rest.append(_container(held))
            return list(held.values()) if isinstance(held, dict) else list(held)
        if isinstance(held, tuple):
            return list(held)
        stream = _stream(held)
        if stream is not None:
            self._rest.append(stream)
            return []
        attributes = getattr(held, "__dict__", None)
        home = type(held).__module__.partition(".")[0]
        if not isinstance(attributes, dict) or home in sys.stdlib_module_names - _ENTERED:
            return []
        self._rest.append(_class(held, type(held)))
        return [attributes]


def _container(held: Any) -> Restore:
    before = list(held.items()) if isinstance(held, dict) else list(held)
    base = collections.OrderedDict if isinstance(held, collections.OrderedDict) else dict

    def put_back() -> None:
        if isinstance(held, dict):  # by the base's methods: a subclass may have its own ideas
            if not _identical(_flat(held.items()), _flat(before)):
                base.clear(held)
                base.update(held, before)
        elif not _identical(list(held), before):
            held.clear()
            (held.update if isinstance(held, set) else held.extend)(before)

    return put_back


def _identical(a: list[Any], b: list[Any]) -> bool:
    return len(a) == len(b) and all(x is y for x, y in zip(a, b, strict=True))


def _flat(pairs: Iterable[tuple[Any, Any]]) -> list[Any]:
    return [x for pair in pairs for x in pair]


def _class(held: Any, cls: type) -> Restore:
    def put_back() -> None:
        if type(held) is not cls:
            held.__class__ = cls

    return put_back


def _stream(held: Any) -> Restore | None:
    """How to put back a generator or a numpy array; None for anything else."""
    if isinstance(held, torch.Generator):
        return partial(held.set_state, held.get_state())
    if isinstance(held, random.Random):
        return partial(held.setstate, held.getstate())
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return None
    if isinstance(held, numpy.random.RandomState):
        return partial(held.set_state, held.get_state())
    if isinstance(held, numpy.random.Generator):
        return partial(setattr, held.bit_generator, "state", held.bit_generator.state)
    if isinstance(held, numpy.ndarray) and held.flags.writeable:
        return partial(numpy.copyto, held, held.copy())
    return None


@dataclass(frozen=True)
class _TensorState:
    tensor: Tensor
    alias: Tensor | None  # the same storage: the tensor may be pointed at another one meanwhile
    copy: Tensor | None
    grad: Tensor | None
    requires_grad: bool
    version: int

    @classmethod
    def of(cls, tensor: Tensor, values: bool) -> _TensorState:
        plain = type(tensor) in (Tensor, nn.Parameter, nn.Buffer) and tensor.layout is torch.strided
        alias = tensor.data if plain else None
        unwritten = alias is None or tensor.is_meta or not values
        copy = None if alias is None or unwritten else unexpanded(alias).clone()
        grad = tensor.grad if tensor.is_leaf else None
        return cls(tensor, alias, copy, grad, tensor.requires_grad, _version(tensor))

    def restore(self, thorough: bool) -> None:
        tensor, alias = self.tensor, self.alias
        if alias is not None and not _same_place(tensor, alias):
            tensor.data = alias
        # batch normalisation writes its running statistics uncounted: buffers are always compared
        thorough = thorough or not isinstance(tensor, nn.Parameter)
        if alias is not None and self.copy is not None:
            written = thorough or _version(tensor) != self.version
            if written and not same_bits(unexpanded(alias), self.copy):
                unexpanded(alias).copy_(self.copy)
        if tensor.is_leaf:
            if tensor.requires_grad != self.requires_grad:
                tensor.requires_grad_(self.requires_grad)
            if tensor.grad is not self.grad:
                tensor.grad = self.grad


def _version(tensor: Tensor) -> int:
    return -1 if tensor.is_inference() else tensor._version


def _same_place(a: Tensor, b: Tensor) -> bool:
    return (
        a.dtype == b.dtype
        and a.device == b.device
        and a.shape == b.shape
        and a.stride() == b.stride()
        and (a.is_meta or a.data_ptr() == b.data_ptr())
    )


def same_bits(a: Tensor, b: Tensor) -> bool:
    """Equal to the last bit: NaN equals NaN, and 0.0 is not -0.0."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    words = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}.get(a.element_size())
    if a.is_complex():
        return same_bits(torch.view_as_real(a.resolve_conj()), torch.view_as_real(b.resolve_conj()))
    return torch.equal(a.view(words), b.view(words)) if words else torch.equal(a, b)


def unexpanded(tensor: Tensor, like: Tensor | None = None) -> Tensor:
    """The tensor without the axes that repeat memory (of `like`), which torch does not write to."""
    for axis, stride in enumerate((tensor if like is None else like).stride()):
        if stride == 0 and tensor.shape[axis] > 1:
            tensor = tensor.narrow(axis, 0, 1)
    return tensor


def random_streams() -> Restore:
    """A function that puts the random streams of torch, numpy and Python back to this point."""
    cpu, python = torch.get_rng_state(), random.getstate()
    cuda = torch.cuda.get_rng_state_all() if _cuda_in_use() else None
    numpy = sys.modules.get("numpy")
    legacy = numpy.random.get_state() if numpy is not None else None

    def put_back() -> None:
        torch.set_rng_state(cpu)
        random.setstate(python)
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)
        if numpy is not None:
            numpy.random.set_state(legacy)

    return put_back


def _cuda_in_use() -> bool:
    return torch.cuda.is_available() and bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


def seed_everything(seed: int) -> None:
    """The same start for the random streams of torch, numpy and Python."""
    torch.manual_seed(seed)
    random.seed(seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(seed % 2**32)


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Swallows what the user's model prints and warns: it runs here more often than was asked."""
    sink = io.StringIO()
    quiet = contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink)
    with quiet[0], quiet[1], warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def uncompiled() -> Iterator[None]:
    """What `torch.compile` was given runs as it is written."""
    compiles = "torch._dynamo" in sys.modules
    with torch.compiler.set_stance("force_eager") if compiles else contextlib.nullcontext():
        yield
