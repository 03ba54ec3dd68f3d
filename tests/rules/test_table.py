"""The table itself: spellings, families, descriptions, names."""

from __future__ import annotations

import inspect
from typing import Any

import einops
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from unfoldify import functional as UF
from unfoldify.rules import LAYERS, ON_REQUEST, RULES, Rule


def r(*shape: int) -> Tensor:
    return torch.zeros(shape)


class Seen(TorchFunctionMode):
    """Which functions torch says were called."""

    def __init__(self) -> None:
        super().__init__()
        self.functions: list[Any] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.functions.append(func)
        return func(*args, **(kwargs or {}))


SPELLINGS = {
    "x @ y": lambda: r(2, 3) @ r(3, 4),
    "matmul": lambda: torch.matmul(r(2, 3), r(3, 4)),
    "x.matmul": lambda: r(2, 3).matmul(r(3, 4)),
    "rmatmul": lambda: r(3, 4).__rmatmul__(r(2, 3)),
    "mm": lambda: r(2, 3).mm(r(3, 4)),
    "bmm": lambda: r(1, 2, 3).bmm(r(1, 3, 4)),
    "mv": lambda: r(2, 3).mv(r(3)),
    "dot": lambda: r(3).dot(r(3)),
    "vdot": lambda: r(3).vdot(r(3)),
    "inner": lambda: r(3).inner(r(3)),
    "outer": lambda: r(3).outer(r(3)),
    "ger": lambda: torch.ger(r(3), r(3)),
    "kron": lambda: r(3).kron(r(3)),
    "vecdot": lambda: torch.linalg.vecdot(r(3), r(3)),
    "multi_dot": lambda: torch.linalg.multi_dot([r(2, 3), r(3, 4)]),
    "tensordot": lambda: torch.tensordot(r(2, 3), r(3, 4), 1),
    "einsum": lambda: torch.einsum("ij,jk", r(2, 3), r(3, 4)),
    "addmm": lambda: r(2, 4).addmm(r(2, 3), r(3, 4)),
    "addmm_": lambda: r(2, 4).addmm_(r(2, 3), r(3, 4)),
    "baddbmm": lambda: torch.baddbmm(r(1, 2, 4), r(1, 2, 3), r(1, 3, 4)),
    "addmv": lambda: r(2).addmv(r(2, 3), r(3)),
    "addr": lambda: r(2, 3).addr(r(2), r(3)),
    "F.linear": lambda: F.linear(r(2, 3), r(4, 3)),
    "nn.Linear": lambda: torch.nn.Linear(3, 4)(r(2, 3)),
    "nn.Bilinear": lambda: torch.nn.Bilinear(3, 4, 5)(r(2, 3), r(2, 4)),
    "nn.Conv1d": lambda: torch.nn.Conv1d(3, 4, 2)(r(2, 3, 5)),
    "nn.Conv2d": lambda: torch.nn.Conv2d(3, 4, 2, padding_mode="circular", padding=1)(
        r(2, 3, 5, 5)
    ),
    "nn.Conv3d": lambda: torch.nn.Conv3d(3, 4, 2)(r(2, 3, 5, 5, 5)),
    "nn.ConvTranspose2d": lambda: torch.nn.ConvTranspose2d(3, 4, 2)(r(2, 3, 5, 5)),
    "attention": lambda: F.scaled_dot_product_attention(r(2, 3), r(2, 3), r(2, 3)),
    "nn.MultiheadAttention": lambda: torch.nn.MultiheadAttention(4, 2)(*[r(2, 3, 4)] * 3),
    "nn.LSTM": lambda: torch.nn.LSTM(3, 4)(r(2, 3)),
    "nn.GRU": lambda: torch.nn.GRU(3, 4)(r(2, 3)),
    "nn.RNN": lambda: torch.nn.RNN(3, 4)(r(2, 3)),
    "nn.LSTMCell": lambda: torch.nn.LSTMCell(3, 4)(r(2, 3)),
    "aten": lambda: torch.ops.aten.conv2d.default(r(1, 3, 4, 4), r(2, 3, 1, 1)),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_every_spelling_has_its_row(name: str) -> None:
    with Seen() as seen:
        SPELLINGS[name]()
    assert any(function in RULES for function in seen.functions)


REQUESTED = {
    "pooling": [
        lambda: torch.nn.MaxPool2d(2)(r(1, 2, 4, 4)),
        lambda: torch.nn.MaxPool2d(2, return_indices=True)(r(1, 2, 4, 4)),
        lambda: torch.nn.AvgPool1d(2)(r(1, 2, 4)),
        lambda: torch.nn.AvgPool3d(2)(r(1, 2, 4, 4, 4)),
        lambda: torch.nn.AdaptiveAvgPool2d(1)(r(1, 2, 4, 4)),
        lambda: torch.nn.AdaptiveMaxPool1d(1)(r(1, 2, 4)),
        lambda: torch.nn.LPPool2d(2, 2)(r(1, 2, 4, 4)),
    ],
    "norm": [
        lambda: torch.nn.BatchNorm2d(2)(r(1, 2, 4, 4)),
        lambda: torch.nn.LayerNorm(4)(r(2, 4)),
        lambda: torch.nn.GroupNorm(1, 2)(r(1, 2, 4)),
        lambda: torch.nn.InstanceNorm1d(2)(r(1, 2, 4)),
        lambda: torch.nn.RMSNorm(4)(r(2, 4)),
        lambda: torch.nn.LocalResponseNorm(2)(r(1, 2, 4)),
    ],
    "softmax": [
        lambda: torch.nn.Softmax(-1)(r(2, 3)),
        lambda: r(2, 3).softmax(-1),
        lambda: torch.log_softmax(r(2, 3), 1),
        lambda: torch.nn.Softmin(-1)(r(2, 3)),
    ],
    "fold": [
        lambda: torch.nn.Unfold(2)(r(1, 2, 4, 4)),
        lambda: torch.nn.Fold((4, 4), 2)(r(1, 8, 9)),
    ],
    "shuffle": [
        lambda: torch.nn.PixelShuffle(2)(r(1, 4, 2, 2)),
        lambda: torch.nn.PixelUnshuffle(2)(r(1, 4, 2, 2)),
        lambda: torch.nn.ChannelShuffle(2)(r(1, 4, 2, 2)),
        lambda: torch.nn.Flatten()(r(1, 4, 2, 2)),
        lambda: torch.nn.Unflatten(1, (2, 2))(r(1, 4, 2, 2)),
    ],
    "embedding": [lambda: torch.nn.Embedding(3, 4)(torch.tensor([1, 2]))],
}


@pytest.mark.parametrize("family", ON_REQUEST)
@pytest.mark.filterwarnings("ignore")
def test_families_have_their_rows_and_nothing_else_has(family: str) -> None:
    for call in REQUESTED[family]:
        with Seen() as seen:
            call()
        assert any(function in ON_REQUEST[family] for function in seen.functions)
    assert not set(ON_REQUEST[family]) & set(RULES)


def test_every_rule_takes_a_style_by_keyword() -> None:
    rules: list[Rule] = [*RULES.values(), *LAYERS.values()]
    for rows in ON_REQUEST.values():
        rules += rows.values()
    for rule in rules:
        style = inspect.signature(rule.function).parameters["style"]
        assert style.kind is inspect.Parameter.KEYWORD_ONLY
        assert style.default == "product"


def test_functional_offers_every_rule_that_has_a_torch_name() -> None:
    missing = set()
    for function in RULES:
        if isinstance(function, torch._ops.OpOverload):
            continue
        name = function.__name__
        public = not name.startswith("_") and not name.endswith("_")
        if public and not hasattr(UF, name.removeprefix("linalg_")):
            missing.add(name)
    assert missing <= {"ger"}  # torch's old name for outer
    for rows in ON_REQUEST.values():
        named = {rule.function for rule in rows.values() if hasattr(F, rule.function.__name__)}
        for rule in named:
            if not rule.__name__.endswith("_with_indices"):
                assert getattr(UF, rule.__name__) is rule
    assert set(UF.__all__) <= set(dir(UF))


def test_signatures_are_torchs() -> None:
    """Where torch's function is a Python function, its parameters are the rule's."""
    for function, rule in RULES.items():
        if not inspect.isfunction(function) or function.__module__ == "torch._tensor":
            continue
        own = inspect.signature(function).parameters
        taken = inspect.signature(rule.function).parameters
        if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in own.values()):
            continue
        assert list(taken)[: len(own)] == list(own), function.__name__
        for name, parameter in own.items():
            assert taken[name].default == parameter.default or name == "out", (function, name)


