"""Everything is computed in float64, whatever the model asks for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unfoldify.preserve import same_bits
from unfoldify.verification.precision import Double

x = torch.linspace(-1, 2, 12, dtype=torch.float64).reshape(3, 4)
constant = torch.full((4, 2), 0.1)


@pytest.mark.parametrize(
    "compute",
    [
        lambda: x.float(),
        lambda: x.half() + 1,
        lambda: x.to(torch.bfloat16),
        lambda: x.type(torch.FloatTensor),
        lambda: x @ constant,
        lambda: F.linear(x, constant.T),
        lambda: F.softmax(x, dim=0, dtype=torch.float32),
        lambda: x.sum(dtype=torch.float32),
        lambda: torch.arange(3).float(),
        lambda: torch.zeros(3),
        lambda: torch.tensor(0.5),
        lambda: torch.rand(3),
        lambda: torch.zeros(3, dtype=torch.float16),
        lambda: F.scaled_dot_product_attention(x[None], x[None].float(), x[None]),
        lambda: torch.where(x > 0, x, constant[0, 0]),
        lambda: torch.fft.rfft(x.float()).abs(),
        lambda: nn.LSTM(4, 2).double()(x)[0],
        lambda: torch.func.vmap(torch.func.grad(lambda v: v.float().square().sum()))(x),
        lambda: torch.jit.script(nn.Sequential(nn.Linear(4, 4))).double()(x),
        lambda: F.dropout(x.float()),
    ],
)
def test_every_way_to_a_float_ends_in_float64(compute: Callable[[], Tensor]) -> None:
    with Double():
        assert compute().dtype is torch.float64
    assert torch.zeros(1).dtype is torch.float32


def test_autocast_changes_nothing() -> None:
    with Double(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert same_bits(x @ x.T, torch.mm(x, x.T))


def test_a_cast_loses_nothing() -> None:
    with Double():
        assert same_bits(x.float().half().double(), x)


def test_a_constant_is_the_same_number_wherever_it_is_made() -> None:
    with Double():
        inside = torch.full((4, 2), 0.1)
    assert same_bits(inside, constant.double())


def test_what_is_made_inside_can_be_filled_with_float64() -> None:
    with Double():
        out = torch.zeros(3, 4)
        out[0] = x[0]
        out[torch.tensor([1])] = x[1:2]
    assert same_bits(out[:2], x[:2])


def test_what_comes_from_outside_stays_the_same_object() -> None:
    outside = torch.zeros(4)
    with Double():
        outside.add_(x[0])
    assert same_bits(outside, x[0].float())


def test_bits_are_not_numbers() -> None:
    with Double():
        bits = torch.tensor([1065353216], dtype=torch.int32)
        assert bits.view(torch.float32).tolist() == [1.0]


def test_dropout_drops_the_same_elements_whatever_the_layout() -> None:
    def dropped(t: Tensor) -> Tensor:
        torch.manual_seed(0)
        return F.dropout(t, 0.5).contiguous()

    transposed = x.T.contiguous().T
    with Double():
        assert same_bits(dropped(x), dropped(transposed))


def test_dropout_of_attention_is_the_dropout_of_its_weights() -> None:
    q = torch.randn(2, 3, 4, dtype=torch.float64)
    with Double():
        torch.manual_seed(0)
        fused = F.scaled_dot_product_attention(q, q, q, dropout_p=0.5)
        torch.manual_seed(0)
        weights = F.dropout((q @ q.mT * 0.5).softmax(dim=-1), 0.5)
        assert float((fused - weights @ q).abs().max()) < 1e-14


def test_gradients_pass_through_casts() -> None:
    leaf = x.clone().requires_grad_()
    with Double():
        (leaf.float() ** 2).half().sum().backward()
    assert leaf.grad is not None
    assert same_bits(leaf.grad, 2 * x)
