"""The comments that head rewritten calls: the layer or the function, and what is special."""

from __future__ import annotations

import einops
import torch
import torch.nn.functional as F
from torch import Tensor, nn, randn

import unfoldify


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q = nn.Linear(4, 4)
        self.embed = nn.Conv1d(3, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x).transpose(1, 2)
        scores = torch.einsum("bid,bjd->bij", self.q(x), x)
        out: Tensor = F.scaled_dot_product_attention(x, x, scores, is_causal=True)
        return out


def source(**options: object) -> str:
    return unfoldify.unfoldify(Attention(), torch.randn(2, 3, 5), **options).source  # type: ignore[arg-type]


def test_layer_and_function() -> None:
    text = source()
    assert "# embed: kernel 3, padding 1\n" in text
    assert "# einsum: bid,bjd->bij\n" in text
    assert "# scaled_dot_product_attention, causal\n" in text
    assert "# q\n" in text


def test_an_einsum_that_stays_one_says_its_equation_once() -> None:
    text = source(style="einsum")
    assert "# einsum\n" in text
    assert "bid" not in text


def test_a_long_heading_is_broken_between_words() -> None:
    class Net(nn.Module):
        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            out: Tensor = einops.einsum(
                x, y, "batch_of_images row_of_the_image depth, depth row_of_the_patch "
                "-> batch_of_images row_of_the_image row_of_the_patch"
            )  # fmt: skip
            return out

    text = unfoldify.unfoldify(Net(), (torch.randn(2, 3, 4), torch.randn(4, 5))).source
    start = text.index("        # einsum: batch_of_images")
    first, second = text[start:].splitlines()[:2]
    assert len(first) <= 100
    assert second.startswith("        # ")
    assert first.endswith("->") or second.endswith("row_of_the_patch")


def test_a_function_is_headed_by_its_equation() -> None:
    text = source(layout="functions")
    assert 'def contraction(x, y):\n    """`bid,bjd->bij`"""\n' in text


class MultiHead(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        x, _ = self.attn(x, x, x)
        return x


PARTS = ["in_proj: queries, keys and values of all heads", "attention", "out_proj"]


def test_a_rule_of_several_steps_is_in_parts() -> None:
    for layout in ("inline", "functions"):
        result = unfoldify.unfoldify(MultiHead(), torch.randn(2, 3, 4), layout=layout)
        lines = [line.strip() for line in result.source.splitlines()]
        places = [lines.index(f"# {part}") for part in PARTS]
        assert places == sorted(places)
        assert all(lines[place - 1] == "" for place in places[1:])


def test_a_rule_of_one_step_has_no_parts() -> None:
    lines = [line.strip() for line in source(skip=["attention"]).splitlines()]
    assert not {f"# {part}" for part in PARTS} & set(lines)


def test_patterns_of_the_torch_dialect_stand_in_functions_as_well() -> None:
    text = source(layout="functions", dialect="torch")
    assert "# b j d -> b 1 j d\n" in text


class ListsOfLists(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        pair = [nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)]) for _ in range(2)]
        self.stages = nn.ModuleList(pair)

    def forward(self, x: Tensor) -> Tensor:
        for stage in self.stages:
            for layer in stage:
                x = layer(x).tanh()
        return x


def test_a_layer_of_a_loop_in_a_loop_goes_by_the_inner_variable() -> None:
    source = unfoldify.unfoldify(ListsOfLists(), (randn(2, 4),)).source
    assert "# layer\n" in source
    assert "# stage.0" not in source