def described(function: Any, *args: Any, **kwargs: Any) -> str:
    return RULES[function].describe(*args, **kwargs)


def test_descriptions() -> None:
    x, w = r(1, 4, 8, 8), r(4, 4, 3, 3)
    assert described(F.linear, r(2, 3), r(4, 3)) == ""
    assert described(torch.conv2d, x, w, None, 2, 1) == "3x3, stride 2, padding 1"
    assert (
        described(torch.conv2d, x, w, None, (1, 1), "same", (2, 2))
        == "3x3, padding same, dilation 2"
    )
    assert described(torch.conv2d, x, r(4, 1, 3, 1), None, 1, (1, 0), 1, 4) == (
        "3x1, padding 1x0, depthwise"
    )
    assert described(torch.conv1d, r(1, 4, 8), r(4, 2, 3), groups=2) == "kernel 3, 2 groups"
    assert described(torch.conv_transpose2d, x, r(4, 2, 4, 4), None, 2, 1, 1) == (
        "4x4, stride 2, padding 1, output padding 1"
    )
    q = r(2, 3)
    assert described(F.scaled_dot_product_attention, q, q, q, is_causal=True) == "causal"
    assert described(F.scaled_dot_product_attention, q, q, q, r(2, 2), enable_gqa=True) == (
        "masked, grouped queries"
    )
    assert (
        described(F.multi_head_attention_forward, q, q, r(2, 3), 3, 3) == "3 heads, cross-attention"
    )
    call = (r(5, 2, 3), r(2, 2, 4), [], True, 2, 0.0, False, True, True)
    assert described(torch.gru, *call) == "2 layers, both directions, batch first"
    assert described(torch.mm, r(2, 3), r(3, 4)) == ""
    assert described(torch.einsum, "ij, jk->ik", r(2, 3), r(3, 4)) == "ij, jk->ik"
    assert described(torch.einsum, r(2, 3), [0, 1], r(3, 4), [1, 2], [0, 2]) == "AB,BC->AC"
    assert described(einops.einsum, r(2, 3), r(3), "b  i, i -> b") == "b i, i -> b"


def test_a_rule_needs_no_listener_and_changes_nothing_with_one() -> None:
    from transcript import transcript

    x, w = torch.randn(2, 3, 5), torch.randn(4, 3, 2)
    want = x.clone(), w.clone()
    transcript(UF.conv1d, x, w)
    torch.testing.assert_close((x, w), want)
