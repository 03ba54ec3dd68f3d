"""Faults that a rewrite could have: each is found, and what is said names it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unfoldify.verification.verify import Verification, verify


class Block(nn.Module):
    """A convolution with everything on it, then attention with a mask, then a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.bn = nn.BatchNorm2d(6)
        self.norm = nn.LayerNorm(6, eps=1e-5)
        self.qkv = nn.Linear(6, 18)
        self.out = nn.Linear(6, 6)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.convolved(x)
        x = F.relu(self.bn(x)).flatten(2).transpose(1, 2)
        q, k, v = self.qkv(self.normed(x)).chunk(3, dim=-1)
        weights = self.weighed(q, k)
        y = F.linear(weights @ v, self.out.weight, self.out.bias)
        return self.dropped(y), weights

    def convolved(self, x: Tensor) -> Tensor:
        return self.conv(x)

    def normed(self, x: Tensor) -> Tensor:
        return self.norm(x)

    def weighed(self, q: Tensor, k: Tensor) -> Tensor:
        scores = q @ k.mT * q.shape[-1] ** -0.5
        future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        return scores.masked_fill(future, float("-inf")).softmax(dim=-1)

    def dropped(self, y: Tensor) -> Tensor:
        return F.dropout(y, 0.1, self.training)


class Net(nn.Module):
    def __init__(self, block: type[Block] = Block) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 3, 3, padding=1)
        self.block = block()
        self.head = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x, weights = self.block(self.stem(x))
        return {"logits": self.head(x), "weights": weights}


class Same(Block):
    """Written otherwise, computing the same."""

    def convolved(self, x: Tensor) -> Tensor:
        x = F.pad(x, (1, 1, 1, 1)).unfold(2, 3, 2).unfold(3, 3, 2)
        x = torch.einsum("bchwij,ocij->bohw", x, self.conv.weight)
        return x + self.conv.bias[:, None, None]


class WrongStride(Block):
    def convolved(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.conv.weight, self.conv.bias, stride=1, padding=1)[..., 1::2, ::2]


class OtherStride(Block):
    def convolved(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.conv.weight, self.conv.bias, stride=1, padding=1)


class NoBias(Block):
    def convolved(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.conv.weight, None, stride=2, padding=1)


class TransposedKernel(Block):
    def convolved(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.conv.weight.mT, self.conv.bias, stride=2, padding=1)


class ShiftedPadding(Block):
    def convolved(self, x: Tensor) -> Tensor:
        x = F.pad(x, (0, 2, 1, 1))
        return F.conv2d(x, self.conv.weight, self.conv.bias, stride=2)


class OtherPaddingMode(Block):
    def convolved(self, x: Tensor) -> Tensor:
        x = F.pad(x, (1, 1, 1, 1), mode="replicate")
        return F.conv2d(x, self.conv.weight, self.conv.bias, stride=2)


class OtherEpsilon(Block):
    def normed(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, (6,), self.norm.weight, self.norm.bias, 1e-6)


class NoMask(Block):
    def weighed(self, q: Tensor, k: Tensor) -> Tensor:
        return (q @ k.mT * q.shape[-1] ** -0.5).softmax(dim=-1)


class OtherScale(Block):
    def weighed(self, q: Tensor, k: Tensor) -> Tensor:
        return super().weighed(q * 1.0001, k)


class DetachedScores(Block):
    def weighed(self, q: Tensor, k: Tensor) -> Tensor:
        return super().weighed(q, k.detach())


class DetachedInput(Block):
    def convolved(self, x: Tensor) -> Tensor:
        return self.conv(x.detach())


class FrozenDropout(Block):
    def dropped(self, y: Tensor) -> Tensor:
        return F.dropout(y, 0.1, training=False)


class DropoutAlways(Block):
    def dropped(self, y: Tensor) -> Tensor:
        return F.dropout(y, 0.1, training=True)


class OtherDropout(Block):
    def dropped(self, y: Tensor) -> Tensor:
        return F.dropout(y, 0.2, self.training)


class BakedBatch(Block):
    def convolved(self, x: Tensor) -> Tensor:
        return super().convolved(x).reshape(2, 6, 4, 4)


class FrozenStatistics(Block):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        buffers = {name: b.clone() for name, b in self.bn.named_buffers()}
        out = super().forward(x)
        for name, buffer in self.bn.named_buffers():
            buffer.data.copy_(buffers[name])
        return out


