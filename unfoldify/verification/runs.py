"""One run of a model: what it returns, its gradients, and what it leaves in its buffers."""

from __future__ import annotations

import contextlib
import time
import traceback
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from unfoldify import nesting
from unfoldify.preserve import preserved, seed_everything, silenced, uncompiled, unexpanded
from unfoldify.recording.causal_masks import masks_as_told
from unfoldify.recording.exits import exits_seen
from unfoldify.recording.values import literal
from unfoldify.verification.named_types import Says
from unfoldify.verification.precision import Double, InOrder
from unfoldify.verification.redraw import WIDE, is_plain, pointed_at, relaid, state_tensors

_UNUSUAL = 0x5EED  # where models set a seed themselves, they do not set this one


@dataclass(frozen=True)
class Call:
    """Arguments, and the model whose `forward` names them: both models' inputs go by its names."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    names: nn.Module


@dataclass(frozen=True)
class Setting:
    """How a model is run; the two that are compared run under the same one."""

    training: bool = False
    wide: bool = True  # in float64
    says: torch.dtype | None = None  # the type that values name then, where it is not float64
    gradients: bool = True
    thaw: bool = True  # gradients also of parameters that ask for none
    thaw_inputs: bool = True  # and of inputs that ask for none
    leaves: bool = False  # inputs are leaves, for the model to ask for their gradients itself
    nudge: float = 0.0  # weights and inputs are moved by this part of themselves
    nudge_seed: int = 0
    seed: int = 0
    calls: int = 1  # how often the model is called; the last call is looked at
    watch: Callable[[], AbstractContextManager[Any]] = nullcontext


@dataclass(frozen=True)
class Run:
    """What came out, by path; `failure` is the error's text where nothing did."""

    outline: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    gradients: Mapping[str, Tensor | None] = field(default_factory=dict)
    buffers: Mapping[str, Tensor] = field(default_factory=dict)
    written: frozenset[str] = frozenset()  # inputs that the model changed in place
    failure: str | None = None
    backward_failure: str | None = None
    seconds: float = 0.0
    effort: float = 0.0  # seconds, as far as calls and elements tell


def run(model: nn.Module, call: Call, state: Mapping[str, Tensor], setting: Setting) -> Run:
    """Runs the model once with `state` in its parameters and buffers; it stays as it was."""
    start = time.monotonic()
    with (
        preserved(model, values=False) as (snapshot,),
        silenced(),
        _as_written(),
        _own_memory(model, state, setting, snapshot.tensors),
    ):
        found = _run(model, call, setting)
    return replace(found, seconds=time.monotonic() - start)


def _run(model: nn.Module, call: Call, setting: Setting) -> Run:
    model.train(setting.training)
    sources = _parameters(model, setting)
    given = _Inputs(setting)
    args, kwargs = nesting.rebuilt_call(call.names, call.args, call.kwargs, given.own)
    failure, gradients = None, {}
    mode = Double() if setting.wide else InOrder()
    with (
        mode,
        Says(setting.says) if setting.wide and setting.says is not None else nullcontext(),
        setting.watch(),
        torch.set_grad_enabled(setting.gradients),
    ):
        try:
            for _ in range(setting.calls - 1):
                before = _Inputs(replace(setting, nudge=0.5, nudge_seed=1))
                first = nesting.rebuilt_call(call.names, call.args, call.kwargs, before.own)
                seed_everything(_UNUSUAL + setting.seed)
                model(*first[0], **first[1])
            seed_everything(_UNUSUAL + setting.seed)
            with exits_seen():
                value = model(*args, **kwargs)
        except Exception as error:
            return Run(failure=described(error))
        outputs = dict(nesting.walk(value, "output"))
        outline = nesting.outline(value, "output")
        ends = {path: t for path, t in outputs.items() if not in_object(path, outline)}
        try:
            ours = sources | given.learning()
            gradients = _gradients(ends, ours) if setting.gradients else {}
        except Exception as error:
            failure = described(error)
    return Run(
        outline=outline,
        outputs={path: _kept(x) for path, x in outputs.items()},
        gradients=gradients,
        buffers={name: b.detach().clone() for name, b in model.named_buffers() if is_plain(b)},
        written=given.written(),
        backward_failure=failure,
        effort=mode.effort,
    )


