"""What is called by other names while a model is recorded: calls that torch keeps from being seen.

einops calls and packed sequences stay whole, checkpoints run what they guard, scripted functions run
their Python, a custom autograd.Function is one call, `torch.FloatTensor(...)` is
`torch.tensor(...)`, seeds are set in the file as well, numbers of `torch.finfo(dtype)` and
`math.sqrt(size)` say where they come from. Whoever imported these by name calls the stand-in
meanwhile. A user's copy of a torch function is told that nobody overrides it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import CodeType, FunctionType, MethodType
from typing import Any

import einops
import torch
import torch.nn.functional as F
import torch.utils.checkpoint
from torch import nn, overrides
from torch.nn.utils import rnn

from unfoldify.recording.numbers.arithmetic import recorded_mathematics
from unfoldify.recording.numbers.limits import recorded_finfo
from unfoldify.recording.numbers.traced import ACTIVE
from unfoldify.recording.old_tensors import OLD_TYPES
from unfoldify.recording.random_state import recorded_seeding
from unfoldify.recording.transforms import recorded_transforms
from unfoldify.recording.transforms.jacobian import held_jacobians

PACKING = (rnn.pack_padded_sequence, rnn.pad_packed_sequence, rnn.pack_sequence)
EINOPS_CALLS = ("rearrange", "reduce", "repeat", "einsum", "pack", "unpack")
OVERRIDDEN = (
    overrides.has_torch_function,
    overrides.has_torch_function_unary,
    overrides.has_torch_function_variadic,
)
PATCHED: ContextVar[dict[int, Callable[..., Any]] | None] = ContextVar("PATCHED", default=None)


@contextmanager
def stand_ins() -> Iterator[None]:
    """Put the stand-ins in place, in every module that holds the originals; once, however deep."""
    if PATCHED.get() is not None:
        yield
        return
    originals = replacements()
    token = PATCHED.set(originals)
    changed = list(put_in_place(originals))
    apply = torch.autograd.Function.__dict__["apply"].__func__
    code = apply.__code__
    original = FunctionType(code, apply.__globals__, "apply", apply.__defaults__, apply.__closure__)
    apply.__code__, apply.__kwdefaults__ = (
        recorded_code(),
        {"recorded": recorded_function(original)},
    )
    try:
        with held_jacobians():
            yield
    finally:
        apply.__code__, apply.__kwdefaults__ = code, original.__kwdefaults__
        for names, name, value in changed:
            names[name] = value
        PATCHED.reset(token)


def replacements() -> dict[int, Callable[..., Any]]:
    """id of an original → its stand-in."""
    found: dict[int, Callable[..., Any]] = {
        id(function): recorded_whole(function)
        for function in (getattr(einops, name, None) for name in EINOPS_CALLS)
        if function is not None
    }
    found.update((id(function), recorded_whole(function)) for function in PACKING)
    found[id(torch.utils.checkpoint.checkpoint)] = checkpointed
    found[id(torch.from_numpy)] = tensor_of_array(torch.from_numpy)
    found[id(torch.finfo)] = recorded_finfo(torch.finfo)
    found.update((id(function), call) for function, call in recorded_mathematics())
    if "numpy" in sys.modules:
        from unfoldify.recording import followed_arrays

        found.update((id(function), call) for function, call in followed_arrays.stand_ins())
    found.update((id(function), call) for function, call in recorded_seeding())
    found.update((id(function), call) for function, call in recorded_transforms())
    found.update((id(old.original), old) for old in OLD_TYPES)
    found.update((id(asked), overridden(asked)) for asked in OVERRIDDEN)
    return found


def stays(value: Any, label: str) -> bool:
    """Whether a module keeps an original: torch's own ask for themselves whether they are overridden,
    but for the one where users find the question.
    """
    return value in OVERRIDDEN and label != F.__name__ and label.split(".")[0] == "torch"


def put_in_place(
    originals: dict[int, Callable[..., Any]],
) -> Iterator[tuple[dict[str, Any], str, Any]]:
    for module in list(sys.modules.values()):
        names = getattr(module, "__dict__", None)
        label = getattr(module, "__name__", None) or ""
        if not isinstance(names, dict) or label.startswith(
            ("einops.", "unfoldify.recording.stand_ins")
        ):
            continue
        for name, value in list(names.items()):
            stand_in = originals.get(id(value))
            if stand_in is None and type(value) is torch._C.ScriptFunction:
                stand_in = getattr(value, "_torchdynamo_inline", None)
            if stand_in is not None and callable(value) and not stays(value, label):
                yield names, name, value
                names[name] = stand_in


@contextmanager
def stand_ins_held(model: nn.Module) -> Iterator[None]:
    """Put the stand-ins in place of what modules and their classes hold: `self.Tensor =
    torch.FloatTensor`.
    """
    changed: list[tuple[dict[str, Any] | type, str, Any]] = []
    classes = {cls for module in model.modules() for cls in type(module).__mro__ if is_users(cls)}
    holders: list[Any] = [
        *(vars(module) for module in model.modules() if is_users(type(module))),
        *classes,
    ]
    for holder in holders:
        names = vars(holder) if isinstance(holder, type) else holder
        for name, value in list(names.items()):
            stand_in = (PATCHED.get() or {}).get(id(value))
            is_held = isinstance(value, type) or (callable(value) and names is holder)
            if stand_in is not None and is_held:  # of a class, a function would be a method
                changed.append((holder, name, value))
                put(holder, name, stand_in)
    try:
        yield
    finally:
        for holder, name, value in changed:
            put(holder, name, value)


def is_users(cls: type) -> bool:
    return cls.__module__.split(".")[0] not in ("torch", "builtins")


def put(holder: dict[str, Any] | type, name: str, value: Any) -> None:
    if isinstance(holder, type):
        setattr(holder, name, value)
    else:
        holder[name] = value


def recorded_whole(function: Callable[..., Any]) -> Callable[..., Any]:
    """One call, whatever the function does inside."""

    def call(*args: Any, **kwargs: Any) -> Any:
        recorder: Any = ACTIVE.get()
        if recorder is None or not recorder.sees((args, kwargs)):
            return function(*args, **kwargs)
        return recorder.whole_call(function, args, kwargs)

    call.__name__ = function.__name__
    call.__wrapped__ = function  # type: ignore[attr-defined]
    return call


def overridden(original: Callable[..., bool]) -> Callable[..., bool]:
    """Whether a function is overridden: torch's own are, by the recorder, and a user's are not.

    Copies of torch's functions, `multi_head_attention_forward` above all, begin with the question.
    """

    def has_torch_function(*arguments: Any) -> bool:
        if str(sys._getframe(1).f_globals.get("__name__")).split(".")[0] == "torch":
            return original(*arguments)
        return any(map(is_of_a_users_class, flattened(arguments)))

    return has_torch_function


def flattened(arguments: Any) -> Iterator[Any]:
    for argument in arguments:
        yield from argument if isinstance(argument, (tuple, list)) else (argument,)


def is_of_a_users_class(value: Any) -> bool:
    """Whether a value says itself what torch's functions do with it."""
    say = getattr(type(value), "__torch_function__", None)
    torchs = (None, torch._C._disabled_torch_function_impl, torch.Tensor.__torch_function__)
    return getattr(say, "__func__", say) not in [getattr(own, "__func__", own) for own in torchs]