class SwappedOutputs(Block):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y, weights = super().forward(x)
        return y, weights.mT


class DropsPrecision(Block):
    def normed(self, x: Tensor) -> Tensor:
        return self.norm(x).bfloat16().to(x.dtype)


def numberless(text: str) -> str:
    """The text with each number as `#`, but those of sizes and names."""
    return re.sub(r"(?<![\w.])-?\d+(\.\d+)?(e[+-]?\d+)?(?![\w.]*x\d)(?=[\s,;\]:)]|$)", "#", text)


def verified(block: type[Block]) -> Verification:
    torch.manual_seed(0)
    return verify(Net(), Net(block), (torch.randn(2, 3, 8, 8),))


IN_CONV = (
    "output['logits'] differs by # of its largest value: wanted #, found # at [#, #, #],"
    " in evaluation with x: 2x3x8x8;"
    " it arises in block.conv (Conv2d), first seen at the input of block.bn"
)
IN_BLOCK = (
    "output['logits'] differs by # of its largest value: wanted #, found # at [#, #, #],"
    " in evaluation with x: 2x3x8x8;"
    " it arises between the output of block.qkv and the output of block"
)
FAULTS: dict[type[Block], str] = {
    WrongStride: IN_CONV,
    OtherStride: "output['logits'] has shape [#, #, #] in the original and [#, #, #] in the"
    " rewritten model, in evaluation with x: 2x3x8x8;"
    " it arises in block.conv (Conv2d), first seen at the input of block.bn",
    NoBias: IN_CONV,
    TransposedKernel: IN_CONV,
    ShiftedPadding: IN_CONV,
    OtherPaddingMode: IN_CONV,
    OtherEpsilon: "output['logits'] differs by # of its largest value: wanted #, found # at"
    " [#, #, #], in evaluation with x: 2x3x8x8;"
    " it arises in block.norm (LayerNorm), first seen at the input of block.qkv",
    NoMask: IN_BLOCK,
    OtherScale: IN_BLOCK,
    DropoutAlways: IN_BLOCK,
    SwappedOutputs: IN_BLOCK.replace("logits", "weights"),
    DetachedScores: "the gradient of block.qkv.weight differs by # of its largest value: wanted #,"
    " found # at [#, #], in evaluation with x: 2x3x8x8;"
    " the first of # gradients that differ, from the output on",
    DetachedInput: "the gradient of stem.weight is missing in the rewritten model: up to #,"
    " in evaluation with x: 2x3x8x8; the first of # gradients that differ, from the output on",
    FrozenDropout: IN_BLOCK.replace("evaluation with x: 2x3x8x8", "training with x: 4x3x9x10"),
    OtherDropout: IN_BLOCK.replace("evaluation with x: 2x3x8x8", "training with x: 4x3x9x10"),
    BakedBatch: "the rewritten model fails where the original runs: RuntimeError: shape"
    " '[#, #, #, #]' is invalid for input of size # (test_faults.py:#),"
    " in training with x: 4x3x9x10",
    FrozenStatistics: "the buffer block.bn.running_mean after the call differs by # of its largest"
    " value: wanted #, found # at [#], in training with x: 4x3x9x10",
    DropsPrecision: "output['logits'] differs by # of its largest value: wanted #, found # at"
    " [#, #, #], in evaluation with x: 2x3x8x8;"
    " it arises between the output of block.norm and the input of block.qkv",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_is_found_and_named(fault: type[Block]) -> None:
    verification = verified(fault)
    assert not verification.ok
    assert numberless(str(verification.first_difference)) == FAULTS[fault]


def test_every_fault_above_is_in_the_table() -> None:
    assert set(Block.__subclasses__()) == {Same, *FAULTS}


def test_the_same_written_otherwise_is_equal() -> None:
    verification = verified(Same)
    assert verification.ok, str(verification)
    assert verification.first_difference is None
    assert [(check.mode, check.inputs, check.precision) for check in verification.checks] == [
        ("evaluation", "x: 2x3x8x8", "float64"),
        ("training", "x: 4x3x9x10", "float64"),
        ("training", "x: 2x3x8x8", "float64"),
        ("evaluation", "x: 4x3x9x10", "float64"),
        ("evaluation", "x: 2x3x8x8", "float32"),
    ]
    for check in verification.checks[:4]:
        assert 0 <= (check.outputs or 0) < 1e-14
        assert 0 <= (check.gradients or 0) < 1e-10
        assert 0 <= (check.buffers or 0) < 1e-14


def test_a_zero_initialised_branch_hides_nothing() -> None:
    class Gated(nn.Module):
        def __init__(self, scale: float) -> None:
            super().__init__()
            self.gate = nn.Parameter(torch.zeros(1))
            self.branch = nn.Linear(4, 4)
            nn.init.zeros_(self.branch.weight)
            self.scale = scale

        def forward(self, x: Tensor) -> Tensor:
            return x + self.gate * self.branch(x * self.scale)

    x = torch.randn(3, 4)
    assert torch.equal(Gated(1.0)(x), Gated(2.0)(x))
    found = verify(Gated(1.0), Gated(2.0), (x,)).first_difference
    assert numberless(str(found)) == (
        "output differs by # of its largest value: wanted #, found # at [#, #], in evaluation"
        " with x: 3x4; it arises between the input of the model and the input of branch"
    )


def test_a_fault_at_another_size_alone() -> None:
    class Windows(nn.Module):
        def __init__(self, crop: bool) -> None:
            super().__init__()
            self.crop = crop

        def forward(self, x: Tensor) -> Tensor:
            out = F.conv2d(x, torch.ones(1, 1, 3, 3, dtype=x.dtype), padding=1, stride=2)
            return out[..., :4] if self.crop else out

    found = verify(Windows(False), Windows(True), (torch.randn(2, 1, 8, 8),)).first_difference
    assert numberless(str(found)) == (
        "output has shape [#, #, #, #] in the original and [#, #, #, #] in the rewritten model,"
        " in training with x: 3x1x9x10"
    )


@pytest.mark.parametrize(
    ("wanted", "found", "text"),
    [
        ((1.0, 2.0), [1.0, 2.0], "output is tuple in the original and list in the rewritten model"),
        (
            (1.0, 2.0),
            1.0,
            "output is tuple in the original and a single value in the rewritten model",
        ),
        ({"a": 1.0}, {"b": 1.0}, "output['a'] is returned by the original alone"),
        ([1], [1, 2], "output[1] is returned by the rewritten model alone"),
        (3, 4, "output differs: wanted 3, found 4"),
        (3, True, "output differs: wanted 3, found True"),
        ("a", None, "output differs: wanted 'a', found None"),
        (0.5, 0.25, "output differs: wanted 0.5, found 0.25"),
    ],
)
def test_other_structures_and_values(wanted: object, found: object, text: str) -> None:
    class Returns(nn.Module):
        def __init__(self, value: object) -> None:
            super().__init__()
            self.value = value

        def forward(self, x: Tensor) -> object:
            return self.value

    said = verify(Returns(wanted), Returns(found), (torch.randn(2),)).first_difference
    assert said is not None
    assert said.startswith(f"{text}, in evaluation with x: 2")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            lambda x: x.where(x > 0, torch.nan),
            "output is NaN in only one of the models at # places",
        ),
        (lambda x: x.where(x > 0, torch.inf), "output is infinite in only one of the models at #"),
        (lambda x: (x > 0).to(x), "output differs by # of its largest value"),
        (lambda x: x.long(), "output has dtype torch.float64 in the original and torch.int64"),
        (lambda x: None, "output differs: wanted a tensor [#], found None"),
    ],
)
def test_other_numbers(change: Callable[[Tensor], Tensor], text: str) -> None:
    class Changes(nn.Module):
        def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
            super().__init__()
            self.change = change

        def forward(self, x: Tensor) -> Tensor:
            return self.change(x)

    torch.manual_seed(0)
    said = verify(Changes(lambda x: x), Changes(change), (torch.randn(8),)).first_difference
    assert numberless(str(said)).startswith(text)


def test_booleans_and_integers_are_compared_exactly() -> None:
    class Above(nn.Module):
        def __init__(self, limit: float) -> None:
            super().__init__()
            self.limit = limit

        def forward(self, x: Tensor) -> Tensor:
            return x > self.limit

    x = torch.tensor([-1.0, 0.25, 2.0])
    said = verify(Above(0.0), Above(0.5), (x,)).first_difference
    assert said == (
        "output differs in 1 of 3 values: wanted True, found False at [1], in evaluation with x: 3"
    )
