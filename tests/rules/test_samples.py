"""torch's own samples of its operators, each through its rule.

`python tests/rules/test_samples.py` prints how many samples of each operator were compared.
"""

from __future__ import annotations

import inspect
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from agreement import STYLES, agrees, run, tensors
from torch.testing._internal.common_methods_invocations import op_db

from unfoldify.rules import ON_REQUEST, RULES, Decline, Rule

EVERY: dict[Any, Rule] = {
    **RULES,
    **{f: r for rows in ON_REQUEST.values() for f, r in rows.items()},
}
EXACT = (torch.float64, torch.complex128, torch.int64, torch.int32, torch.uint8, torch.bool)
HALF = (torch.bfloat16, torch.float16)


def called(op: Any) -> Any:
    """The torch function that an entry of torch's list of operators is about, where it has a rule.

    Some entries wrap it (to set the seed, to take the tensors of einsum as a list).
    """
    if op.name.startswith("nn.functional."):
        function = getattr(F, op.name.removeprefix("nn.functional."), None)
    elif op.name == "__rmatmul__":
        function = torch.Tensor.__rmatmul__
    else:
        home = torch.linalg if op.name.startswith("linalg.") else torch
        function = getattr(home, op.name.removeprefix("linalg."), None)
    here = torch.float64 in op.supported_dtypes("cpu") and "chunked" not in op.variant_test_name
    return function if here and function in EVERY else None


OPERATORS = {op.full_name: op for op in op_db if called(op) is not None}


def samples(op: Any, dtype: torch.dtype) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """The arguments of each sample, as torch's function takes them."""
    if dtype not in op.supported_dtypes("cpu"):
        return
    for sample in op.sample_inputs("cpu", dtype, requires_grad=False):
        args = (sample.input, *sample.args)
        if op.name == "einsum":
            args = (sample.args[0], *sample.input)
        if op.name == "nn.functional.embedding":
            args = (sample.args[0], sample.input, *sample.args[1:])
        yield args, sample.kwargs


def compared(op: Any, dtype: torch.dtype, style: str, limit: int | None = None) -> Counter[str]:
    """All samples of one operator and dtype, gradients too in float64; how many of each outcome."""
    function, outcomes = called(op), Counter[str]()
    rule = EVERY[function].function
    for number, (args, kwargs) in enumerate(samples(op, dtype)):
        if limit is not None and number >= limit:
            break
        try:
            with torch.no_grad():
                function(*_copies(args), **_copies(kwargs))
        except (RuntimeError, IndexError, ValueError):
            outcomes["torch refuses"] += 1  # a sample for another device or a wrapper of the entry
            continue
        try:
            _compare(op, rule, function, dtype, style, args, kwargs)
        except Decline:
            outcomes["declined"] += 1
        else:
            outcomes["agree"] += 1
    return outcomes


def _compare(
    op: Any,
    rule: Callable[..., Any],
    function: Callable[..., Any],
    dtype: torch.dtype,
    style: str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    if dtype in HALF:
        _compare_half(rule, function, dtype, style, args, kwargs)
        return
    in_place = "running_mean" in inspect.signature(rule).parameters  # statistics are no leaves
    in_place = in_place or op.name.endswith("cross_entropy")  # class weights take no gradient
    gradients = dtype == torch.float64 and op.supports_autograd and not in_place
    loose = 1e-3 if dtype == torch.float32 else 1e-6
    agrees(
        rule,
        function,
        *_copies(args),
        **_copies(kwargs),
        style=style,
        gradients=gradients,
        rtol=loose,
        atol=loose,
    )


def _compare_half(
    rule: Callable[..., Any],
    function: Callable[..., Any],
    dtype: torch.dtype,
    style: str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    """As near to the exact answer as torch is, give or take the rounding of each product."""

    def double(value: Any) -> Any:
        return _copies(value, lambda x: x.double() if x.dtype == dtype else x.clone())

    torch.manual_seed(0)
    exact = function(*double(args), **double(kwargs))
    torch.manual_seed(0)
    want = function(*_copies(args), **_copies(kwargs))
    torch.manual_seed(0)
    got = run(rule, style, *_copies(args), **_copies(kwargs))
    for e, w, g in zip(tensors(exact), tensors(want), tensors(got), strict=True):
        assert (g.dtype, g.shape) == (w.dtype, w.shape)
        if e.numel() == 0 or not g.dtype.is_floating_point:
            continue
        finite = e.isfinite() & w.isfinite()
        scale = e[finite].abs().max() if finite.any() else torch.zeros(())
        allowed = 2 * (w - e)[finite].abs() + 24 * torch.finfo(dtype).eps * scale
        assert ((g - e)[finite].abs() <= allowed).all()


def _copies(value: Any, copy: Callable[[torch.Tensor], torch.Tensor] = torch.Tensor.clone) -> Any:
    if isinstance(value, torch.Tensor):
        return copy(value)
    if isinstance(value, (tuple, list)):
        return type(value)(_copies(item, copy) for item in value)
    if isinstance(value, dict):
        return {key: _copies(item, copy) for key, item in value.items()}
    return value


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", OPERATORS)
def test_first_samples_in_float64(name: str, style: str) -> None:
    outcomes = compared(OPERATORS[name], torch.float64, style, limit=6)
    assert outcomes["agree"] > 0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", OPERATORS)
def test_all_samples_in_all_dtypes(name: str, style: str) -> None:
    outcomes = Counter[str]()
    for dtype in (*EXACT, torch.float32, *HALF):
        outcomes += compared(OPERATORS[name], dtype, style)
    assert outcomes["agree"] > 0


def main() -> None:
    """The counts, for whoever wants to see them."""
    warnings.simplefilter("ignore")
    for name, op in OPERATORS.items():
        outcomes = Counter[str]()
        for dtype in (*EXACT, torch.float32, *HALF):
            for style in STYLES:
                outcomes += compared(op, dtype, style)
        print(f"{name:45}", ", ".join(f"{count} {what}" for what, count in outcomes.items()))


if __name__ == "__main__":
    main()
