"""Linear, bilinear and the products of matrices and vectors against torch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from agreement import STYLES, agrees, both_styles, noise
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from unfoldify import functional as UF
from unfoldify.rules import RULES

sizes = st.integers(0, 4)


@given(st.lists(sizes, max_size=4), sizes, sizes, st.booleans(), st.sampled_from(STYLES))
@settings(max_examples=40, deadline=None)
def test_linear(lead: list[int], i: int, o: int, bias: bool, style: str) -> None:
    summand = noise(o, seed=2) if bias else None
    agrees(UF.linear, F.linear, noise(*lead, i), noise(o, i, seed=1), summand, style=style)


@both_styles
@pytest.mark.parametrize("shape", [(5,), (2, 5), (2, 3, 5)])
def test_linear_with_one_output_and_no_axis_for_it(shape: tuple[int, ...], style: str) -> None:
    agrees(UF.linear, F.linear, noise(*shape), noise(5), style=style)


@st.composite
def factors(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    """Two operands that matmul takes: vectors, matrices, stacks that broadcast."""
    m, n, p = draw(sizes), draw(sizes), draw(sizes)
    lead = draw(st.lists(st.integers(0, 3), max_size=3))
    other = [draw(st.sampled_from([size, 1])) for size in lead[draw(st.integers(0, len(lead))) :]]
    lead = [
        draw(st.sampled_from([size, 1])) if i >= len(lead) - len(other) else size
        for i, size in enumerate(lead)
    ]
    a = noise(n) if draw(st.booleans()) and not lead else noise(*lead, m, n)
    b = noise(n, seed=1) if draw(st.booleans()) and not other else noise(*other, n, p, seed=1)
    return (
        (a, b) if draw(st.booleans()) else (b.mT if b.dim() > 1 else b, a.mT if a.dim() > 1 else a)
    )


@given(factors(), st.sampled_from(STYLES))
@settings(max_examples=60, deadline=None)
def test_matmul(pair: tuple[Tensor, Tensor], style: str) -> None:
    agrees(UF.matmul, torch.matmul, *pair, style=style)


@pytest.mark.parametrize(
    ("rule", "reference", "shapes"),
    [
        (UF.mm, torch.mm, [(2, 3), (3, 4)]),
        (UF.bmm, torch.bmm, [(5, 2, 3), (5, 3, 4)]),
        (UF.mv, torch.mv, [(2, 3), (3,)]),
        (UF.dot, torch.dot, [(3,), (3,)]),
        (UF.vdot, torch.vdot, [(3,), (3,)]),
        (UF.vecdot, torch.linalg.vecdot, [(2, 3), (4, 1, 3)]),
        (UF.inner, torch.inner, [(2, 3), (4, 5, 3)]),
        (UF.inner, torch.inner, [(2, 3), ()]),
        (UF.outer, torch.outer, [(2,), (3,)]),
        (UF.kron, torch.kron, [(2, 3), (4, 5)]),
        (UF.kron, torch.kron, [(2,), (3, 4, 5)]),
        (UF.kron, torch.kron, [(), (3, 4)]),
        (UF.bilinear, F.bilinear, [(2, 3, 4), (2, 3, 5), (6, 4, 5), (6,)]),
        (UF.bilinear, F.bilinear, [(4,), (5,), (6, 4, 5)]),
        (UF.matrix_power, lambda x, **k: torch.linalg.matrix_power(x, 5), [(2, 3, 3)]),
        (UF.chain_matmul, torch.chain_matmul, [(2, 3), (3, 4), (4, 5)]),
    ],
)
@both_styles
@pytest.mark.filterwarnings("ignore:torch.chain_matmul is deprecated")
def test_products(rule: Callable[..., Any], reference: Any, shapes: Any, style: str) -> None:
    if rule is UF.matrix_power:
        agrees(
            lambda x, style: UF.matrix_power(x, 5, style=style),
            reference,
            noise(*shapes[0]),
            style=style,
        )
        return
    real = [noise(*shape, seed=i) for i, shape in enumerate(shapes)]
    agrees(rule, reference, *real, style=style)
    if rule not in (UF.chain_matmul, UF.bilinear):  # torch has no complex gradient for bilinear
        agrees(
            rule,
            reference,
            *[x + 1j * x.flip(-1) if x.dim() else x + 2j for x in real],
            style=style,
        )


@both_styles
@pytest.mark.parametrize("n", [-3, -1, 0, 1, 2, 7])
def test_matrix_power(n: int, style: str) -> None:
    x = noise(2, 3, 3)
    want = torch.linalg.matrix_power(x, n)
    torch.testing.assert_close(UF.matrix_power(x, n, style=style), want)


@both_styles
@pytest.mark.parametrize(
    "shapes",
    [
        [(3,), (3, 4)],
        [(3,), (3,)],
        [(2, 3), (3, 4), (4,)],
        [(5,), (5, 1), (1, 6), (6,)],
        [(10, 1), (1, 10), (10, 1), (1, 3), (3, 7)],
        [(2, 0), (0, 3), (3, 4)],
    ],
)
def test_chains(shapes: list[tuple[int, ...]], style: str) -> None:
    factors = [noise(*shape, seed=i) for i, shape in enumerate(shapes)]
    agrees(UF.multi_dot, torch.linalg.multi_dot, factors, style=style)


@both_styles
@pytest.mark.parametrize(
    ("dims", "a", "b"),
    [
        (0, (2, 3), (4,)),
        (1, (2, 3), (3, 4)),
        (2, (5, 2, 3), (2, 3, 4, 6)),
        (([1], [0]), (2, 3), (3, 4)),
        (([2, 0], [0, 1]), (5, 2, 3), (3, 5, 4)),
        (([-1], [-1]), (2, 3), (4, 3)),
        (torch.tensor([[1, 2], [1, 0]]), (5, 2, 3), (3, 2, 4)),
    ],
)
def test_tensordot(dims: Any, a: tuple[int, ...], b: tuple[int, ...], style: str) -> None:
    agrees(UF.tensordot, torch.tensordot, noise(*a), noise(*b, seed=1), dims, style=style)


SUMMANDS = {
    "addmm": [(2, 3), (3, 4)],
    "addmv": [(2, 3), (3,)],
    "addr": [(2,), (3,)],
    "addbmm": [(5, 2, 3), (5, 3, 4)],
    "baddbmm": [(5, 2, 3), (5, 3, 4)],
}


@both_styles
@pytest.mark.parametrize("name", SUMMANDS)
@pytest.mark.parametrize("factors", [{}, {"beta": 0}, {"alpha": 2.5, "beta": -1}, {"alpha": 0}])
@pytest.mark.parametrize("broadcast", [False, True])
def test_summands(name: str, factors: dict[str, Any], broadcast: bool, style: str) -> None:
    a, b = (noise(*shape, seed=i) for i, shape in enumerate(SUMMANDS[name]))
    reference = getattr(torch, name)
    result = reference(torch.zeros((), dtype=a.dtype), a, b)
    summand = noise(*result.shape, seed=3)[..., :1] if broadcast else noise(*result.shape, seed=3)
    agrees(getattr(UF, name), reference, summand, a, b, **factors, style=style)


@pytest.mark.parametrize("name", SUMMANDS)
def test_with_beta_zero_nothing_of_the_summand_counts(name: str) -> None:
    a, b = (noise(*shape, seed=i) for i, shape in enumerate(SUMMANDS[name]))
    nan = torch.tensor(float("nan"), dtype=a.dtype)
    assert getattr(UF, name)(nan, a, b, beta=0).isfinite().all()


@pytest.mark.parametrize("name", SUMMANDS)
def test_in_place(name: str) -> None:
    a, b = (noise(*shape, seed=i) for i, shape in enumerate(SUMMANDS[name]))
    x = getattr(torch, name)(torch.zeros((), dtype=a.dtype), a, b)
    want, got = x.clone(), x.clone()
    getattr(want, f"{name}_")(a, b, alpha=3)
    rule = RULES[getattr(Tensor, f"{name}_")]
    assert rule.function(got, a, b, alpha=3) is got
    torch.testing.assert_close(got, want)


@both_styles
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64])
def test_integers_stay_what_they_are(dtype: torch.dtype, style: str) -> None:
    a, b = noise(2, 30, dtype=dtype) * 3, noise(30, 4, dtype=dtype) * 3
    agrees(UF.matmul, torch.matmul, a, b, style=style, gradients=False)
    agrees(UF.linear, F.linear, a, b.t(), style=style, gradients=False)
    agrees(UF.tensordot, torch.tensordot, a, b, 1, style=style, gradients=False)


def test_out() -> None:
    a, b, out = noise(2, 3), noise(3, 4), torch.empty(2, 4, dtype=torch.float64)
    assert UF.mm(a, b, out=out) is out
    torch.testing.assert_close(out, a @ b)
    empty = torch.empty(0, dtype=torch.float64)
    torch.testing.assert_close(UF.matmul(a, b, out=empty), a @ b)
    assert empty.shape == (2, 4)


def test_the_operator_from_the_right() -> None:
    a, b = noise(2, 3), noise(3, 4)
    torch.testing.assert_close(RULES[Tensor.__rmatmul__].function(b, a), a @ b)