class _Inputs:
    """The run's own copies of the inputs: leaves for gradients, and what the model is given."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.generator = torch.Generator().manual_seed(setting.nudge_seed)
        self.leaves: dict[str, Tensor] = {}
        self.tensors: dict[str, tuple[Tensor, int]] = {}

    def own(self, path: str, tensor: Tensor) -> Tensor:
        if not is_plain(tensor):
            return tensor
        (leaf,) = relaid({path: tensor}, WIDE if self.setting.wide else {}).values()
        nudge(leaf, self.setting.nudge, self.generator)
        given = leaf
        asked = self.setting.thaw_inputs or tensor.requires_grad
        if self.setting.gradients and asked and is_inexact(leaf):
            self.leaves[path] = leaf
            if not self.setting.leaves:
                given = leaf.requires_grad_().clone()  # a leaf could not be written to
        self.tensors[path] = given, given._version
        return given

    def learning(self) -> dict[str, Tensor]:
        """The leaves of which gradients are asked for."""
        return {path: leaf for path, leaf in self.leaves.items() if leaf.requires_grad}

    def written(self) -> frozenset[str]:
        """The inputs that have been changed in place since."""
        return frozenset(
            path for path, (t, version) in self.tensors.items() if t._version > version
        )


def in_object(path: str, outline: Mapping[str, str]) -> bool:
    """Whether it is part of an object, such as a cache, that a rewritten model may leave out."""
    objects = [above for above, kind in outline.items() if kind.startswith("object ")]
    return any(path.startswith(above) for above in objects)


def given_back(value: Any) -> Run:
    """What a model gave back, by path."""
    outputs = {path: _kept(x) for path, x in nesting.walk(value, "output")}
    return Run(nesting.outline(value, "output"), outputs)


def _kept(value: Any) -> Any:
    if not isinstance(value, Tensor):
        numeric = getattr(getattr(value, "dtype", None), "kind", "") in tuple("biufc")
        if numeric and type(value).__name__ != "ndarray":
            return value.item()  # one of numpy's numbers is as good as Python's
        return torch.as_tensor(value) if numeric else literal(value)
    value = value.detach()
    value = value.dequantize() if value.is_quantized else value
    return value if value.layout is torch.strided else value.to_dense()


def _parameters(model: nn.Module, setting: Setting) -> dict[str, Tensor]:
    """The parameters that gradients are taken of, each under its first name."""
    found: dict[str, Tensor] = {}
    for name, parameter in model.named_parameters():
        if isinstance(parameter, nn.UninitializedParameter):  # of a layer that is never called
            continue
        parameter.grad = None
        if setting.gradients and is_inexact(parameter) and parameter.is_leaf:
            if setting.thaw:
                parameter.requires_grad_()
            if parameter.requires_grad:
                found[name] = parameter
    return found


def _gradients(
    outputs: Mapping[str, Any], sources: Mapping[str, Tensor]
) -> dict[str, Tensor | None]:
    """Of the sum of all outputs, each times random numbers, with respect to each source."""
    ends = {path: t for path, t in outputs.items() if isinstance(t, Tensor) and t.requires_grad}
    if not ends or not sources:
        return {}
    weights = [_random_like(t, zlib.crc32(path.encode())) for path, t in ends.items()]
    try:
        gradients = torch.autograd.grad(
            list(ends.values()), list(sources.values()), weights, allow_unused=True
        )
    except RuntimeError as error:
        if "heckpoint" not in str(error):
            raise
        torch.autograd.backward(list(ends.values()), weights)  # what re-entrant checkpoints need
        return {name: _dense(source.grad) for name, source in sources.items()}
    found = zip(sources.items(), gradients, strict=True)
    return {name: _dense(_total(gradient, source.grad)) for (name, source), gradient in found}


def _dense(gradient: Tensor | None) -> Tensor | None:
    """Embeddings with `sparse=True` have gradients of another layout."""
    if gradient is None or gradient.layout is torch.strided:
        return gradient
    return gradient.to_dense()


def _total(gradient: Tensor | None, left: Tensor | None) -> Tensor | None:
    """A gradient and what a backward that runs another one has left at the source itself."""
    return left if gradient is None else gradient if left is None else gradient + left


def _random_like(tensor: Tensor, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    dtype = torch.complex128 if tensor.is_complex() else torch.float64
    drawn = torch.randn(tensor.shape, generator=generator, dtype=dtype)
    return drawn.to(tensor.device, tensor.dtype)


@contextlib.contextmanager
def _own_memory(
    model: nn.Module, state: Mapping[str, Tensor], setting: Setting, every: list[Tensor]
) -> Iterator[None]:
    """Copies of all that the model holds, parameters and buffers with the values of `state`."""
    named = state_tensors(model)
    gradients = {id(t.grad) for t in named.values() if t.is_leaf}
    known = {id(t) for t in named.values()} | gradients
    held = [t for t in every if id(t) not in known and is_plain(t)]
    tensors = named | {f"held {i}": t for i, t in enumerate(held)}
    memory = relaid(tensors, WIDE if setting.wide else {}, state)
    generator = torch.Generator().manual_seed(setting.nudge_seed)
    for name, _ in model.named_parameters():
        if name in memory:
            nudge(memory[name], setting.nudge, generator)
    with pointed_at(tensors, memory):
        yield


def nudge(tensor: Tensor, part: float, generator: torch.Generator) -> None:
    """Moves each number, in place, by about `part` of itself."""
    if part and is_inexact(tensor):
        tensor = unexpanded(tensor)
        noise = torch.randn(tensor.shape, generator=generator, dtype=torch.float64) * part + 1
        tensor.mul_(noise.to(tensor.device))


def is_inexact(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


@contextlib.contextmanager
def _as_written() -> Iterator[None]:
    """No fused path of evaluation, which pads differently, nothing compiled, and of a mask its values
    alone: one that is found to be causal has no gradient.
    """
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with uncompiled(), masks_as_told():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def described(error: BaseException) -> str:
    """`ValueError: what it says (model.py:12)`, with the deepest line that is not a library's."""
    said = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {said[0][:200]}" if said else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    library = ("site-packages", "<frozen", str(Path(__file__).parents[1]))
    own = [f for f in frames if not any(place in f.filename for place in library)]
    return f"{text} ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else text
