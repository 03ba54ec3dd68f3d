"""Products that are only summed, contracted at once while files are compared."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from unfoldify.verification import contracted
from unfoldify.verification.precision import Double


@pytest.fixture
def contractions(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes of the products that were contracted."""
    seen: list[tuple[int, ...]] = []
    original = contracted.contraction

    def counted(one: Tensor, other: Tensor, *how: object) -> Tensor:
        seen.append(tuple(one.shape))
        return original(one, other, *how)  # type: ignore[arg-type]

    monkeypatch.setattr(contracted, "contraction", counted)
    return seen


def tensors() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    draw = lambda *shape: torch.randn(shape, generator=generator, dtype=torch.float64)  # noqa: E731
    return draw(40, 30, 1).requires_grad_(), draw(30, 50).requires_grad_()


def test_a_product_that_is_summed_is_contracted(contractions: list[tuple[int, ...]]) -> None:
    x, w = tensors()
    with Double():
        y = (x * w).sum(dim=-2)
    torch.testing.assert_close(y, x[..., 0] @ w)
    assert contractions == [(40, 30, 50)]


def test_so_are_its_gradients(contractions: list[tuple[int, ...]]) -> None:
    x, w = tensors()
    with Double():
        found = torch.autograd.grad((x * w).sum(dim=-2).square().sum(), (x, w))
    wanted = torch.autograd.grad((x[..., 0] @ w).square().sum(), (x, w))
    torch.testing.assert_close(found, wanted)
    assert contractions == [(40, 30, 50)] * 3


@pytest.mark.parametrize(
    "read",
    [
        lambda p: p.clone(),
        lambda p: p.relu().sum(dim=1),
        lambda p: p.transpose(0, 1).sum(dim=0),
        lambda p: p[3:].sum(dim=1),
        lambda p: p.view(-1)[5:9],
        lambda p: (p.sum(dim=1), p.mean(dim=1)),
        lambda p: (p.amax(dim=1), p.sum(dim=1)),
        lambda p: p.mul_(2).sum(dim=1),
        lambda p: p.add_(1),
        lambda p: float(p[2, 3, 4]),
        lambda p: p.sum(dim=1, dtype=torch.float32),
        lambda p: p,
        lambda p: p.detach(),
    ],
)  # fmt: skip
def test_whoever_reads_a_product_finds_it(read: Callable[[Tensor], object]) -> None:
    x, w = (t.detach() for t in tensors())
    with Double():
        found = read(x * w)
    wanted = read(torch.einsum("abi,bc->abc", x, w))
    torch.testing.assert_close(found, wanted, check_dtype=False)


def test_a_factor_that_is_written_to_was_what_it_was() -> None:
    x, w = (t.detach() for t in tensors())
    wanted = x[..., 0] @ w
    with Double():
        product = x * w
        w.zero_()
        found = product.sum(dim=1)
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("first", [False, True])
def test_a_product_can_be_a_factor_of_the_next(first: bool) -> None:
    """`(x * w * v).sum(...)`, as an einsum of three operands is spelled."""
    x, w = (t.detach() for t in tensors())
    v = torch.randn(5, dtype=torch.float64)
    wanted = torch.einsum("abi,bc,d->acd", x, w, v)
    with Double():
        product = (x * w)[..., None]
        product = v * product if first else product * v
        found = product.sum(dim=1)
    torch.testing.assert_close(found, wanted, check_dtype=False)


def test_another_product_in_the_same_place_is_another_product() -> None:
    x, w = (t.detach() for t in tensors())
    with Double():
        for k in range(5):
            found = (x * (w + k)).sum(dim=1)  # each may get the memory of the one before
            torch.testing.assert_close(found, x[..., 0] @ (w + k))
            torch.testing.assert_close((x * w)[:, 1], x[:, 1] * w[1])


def test_small_products_and_those_as_large_as_their_factors_are_computed(
    contractions: list[tuple[int, ...]],
) -> None:
    x, w = (t.detach() for t in tensors())
    with Double():
        (x[:2] * w[:, :3]).sum(dim=1)
        (w * w[:1]).sum(dim=1)
        (torch.zeros(200, 300) * torch.zeros(200, 300)).sum(dim=1)
    assert not contractions


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 9), st.booleans(), st.booleans(), st.booleans()),
        min_size=1,
        max_size=6,
    ),
    st.booleans(),
)
def test_a_contraction_is_the_sum_of_the_products(
    axes: list[tuple[int, bool, bool, bool]], keepdim: bool
) -> None:
    shape = [size for size, *_ in axes]
    generator = torch.Generator().manual_seed(0)
    one, other = (
        torch.randn(
            [size if own else 1 for size, own in zip(shape, its, strict=True)],
            generator=generator,
            dtype=torch.float64,
        ).expand(shape)
        for its in ([a for _, a, _, _ in axes], [b for _, _, b, _ in axes])
    )
    dims = [dim for dim, (*_, is_summed) in enumerate(axes) if is_summed]
    found = contracted.contraction(one, other, dims, keepdim)
    torch.testing.assert_close(found, (one * other).sum(dims, keepdim))
    assert found.is_contiguous()
