"""What a rule does, as lines of code: every torch and einops call it makes, in order.

A small stand-in for the recorder, so that a rule's text can be tested as its reader meets it:
values are named by the local variable they are assigned to where that is plain, operators are
spelled as operators, and einops calls stay whole.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import einops
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from unfoldify import notes

OPERATORS = {
    "mul": "*", "__mul__": "*", "__rmul__": "*", "add": "+", "__add__": "+", "__radd__": "+",
    "sub": "-", "__sub__": "-", "rsub": "-", "__rsub__": "-", "div": "/", "__truediv__": "/",
    "eq": "==", "__eq__": "==", "pow": "**", "__pow__": "**",
}  # fmt: skip
REFLECTED = {"__rmul__", "__radd__", "rsub", "__rsub__"}
SILENT = {"__get__", "dim", "size", "is_floating_point", "is_complex", "stride", "numel", "resize_"}


class Transcript(TorchFunctionMode):
    """Collects calls; as a listener it collects remarks too."""

    def __init__(self) -> None:
        super().__init__()
        self.text: dict[int, str] = {}
        self.keep: list[Any] = []
        self.lines: list[str] = []
        self.line_of: dict[int, int] = {}

    def name(self, value: Any, text: str) -> None:
        self.text[id(value)] = text
        self.keep.append(value)

    def spelled(self, value: Any) -> str:
        if isinstance(value, Tensor):
            return self.text.get(id(value), "?")
        if isinstance(value, slice):
            parts = ["" if p is None else str(p) for p in (value.start, value.stop, value.step)]
            return ":".join(parts if value.step is not None else parts[:2])
        if isinstance(value, (tuple, list)):
            inside = ", ".join(map(self.spelled, value))
            return (
                f"({inside}{',' if len(value) == 1 else ''})"
                if type(value) is not list
                else f"[{inside}]"
            )
        if value is Ellipsis:
            return "..."
        return repr(value)

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], method: bool) -> str:
        if name in OPERATORS and len(args) == 2:
            a, b = reversed(args) if name in REFLECTED else args
            return f"{self.spelled(a)} {OPERATORS[name]} {self.spelled(b)}"
        if name == "__getitem__":
            index = args[1] if isinstance(args[1], tuple) else (args[1],)
            return f"{self.spelled(args[0])}[{', '.join(map(self.spelled, index))}]"
        words = [self.spelled(a) for a in args[method:]]
        words += [f"{k}={self.spelled(v)}" for k, v in kwargs.items()]
        return f"{self.spelled(args[0]) + '.' if method else ''}{name}({', '.join(words)})"

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        name = func.__name__
        if name in SILENT or not _holds_tensors(result):
            return result
        method = "TensorBase" in repr(func) or "Tensor." in getattr(func, "__qualname__", "")
        self.write(result, self.call(name, args, kwargs, method))
        return result

    def write(self, result: Any, text: str) -> None:
        single = isinstance(result, Tensor)
        name = f"t{len(self.lines)}"
        for i, part in enumerate([result] if single else result):
            self.name(part, name if single else f"{name}[{i}]")
            self.line_of[id(part)] = len(self.lines)
        self.lines.append(f"{name} = {text}")

    def named(self, value: object, name: str) -> None: ...

    def moves(self, x: Tensor, dim: int) -> bool:
        return False

    def is_zero(self, x: Tensor) -> bool:
        return False

    def always_equal(self, a: int, b: int) -> bool:
        return a == b

    def remark(self, value: object, text: str) -> None:
        if id(value) in self.line_of:
            self.lines[self.line_of[id(value)]] += f"  # {text}"


def _holds_tensors(result: Any) -> bool:
    parts = result if isinstance(result, (tuple, list)) else [result]
    return any(isinstance(part, Tensor) for part in parts)


def transcript(
    function: Callable[..., Any], *args: Any, names: str = "", **kwargs: Any
) -> list[str]:
    """The lines of one call; `names` are the names of its tensors, in order."""
    script = Transcript()
    tensors = [a for a in (*args, *kwargs.values()) if isinstance(a, Tensor)]
    for tensor, name in zip(tensors, names.split(), strict=False):
        script.name(tensor, name)
    token = notes.listener.set(script)
    try:
        with _whole_einops(script), script:
            function(*args, **kwargs)
    finally:
        notes.listener.reset(token)
    return script.lines


@contextmanager
def _whole_einops(script: Transcript) -> Iterator[None]:
    """einops calls of the rules as one line each."""

    def whole(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            with torch._C.DisableTorchFunction():
                result = function(*args, **kwargs)
            script.write(result, script.call(function.__name__, args, kwargs, False))
            return result

        return call

    replaced = []
    for module in [m for n, m in sys.modules.items() if n.startswith("unfoldify.rules")]:
        for name in ("rearrange", "einsum", "repeat"):
            original = getattr(module, name, None)
            if original is getattr(einops, name):
                setattr(module, name, whole(original))
                replaced.append((module, name, original))
    try:
        yield
    finally:
        for module, name, original in replaced:
            setattr(module, name, original)
