"""What torch computes in one call on its fast paths, against those calls."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from agreement import both_styles, noise, run
from torch import nn

from unfoldify import functional as UF
from unfoldify.rules import RULES


def watched(monkeypatch: pytest.MonkeyPatch, name: str, style: str) -> list[str]:
    """Every call of torch's function goes through its rule too; the list counts the calls.

    (A TorchFunctionMode would do, but where one is active torch takes no fast path.)
    """
    function, calls = getattr(torch, name), []

    def both(*args: Any) -> Any:
        want = function(*args)
        got = run(RULES[function].function, style, *args)
        torch.testing.assert_close(got, want, equal_nan=True)
        calls.append(name)
        return want

    monkeypatch.setattr(torch, name, both)
    return calls


@both_styles
@pytest.mark.parametrize("need_weights", [True, False])
def test_fast_attention(monkeypatch: Any, need_weights: bool, style: str) -> None:
    calls = watched(monkeypatch, "_native_multi_head_attention", style)
    layer = nn.MultiheadAttention(8, 2, batch_first=True).double().eval()
    x, padding = noise(2, 4, 8), torch.zeros(2, 4, dtype=torch.bool)
    padding[1, 2:] = True
    mask = torch.ones(4, 4, dtype=torch.bool).triu(1)
    with torch.no_grad():
        layer(x, x, x, need_weights=need_weights)
        layer(x, x, x, key_padding_mask=padding, need_weights=need_weights)
        layer(x, x, x, attn_mask=mask, need_weights=need_weights, average_attn_weights=False)
        layer(x, x, x, padding, attn_mask=mask, need_weights=need_weights)
    assert len(calls) == 4


@both_styles
@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.filterwarnings("ignore")
def test_fast_encoder_layer(
    monkeypatch: Any, norm_first: bool, activation: str, style: str
) -> None:
    calls = watched(monkeypatch, "_transformer_encoder_layer_fwd", style)
    layer = nn.TransformerEncoderLayer(
        8, 2, 16, activation=activation, batch_first=True, norm_first=norm_first
    )
    layer = layer.double().eval()
    padding = torch.zeros(2, 4, dtype=torch.bool)
    padding[0, 3:] = True
    with torch.no_grad():
        for p in layer.parameters():
            p.add_(0.1 * noise(*p.shape))
        layer(noise(2, 4, 8))
        layer(noise(2, 4, 8), src_key_padding_mask=padding)
    assert len(calls) == 2


OFFSETS = torch.tensor([2, 2, 6], dtype=torch.int32)


@both_styles
@pytest.mark.parametrize(
    ("a", "b", "offs"),
    [
        ((6, 8), (3, 8, 16), OFFSETS),
        ((3, 16, 8), (8, 6), OFFSETS),
        ((4, 6), (6, 8), OFFSETS),
        ((3, 4, 8), (3, 8, 16), None),
    ],
)
def test_experts(a: Any, b: Any, offs: Any, style: str) -> None:
    x, w = noise(*a, dtype=torch.float32), noise(*b, dtype=torch.float32, seed=1)
    want = torch.zeros(0)
    if offs is None:
        want = x @ w
    elif len(b) == 3:
        want = torch.cat([x[:2] @ w[0], x[2:2] @ w[1], x[2:] @ w[2]])
    elif len(a) == 3:
        want = torch.cat([x[0] @ w[:, :2], x[1] @ w[:, 2:2], x[2] @ w[:, 2:]], dim=1)
    else:
        want = torch.stack([x[:, :2] @ w[:2], x[:, 2:2] @ w[2:2], x[:, 2:] @ w[2:]])
    got = run(UF.grouped_mm, style, x, w, offs)
    torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5)


@both_styles
def test_experts_as_torch_has_them(style: str) -> None:
    x, w = noise(6, 8, dtype=torch.float32), noise(3, 16, 8, dtype=torch.float32).mT
    want = F.grouped_mm(x, w, offs=OFFSETS)
    torch.testing.assert_close(
        run(UF.grouped_mm, style, x, w, offs=OFFSETS), want, rtol=1e-5, atol=1e-5
    )
