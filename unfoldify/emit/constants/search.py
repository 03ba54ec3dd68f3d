"""The search for an expression: candidates are run, the first that is right to the bit is taken."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import torch
from torch import Tensor

from unfoldify.emit.format import format_expression

from .bits import bits, is_same_along, same_bits
from .frequencies import run
from .numbers import dtype_argument, dtype_argument_unless_float, number_text
from .sequences import counted_text, repetitions, row_length, sequences
from .tables import filled_text, grids, pairs, tables, window_masks

_LITERAL = 32  # numbers that a reader still takes in
_LONGEST = 400  # characters
_PLAIN = 7  # characters that a literal may have more than what says the same with a word
_FEW = 4  # tables that may be stacked
_CASTS = {
    torch.float64: ".double()",
    torch.float32: ".float()",
    torch.float16: ".half()",
    torch.bfloat16: ".bfloat16()",
    torch.int32: ".int()",
    torch.bool: ".bool()",
}


def spelled(tensor: Tensor) -> str | None:
    """The text of an expression for a tensor: the literal, if nothing shorter is right."""
    structured = _structured(tensor)
    if tensor.dim() and 0 < tensor.numel() <= _LITERAL:
        literal = _short(f"torch.tensor({_literal(tensor)}{dtype_argument(tensor.dtype)})")
        is_plain = structured is None or len(literal) + _nesting(tensor) < len(structured)
        if is_plain and _is_right(literal, tensor):
            return literal
    return structured


def _structured(tensor: Tensor) -> str | None:
    try:
        texts = (_short(candidate) for candidate in _candidates(tensor))
        short = (text for text in texts if len(text) <= _LONGEST)
        return next((text for text in short if _is_right(text, tensor)), None)
    except (ArithmeticError, RuntimeError, ValueError):  # rare dtypes, NaN where a number is read
        return None


def _short(candidate: str) -> str:
    """The candidate without needless parentheses."""
    return format_expression(ast.parse(candidate, mode="eval").body)


def _is_right(text: str, tensor: Tensor) -> bool:
    try:
        made = run(text)
    except (RuntimeError, TypeError, ValueError, OverflowError, ZeroDivisionError):
        return False
    return isinstance(made, Tensor) and same_bits(made, tensor)


def _literal(tensor: Tensor) -> str:
    if tensor.dim():
        return f"[{', '.join(_literal(part) for part in tensor)}]"
    return number_text(tensor)


def _nesting(tensor: Tensor) -> int:
    """How many characters a reader would give to be spared the brackets of a literal."""
    return 6 * list(tensor.shape).count(1) - _PLAIN


def _sizes(tensor: Tensor) -> str:
    return ", ".join(map(str, tensor.shape))


def _candidates(tensor: Tensor) -> Iterator[str]:
    if tensor.numel() == 0:
        yield f"torch.empty({_sizes(tensor)}{dtype_argument_unless_float(tensor.dtype)})"
        return
    if tensor.dim() == 0:
        yield f"torch.tensor({number_text(tensor, named=True)}{dtype_argument(tensor.dtype)})"
        return
    first = tensor.flatten()[0]
    if not bool(bits(tensor).ne(bits(first)).any()):
        yield filled_text(first, tensor.shape)
        return
    same = [dim for dim in range(tensor.dim()) if is_same_along(tensor, dim)]
    if any(tensor.shape[dim] > 1 for dim in same):
        yield from _repeated(tensor, same)
    elif same:
        yield from _squeezed(tensor)
    else:
        if tensor.is_floating_point():
            yield from _whole(tensor)
        yield from _sequence(tensor) if tensor.dim() == 1 else _table(tensor)
        yield from _rounded(tensor) if tensor.is_floating_point() else _whole(tensor)


def _repeated(tensor: Tensor, dims: list[int]) -> Iterator[str]:
    """The same along some dimensions: copies, so that they may be changed one by one."""
    part = tensor
    for dim in dims:
        part = part.narrow(dim, 0, 1)
    times = [size if dim in dims else 1 for dim, size in enumerate(tensor.shape)]
    leading = dims == list(range(len(dims)))
    text = spelled((part.squeeze() if leading else part).contiguous())
    if text is not None:
        yield f"({text}).repeat({', '.join(map(str, times))})"


def _squeezed(tensor: Tensor) -> Iterator[str]:
    """Dimensions of size 1 are added at the end."""
    text = spelled(tensor.squeeze())
    ones = [dim for dim, size in enumerate(tensor.shape) if size == 1]
    if text is None:
        return
    if len(ones) == 1:
        yield f"({text})[{':, ' * ones[0]}None]"
    yield f"({text}).view({_sizes(tensor)})"


def _sequence(tensor: Tensor) -> Iterator[str]:
    for part, repeated in repetitions(tensor):
        text = spelled(part)
        if text is not None:
            yield f"({text}){repeated}"
    yield from sequences(tensor)
    length = row_length(tensor)
    if length is not None:
        text = spelled(tensor.view(-1, length))
        if text is not None and "torch.tensor" not in text:
            yield f"({text}).flatten()"


def _table(tensor: Tensor) -> Iterator[str]:
    yield from _counted_through(tensor)
    yield from pairs(tensor, spelled)
    if tensor.dim() == 2:
        yield from tables(tensor, spelled)
    yield from grids(tensor, spelled)
    if tensor.dim() == 3 and tensor.shape[1] == tensor.shape[2]:
        yield from window_masks(tensor)
    yield from _stacked(tensor)


def _counted_through(tensor: Tensor) -> Iterator[str]:
    """Counting along the rows, one row after the other."""
    if tensor.dtype in (torch.int64, torch.int32):
        first, second, last = (int(tensor.flatten()[index]) for index in (0, 1, -1))
        step = second - first
        if step and first + step * (tensor.numel() - 1) == last:
            numbers = counted_text(first, step, tensor.numel(), tensor.dtype)
            yield f"{numbers}.view({_sizes(tensor)})"


def _stacked(tensor: Tensor) -> Iterator[str]:
    """A few tables or sequences beside each other."""
    for dim, last in ((0, ""), (tensor.dim() - 1, ", dim=-1")):
        if tensor.shape[dim] <= _FEW:
            parts = [spelled(part.contiguous()) for part in tensor.unbind(dim)]
            found = [part for part in parts if part is not None and "torch.tensor" not in part]
            if len(found) == len(parts):
                yield f"torch.stack([{', '.join(found)}]{last})"


def _whole(tensor: Tensor) -> Iterator[str]:
    """Whole numbers in another type than that of integers."""
    if tensor.dtype == torch.int64 or tensor.is_complex():
        return
    if tensor.dtype == torch.bool and tensor.dim() == 1:
        return
    if tensor.is_floating_point():
        for sample in (tensor.flatten()[:64], tensor):
            if not bool((sample.isfinite() & sample.eq(sample.round())).all()):
                return
    if tensor.dim() == 2:
        yield from tables(tensor, spelled)  # a mask is made in its type
    text = spelled(tensor.long())
    if text is not None and (tensor.numel() > _LITERAL or not text.startswith("torch.tensor")):
        yield f"({text}){_cast(tensor)}"


def _rounded(tensor: Tensor) -> Iterator[str]:
    """What is computed in single precision and then kept in another."""
    if tensor.is_floating_point() and tensor.dtype != torch.float32:
        single = tensor.float()
        for candidate in _sequence(single) if tensor.dim() == 1 else _table(single):
            yield f"({candidate}){_cast(tensor)}"


def _cast(tensor: Tensor) -> str:
    return _CASTS.get(tensor.dtype, f".to({tensor.dtype})")
