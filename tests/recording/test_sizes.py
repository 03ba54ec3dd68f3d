"""Which sizes a model leaves free."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import unfoldify
from unfoldify.preserve import same_bits
from unfoldify.recording.by_size import related, root
from unfoldify.recording.sizes import SizeVariant, affordable, candidates, cheapest, free_sizes


def moved(variants: tuple[SizeVariant, ...]) -> list[str]:
    """`x.0 y.0 > 3` for the first axes of x and y moved to 3; several groups with a comma."""
    groups = [
        ", ".join(
            " ".join(f"{d.path}.{d.axis}" for d in group.dims) + f" > {group.size}"
            for group in variant.groups
        )
        for variant in variants
    ]
    return groups


class Conv(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


def test_batch_and_image_of_a_convolution() -> None:
    found = free_sizes(Conv(), (torch.randn(2, 3, 16, 16),))
    assert moved(found) == [
        "x.0 > 4",  # not 3: channels are 3, and equal sizes prove less
        "x.2 > 17",
        "x.3 > 18",  # nor 17 again
        "x.0 > 4, x.2 > 17, x.3 > 18",
    ]
    assert found[-1].description == "x: 4x3x17x18"


def test_a_long_dim_is_made_shorter() -> None:
    assert moved(free_sizes(Conv(), (torch.randn(1, 3, 224, 224),))) == [
        "x.0 > 2",
        "x.2 > 33",
        "x.3 > 35",
        "x.0 > 2, x.2 > 33, x.3 > 35",
    ]


class TwoInputs(nn.Module):
    def forward(self, queries: Tensor, keys: Tensor, mask: Tensor) -> Tensor:
        scores = queries @ keys.mT + mask
        return scores.softmax(dim=-1) @ keys


def test_one_batch_in_two_inputs_and_both_sides_of_a_mask() -> None:
    x = torch.randn(2, 5, 6)
    mask = torch.full((5, 5), float("-inf")).triu(1)
    assert moved(free_sizes(TwoInputs(), (x, torch.randn(2, 5, 6), mask))) == [
        "queries.0 keys.0 > 3",
        "queries.1 keys.1 mask.0 mask.1 > 7",
        "queries.2 keys.2 > 10",
        "queries.0 keys.0 > 3, queries.1 keys.1 mask.0 mask.1 > 7, queries.2 keys.2 > 10",
    ]


def test_the_same_tensor_given_twice_moves_as_one() -> None:
    x = torch.randn(2, 5, 6)
    (_, _, _, together) = free_sizes(TwoInputs(), (x, x, torch.zeros(5, 5)))
    (queries, keys, mask), _ = together.build()
    assert queries is keys
    assert queries.shape[1] == mask.shape[0] == mask.shape[1]


class UNet(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        small = F.avg_pool2d(image, 16)
        return image + F.interpolate(small, scale_factor=16)


def test_multiples_for_a_network_that_halves_its_input() -> None:
    assert moved(free_sizes(UNet(), (torch.randn(1, 3, 64, 64),))) == [
        "image.0 > 2",
        "image.1 > 5",  # no weights: channels are free too
        "image.2 > 16",
        "image.3 > 32",
        "image.0 > 2, image.1 > 5, image.2 > 16, image.3 > 32",
    ]
    assert moved(free_sizes(UNet(), (torch.randn(2, 3, 32, 32),))) == [
        "image.0 > 4",
        "image.1 > 7",
        "image.2 > 16",
        "image.3 > 48",
        "image.0 > 4, image.1 > 7, image.2 > 16, image.3 > 48",
    ]


class Square(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + x.transpose(2, 3)


def test_dims_that_only_move_together() -> None:
    found = free_sizes(Square(), (torch.randn(2, 3, 7, 7),))
    assert moved(found)[-2:] == ["x.2 x.3 > 8", "x.0 > 4, x.1 > 6, x.2 x.3 > 8"]


class Fixed(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.view(2, 6)


def test_nothing_is_free() -> None:
    assert free_sizes(Fixed(), (torch.randn(3, 4),)) == ()


def test_a_model_that_does_not_run_has_no_free_sizes() -> None:
    assert free_sizes(Fixed(), (torch.randn(3, 5),)) == ()


def test_indices_stay_in_range_and_masks_stay_masks() -> None:
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(11, 4)

        def forward(self, tokens: Tensor, keep: Tensor, bias: Tensor) -> Tensor:
            return self.embedding(tokens).masked_fill(~keep[..., None], 0) + bias[:, :, None]

    tokens = torch.tensor([[3, 10, 0, 7], [1, 2, 9, 4]])
    keep = torch.tensor([[True, True, True, False]] * 2)
    bias = torch.tensor([[0.0, 0.0, 0.0, float("-inf")]] * 2)
    variant = free_sizes(Tokens(), (tokens,), {"keep": keep, "bias": bias})[-1]
    (new,), kwargs = variant.build(seed=5)
    assert new.shape == (3, 7)
    assert set(new.flatten().tolist()) <= set(tokens.flatten().tolist())
    assert not same_bits(new[:2, :4], tokens)
    assert kwargs["keep"].tolist() == [[True, True, True, False, True, True, True]] * 3
    assert kwargs["bias"].tolist() == [[0, 0, 0, float("-inf"), 0, 0, 0]] * 3


def test_floats_are_drawn_anew_within_the_range_of_the_example() -> None:
    x = torch.rand(2, 3, 16, 16) * 3 + 5
    (new,), _ = free_sizes(Conv(), (x,))[-1].build(seed=1)
    (again,), _ = free_sizes(Conv(), (x,))[-1].build(seed=1)
    (other,), _ = free_sizes(Conv(), (x,))[-1].build(seed=2)
    assert same_bits(new, again)
    assert not same_bits(new, other)
    assert not same_bits(new[:2, :, :16, :16], x)
    assert float(x.min()) <= float(new.min()) < float(new.max()) <= float(x.max())


def test_inputs_inside_containers_have_readable_paths() -> None:
    class Nested(nn.Module):
        def forward(self, batch: Mapping[str, Any], *more: Tensor) -> Tensor:
            return batch["pair"][0] + batch["pair"][1] + more[0]

    x = torch.randn(4)
    found = free_sizes(Nested(), ({"pair": (x, torch.randn(4)), "n": 3}, torch.randn(4)))
    assert moved(found) == ["batch['pair'][0].0 batch['pair'][1].0 args[1].0 > 5"]
    assert found[0].description == "batch['pair'][0]: 5, batch['pair'][1]: 5, args[1]: 5"
    (batch, _), _ = found[0].build()
    assert batch["n"] == 3


def test_the_model_comes_back_and_stays_silent(capsys: pytest.CaptureFixture[str]) -> None:
    class Loud(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(3)
            self.calls = 0

        def forward(self, x: Tensor) -> Tensor:
            print("called")
            self.calls += 1
            return self.norm(x)

    model = Loud()
    before = torch.get_rng_state()
    assert moved(free_sizes(model, (torch.randn(5, 3),))) == ["x.0 > 6"]
    assert model.calls == 0
    assert model.training
    assert capsys.readouterr().out == ""
    assert not same_bits(before, torch.get_rng_state())  # by torch.randn(5, 3) alone
    torch.set_rng_state(before)


def test_the_cheapest_inputs() -> None:
    x = torch.randn(1, 3, 64, 64)
    (small,), _ = cheapest((x,), {}, free_sizes(Conv(), (x,)))
    assert small.shape == (2, 3, 10, 12)
    (same,), _ = cheapest((x,), {}, ())
    assert same is x


def test_time_is_limited() -> None:
    class Slow(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            torch.ones(()).item()
            return x

    assert free_sizes(Slow(), (torch.randn(3),), max_seconds=0) == ()


def test_candidates_that_no_other_dim_has_come_first() -> None:
    assert candidates(4, taken={5, 6}) == [7, 2, 8, 12, 20, 36, 3, 5, 6]
    assert candidates(1, taken=set()) == [2, 3, 4, 5, 9, 17, 33]
    assert candidates(2, taken=set())[0] == 3
    assert candidates(224, taken={33})[0] == 35


def test_a_batch_of_large_inputs_is_made_smaller() -> None:
    assert candidates(16, taken=set(), shorten=8)[0] == 3
    conv = nn.Conv2d(1, 1, 3)
    small, large = torch.randn(16, 1, 32, 32), torch.randn(16, 1, 384, 384)
    assert free_sizes(conv, (small,))[0].groups[0].size == 17
    assert free_sizes(conv, (large,))[0].groups[0].size == 3


class Product(nn.Module):
    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        return torch.conv2d(x, w)


def test_sizes_whose_product_has_no_room_are_left_out() -> None:
    variants = free_sizes(Product(), (torch.randn(1, 1, 4, 4), torch.randn(1, 1, 2, 2)))
    assert affordable(variants, 1024) == variants
    dearest = max(variants, key=lambda variant: variant.cost)
    assert dearest.cost > 8
    left = affordable(variants, (1 << 30) // 8)
    assert left
    assert dearest not in left


class Attention(nn.Module):
    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, k, v)


def test_keys_and_values_stay_as_many() -> None:
    """torch's kernel takes other values than keys, and reads where there is nothing."""
    variants = free_sizes(Attention(), (torch.randn(2, 3, 4, 8), *torch.randn(2, 2, 3, 5, 8)))
    for variant in variants:
        (_, k, v), _ = variant.build()
        assert k.shape[-2] == v.shape[-2]
    assert any(variant.build()[0][1].shape[-2] != 5 for variant in variants)


