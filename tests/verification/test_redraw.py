"""Other weights that hide nothing and break nothing."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from unfoldify.preserve import same_bits
from unfoldify.verification.redraw import WIDE, pointed_at, redrawn, relaid, state_tensors


def drawn(parameter: Tensor) -> Tensor:
    holder = nn.Module()
    holder.p = nn.Parameter(parameter)
    return redrawn(holder)["p"]


def drawn_buffer(buffer: Tensor, name: str = "b") -> Tensor:
    holder = nn.Module()
    holder.register_buffer(name, buffer)
    return redrawn(holder)[name]


@pytest.mark.parametrize(
    "given",
    [
        torch.zeros(8),
        torch.zeros(8, 16),
        torch.ones(8),
        torch.full((8,), 1e-5),
        torch.eye(8),
        torch.zeros(()),
        torch.full((8,), float("nan")),
        torch.full((8, 8), 1e30),
        torch.randn(8, 4, 3, 3),
        torch.randn(8, 4, dtype=torch.bfloat16),
        torch.randn(8, 4, dtype=torch.complex64),
        torch.randn(6, 4).T,
    ],
)
def test_a_parameter_gets_values_that_are_all_different(given: Tensor) -> None:
    new = drawn(given)
    assert new.dtype == given.dtype
    assert new.stride() == given.stride()
    assert bool(new.isfinite().all())
    assert bool((new != given).any())
    assert bool((new != 0).all())
    assert len(set(new.flatten().tolist())) > 0.8 * new.numel()
    assert 0.01 < float(new.abs().float().square().mean().sqrt()) < 10


def test_values_keep_their_sign_and_scale() -> None:
    given = torch.rand(50) * 0.1 + 0.05
    new = drawn(given)
    assert bool((new > 0).all())
    assert 0.5 < float(new.mean() / given.mean()) < 2


def test_the_same_seed_gives_the_same_values() -> None:
    model = nn.Linear(3, 4)
    assert same_bits(redrawn(model, seed=1)["weight"], redrawn(model, seed=1)["weight"])
    assert not same_bits(redrawn(model, seed=1)["weight"], redrawn(model, seed=2)["weight"])


def test_running_statistics_move_and_stay_positive() -> None:
    norm = nn.BatchNorm2d(5)
    new = redrawn(norm)
    assert bool((new["running_mean"] != 0).all())
    assert bool((new["running_var"] > 0.04).all())
    assert bool((new["running_var"] != 1).all())
    assert new["num_batches_tracked"] == 0


@pytest.mark.parametrize(
    "mask",
    [
        torch.ones(4, 4).tril(),
        torch.full((4, 4), float("-inf")).triu(1),
        torch.arange(6).float(),
        torch.arange(6),
        torch.ones(3, dtype=torch.bool),
        torch.tensor(0.0),
        torch.zeros(0),
    ],
    ids=["tril", "-inf", "positions", "integers", "flags", "a switch", "nothing"],
)
def test_buffers_with_a_meaning_stay(mask: Tensor) -> None:
    assert same_bits(drawn_buffer(mask), mask)


def test_tables_move_and_stay_sorted() -> None:
    table = torch.linspace(0.1, 2, 9)
    new = drawn_buffer(table)
    assert bool((new != table).any())
    assert bool((new[1:] >= new[:-1]).all())
    assert bool((drawn_buffer(torch.zeros(5)) > 0).all())


def test_tied_weights_stay_tied_and_views_stay_views() -> None:
    model = nn.Module()
    model.embedding = nn.Embedding(7, 4)
    model.head = nn.Linear(4, 7, bias=False)
    model.head.weight = model.embedding.weight
    model.register_buffer("table", torch.randn(4, 6))
    model.register_buffer("row", model.table[1, 2:5])
    model.register_buffer("wide", torch.randn(1, 3).expand(4, 3))
    new = redrawn(model)
    assert new["head.weight"] is new["embedding.weight"]
    assert same_bits(new["row"], new["table"][1, 2:5].contiguous())
    new["table"][1, 2] = 5
    assert new["row"][0] == 5
    wide = relaid(new, WIDE)
    assert wide["head.weight"] is wide["embedding.weight"]
    assert wide["row"].dtype is torch.float64
    wide["table"][1, 3] = 7
    assert wide["row"][1] == 7
    assert wide["wide"].stride() == (0, 1)
    assert same_bits(wide["wide"], new["wide"].double())


def test_only_what_is_named_moves() -> None:
    model = nn.Linear(3, 4)
    new = redrawn(model, only={"bias"})
    assert same_bits(new["weight"], model.weight.detach())
    assert not same_bits(new["bias"], model.bias.detach())


def test_strengths() -> None:
    model = nn.BatchNorm1d(50)
    assert same_bits(redrawn(model, strength="given")["weight"], model.weight.detach())
    nudged = redrawn(model, strength="nudged")
    assert 0 < float((nudged["weight"] - 1).abs().max()) <= 0.1
    assert 0 < float(nudged["bias"].abs().max()) < 0.1
    assert same_bits(nudged["running_var"], torch.ones(50))


def test_whoever_holds_a_parameter_sees_the_new_memory() -> None:
    model = nn.Linear(3, 3)
    held = [model.weight]
    given = state_tensors(model)
    before = model.weight.detach().clone()
    with pointed_at(given, relaid(given, WIDE)):
        assert held[0].dtype is torch.float64
        model.weight.data.zero_()
    assert held[0].dtype is torch.float32
    assert same_bits(model.weight.detach(), before)


def test_the_model_itself_is_left_alone() -> None:
    model = nn.Linear(3, 4)
    before, stream = model.weight.detach().clone(), torch.get_rng_state()
    redrawn(model)
    assert same_bits(model.weight.detach(), before)
    assert same_bits(torch.get_rng_state(), stream)
