"""Any equation against torch.einsum."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from agreement import STYLES, agrees, both_styles, noise
from hypothesis import given, settings
from hypothesis import strategies as st

from unfoldify import functional as UF
from unfoldify.rules.einsum import in_order

EQUATIONS = [
    ("ij->ji", [(2, 3)]),
    ("ij->", [(2, 3)]),
    ("ii->i", [(3, 3)]),
    ("ii", [(3, 3)]),
    ("iji->j", [(3, 2, 3)]),
    ("i,i->", [(3,), (3,)]),
    ("i,j->ij", [(2,), (3,)]),
    ("ij,jk->ik", [(2, 3), (3, 4)]),
    ("ij,jk", [(2, 3), (3, 4)]),
    ("ij,jk->ki", [(2, 3), (3, 4)]),
    ("bij,bjk->bik", [(2, 3, 4), (2, 4, 5)]),
    ("bhqd,bhkd->bhqk", [(2, 3, 4, 5), (2, 3, 6, 5)]),
    ("bhqk,bhkd->bqhd", [(2, 3, 4, 6), (2, 3, 6, 5)]),
    ("bi,oij,bj->bo", [(2, 3), (5, 3, 4), (2, 4)]),
    ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 5)]),
    ("ij,ij,ij->i", [(2, 3), (2, 3), (2, 3)]),
    ("ii,ij->j", [(3, 3), (3, 4)]),
    ("ij,kl->il", [(2, 3), (4, 5)]),
    (",i->i", [(), (3,)]),
    ("...ij,...jk->...ik", [(2, 3, 4), (5, 2, 4, 6)]),
    ("...ij,jk->...ik", [(2, 3, 4), (4, 6)]),
    ("i...,i...->...", [(3, 2, 4), (3, 4)]),
    ("...i->i", [(2, 3)]),
    ("...i,...i->i", [(2, 3), (4, 2, 3)]),
    ("b...c,cd->b...d", [(2, 3, 4), (4, 5)]),
    ("...ii->...i", [(2, 3, 3)]),
    ("ij,jk->ik", [(2, 1), (5, 4)]),
    ("i j , j k -> i k", [(2, 3), (3, 4)]),
    ("aB,Bc->ac", [(2, 3), (3, 4)]),
]


@both_styles
@pytest.mark.parametrize(("equation", "shapes"), EQUATIONS)
def test_equations(equation: str, shapes: Any, style: str) -> None:
    operands = [noise(*shape, seed=i) for i, shape in enumerate(shapes)]
    agrees(UF.einsum, torch.einsum, equation, *operands, style=style)


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, list[tuple[int, ...]]]:
    """An equation of one to three operands over a few letters, repeated ones included."""
    sizes = {letter: draw(st.integers(0, 3)) for letter in "ijkl"}
    terms = draw(st.lists(st.text("ijkl", max_size=4), min_size=1, max_size=3))
    known = sorted(set("".join(terms)))
    result = draw(st.permutations(known).map(lambda p: p[: draw(st.integers(0, len(p)))]))
    equation = ",".join(terms)
    if draw(st.booleans()):
        equation += "->" + "".join(result)
    return equation, [tuple(sizes[letter] for letter in term) for term in terms]


@given(calls(), st.sampled_from(STYLES))
@settings(max_examples=60, deadline=None)
def test_any_equation(call: Any, style: str) -> None:
    equation, shapes = call
    operands = [noise(*shape, seed=i) for i, shape in enumerate(shapes)]
    agrees(UF.einsum, torch.einsum, equation, *operands, style=style)


@both_styles
def test_the_other_ways_to_call_it(style: str) -> None:
    a, b = noise(2, 3), noise(3, 4)
    want = a @ b
    for args in (("ij,jk->ik", [a, b]), (a, [0, 1], b, [1, 2], [0, 2]), (a, [0, 1], b, [1, 2])):
        torch.testing.assert_close(UF.einsum(*args, style=style), want)
    x = noise(2, 3, 4)
    got = UF.einsum(x, [..., 0], noise(4, 5), [0, 1], [..., 1], style=style)
    torch.testing.assert_close(got, x @ noise(4, 5))


def test_the_order_of_axes_keeps_what_it_can() -> None:
    assert in_order(("b", "i", "k"), ("b", "i", "j"), ("b", "j", "k")) == ("b", "i", "j", "k")
    assert in_order(("b", "o"), ("b", "i"), ("o", "i")) == ("b", "o", "i")
    assert in_order(("i", "j"), ("j", "i")) == ("i", "j")


def test_no_dtype_is_widened() -> None:
    a, b = noise(2, 3, dtype=torch.int32), noise(3, 4, dtype=torch.int32)
    for style in STYLES:
        assert UF.einsum("ij,jk->ik", a, b, style=style).dtype == torch.int32
        assert UF.einsum("ij->i", a, style=style).dtype == torch.einsum("ij->i", a).dtype
