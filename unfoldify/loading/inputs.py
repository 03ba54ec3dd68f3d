"""`--input SHAPE[:dtype][<high]` → a drawn tensor; `--input NAME:=VALUE` → a Python value."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from unfoldify.errors import UsageError

if TYPE_CHECKING:
    import torch

ALIASES = {
    "half": "float16",
    "float": "float32",
    "double": "float64",
    "cfloat": "complex64",
    "cdouble": "complex128",
    "short": "int16",
    "int": "int32",
    "long": "int64",
}
FLOATS = ("float16", "bfloat16", "float32", "float64")
COMPLEX = ("complex64", "complex128")
HIGHEST = {"uint8": 255, "int8": 127, "int16": 2**15 - 1, "int32": 2**31 - 1, "int64": 2**63 - 1}
DTYPES = (*FLOATS, *COMPLEX, *HIGHEST, "bool")

HELP = (
    "Write --input SHAPE[:dtype][<high], with NAME= before it for a keyword argument:\n"
    "  --input 1,3,224,224                a float tensor, normally distributed\n"
    "  --input tokens=2,16:int64<101      integers from 0 to 100\n"
    "  --input mask=2,16:bool             true or false by chance\n"
    "  --input step=:int64<1000           a tensor without dimensions\n"
    "  --input scale:=0.5                 a Python value: a number, a string, None, a list"
)


@dataclass(frozen=True)
class TensorInput:
    """A tensor to draw: `dtype` None is the model's own floating dtype."""

    name: str | None
    shape: tuple[int, ...]
    dtype: str | None = None
    high: float | None = None


@dataclass(frozen=True)
class ValueInput:
    """A Python value, as it is."""

    name: str | None
    value: Any


Input = TensorInput | ValueInput


def parse_inputs(texts: Sequence[str]) -> tuple[Input, ...]:
    """Each option read; no name twice."""
    inputs = tuple(parse_input(text) for text in texts)
    names = [one.name for one in inputs if one.name is not None]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(
                f"--input {name}=... is given {names.count(name)} times: give it once."
            )
    return inputs


def parse_input(text: str) -> Input:
    """One option read.

    >>> parse_input("tokens=2,16:int64<101")
    TensorInput(name='tokens', shape=(2, 16), dtype='int64', high=101)
    >>> parse_input("scale:=0.5")
    ValueInput(name='scale', value=0.5)
    """
    name, assignment, rest = re.fullmatch(r"(?s)(?:([^\W\d]\w*)?(:=|=))?(.*)", text).groups()  # type: ignore[union-attr]
    if assignment == "=" and name is None:
        raise _refuse(text, "there is no name before the =")
    if assignment == ":=":
        return ValueInput(name, _literal(rest, text))
    shape, _, bound = rest.partition("<")
    sizes, colon, dtype = shape.partition(":")
    if sizes.strip() in ("True", "False", "None") and not colon and not bound:
        return ValueInput(name, _literal(sizes, text))
    if colon and not dtype.strip():
        raise _refuse(text, "there is no dtype after the :")
    high = _number(bound, text) if "<" in rest else None
    kind = _dtype(dtype, text) if colon else ("int64" if high is not None else None)
    if not sizes.strip() and not colon:
        raise _refuse(text, "there is no shape")
    _check_range(kind, high, text)
    return TensorInput(name, _shape(sizes, text), kind, high)


def draw(
    inputs: Sequence[Input], dtype: torch.dtype, device: torch.device
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments, tensors drawn in the order given."""
    args, kwargs = [], {}
    for one in inputs:
        value = one.value if isinstance(one, ValueInput) else _tensor(one, dtype, device)
        if one.name is None:
            args.append(value)
        else:
            kwargs[one.name] = value
    return tuple(args), kwargs


def _tensor(one: TensorInput, default: torch.dtype, device: torch.device) -> torch.Tensor:
    import torch

    dtype = default if one.dtype is None else getattr(torch, one.dtype)
    if dtype is torch.bool:
        return torch.rand(one.shape, device=device) < 0.5
    if not (dtype.is_floating_point or dtype.is_complex):
        high = 10 if one.high is None else int(one.high)
        return torch.randint(high, one.shape, dtype=dtype, device=device)
    if one.high is not None:
        return (torch.rand(one.shape, device=device) * one.high).to(dtype)
    return torch.randn(one.shape, dtype=dtype, device=device)


def _shape(sizes: str, text: str) -> tuple[int, ...]:
    words = sizes.strip().removeprefix("(").removesuffix(")").removesuffix(",")
    if not words.strip():
        return ()
    parts = [part.strip() for part in re.split("[,x]", words)]
    for part in parts:
        if not re.fullmatch(r"\d+", part):
            raise _refuse(text, f"{part!r} in the shape {sizes!r} is not a size")
    return tuple(int(part) for part in parts)


def _dtype(word: str, text: str) -> str:
    name = word.strip().removeprefix("torch.")
    name = ALIASES.get(name, name)
    if name in DTYPES:
        return name
    close = get_close_matches(name, [*DTYPES, *ALIASES], n=1)
    meant = f"is it {close[0]}?" if close else f"it is one of {', '.join(DTYPES)}"
    raise _refuse(text, f"{word!r} is not a dtype ({meant})")


def _number(word: str, text: str) -> float:
    try:
        number = float(word)
        return int(number) if number == int(number) else number
    except (ValueError, OverflowError):  # "many", "nan", "inf"
        raise _refuse(text, f"{word!r} after the < is not a number") from None


def _check_range(dtype: str | None, high: float | None, text: str) -> None:
    if high is None:
        return
    if dtype == "bool" or dtype in COMPLEX:
        raise _refuse(text, f"{dtype} has no highest value: leave <{high} out")
    if high <= 0:
        raise _refuse(text, f"nothing from 0 on is below {high}")
    if dtype in HIGHEST and (high != int(high) or high - 1 > HIGHEST[dtype]):
        raise _refuse(text, f"{dtype} holds whole numbers from 0 to {HIGHEST[dtype]}")


def _literal(word: str, text: str) -> Any:
    try:
        return ast.literal_eval(word.strip())
    except (SyntaxError, ValueError):
        raise _refuse(
            text, f"{word!r} is not a Python value (a string needs quotes inside: mode:='\"sum\"')"
        ) from None


def _refuse(text: str, why: str) -> UsageError:
    return UsageError(f"--input {text}: {why}.\n{HELP}")