def tensor_of_array(function: Callable[..., Any]) -> Callable[..., Any]:
    """`torch.from_numpy`, which no mode sees: a constant, unless numpy was given a tensor before."""

    def from_numpy(array: Any) -> Any:
        recorder: Any = ACTIVE.get()
        followed = recorder.followed(array) if recorder is not None else None
        if followed is not None:
            return followed
        tensor = function(array)
        if recorder is not None and recorder.is_recording() and not recorder.gave_to_numpy:
            recorder.made.add(id(tensor))
            recorder.keep_alive.append(tensor)
        return tensor

    return from_numpy


def recorded_function(original: FunctionType) -> Callable[..., Any]:
    """`apply` of autograd functions: the user's own are one call, torch's run as they are."""

    def apply(cls: Any, args: Any, kwargs: Any) -> Any:
        call = MethodType(original, cls)
        recorder: Any = ACTIVE.get()
        if cls.__name__ == "ModIndex" and recorder is not None and recorder.sees(args):
            return args[0][tuple(args[1])]  # by this, `x[i]` takes an index that is mapped
        if recorder is None or cls.__module__.startswith("torch.") or not recorder.sees(args):
            return call(*args, **kwargs)
        return recorder.autograd_call(cls, call, args, kwargs)

    return apply


def recorded_code() -> CodeType:
    """What `Function.apply` does meanwhile, whoever holds it: `swish = Swish.apply` was bound before.

    Torch's own code has one free variable, `__class__`, and so must what stands in for it.
    """
    __class__: Any = None

    def apply(cls: Any, *args: Any, recorded: Any, **kwargs: Any) -> Any:
        _ = __class__
        return recorded(cls, args, kwargs)

    return apply.__code__


OF_CHECKPOINT = {"use_reentrant", "context_fn", "determinism_check", "debug", "early_stop"}


def checkpointed(function: Any, *args: Any, **kwargs: Any) -> Any:
    """A checkpoint computes what its function computes."""
    ours = OF_CHECKPOINT | {"preserve_rng_state"}
    return function(*args, **{key: value for key, value in kwargs.items() if key not in ours})