def test_sizes_that_stand_still_for_a_neighbour_are_no_promise() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 4, 4, stride=4), nn.Conv1d(4, 4, 2, stride=2)

        def forward(self, x: Tensor) -> Tensor:
            return self.second(self.first(x).flatten(2))

    model = Net()
    module = unfoldify.unfoldify(model, torch.randn(2, 3, 16, 16)).module
    other = torch.randn(2, 3, 20, 20)
    torch.testing.assert_close(module(other), model(other))


def test_dims_of_nearly_one_size_do_not_move_in_step() -> None:
    variant = free_sizes(nn.Linear(4, 4), (torch.randn(2, 3, 4),))[-1]
    assert moved((variant,)) == ["input.0 > 5, input.1 > 7"]


class Decoder(nn.Module):
    """One step less than tokens; in the example that is one more than sentences, too."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 4)
        self.cell = nn.GRUCell(4, 4)

    def forward(self, tokens: Tensor, hidden: Tensor) -> Tensor:
        steps = []
        for t in range(1, tokens.size(0)):
            hidden = self.cell(self.embedding(tokens[t]), hidden)
            steps.append(hidden)
        return torch.stack(steps)


def test_a_count_of_steps_is_not_taken_for_one_of_sentences() -> None:
    torch.manual_seed(0)
    model = Decoder()
    module = unfoldify.unfoldify(model, (torch.randint(11, (4, 2)), torch.randn(2, 4))).module
    for other in (
        (torch.randint(11, (8, 2)), torch.randn(2, 4)),
        (torch.ones(4, 5).long(), torch.randn(5, 4)),
    ):
        torch.testing.assert_close(module(*other), model(*other))


def test_a_negative_number_is_no_square() -> None:
    assert related(root, None, 49) == 7
    assert related(root, None, -49) is None
