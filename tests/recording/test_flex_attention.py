"""`flex_attention`, spelled out: its functions of scores and indices, its masks, its statistics."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.attention.flex_attention import (
    AuxRequest,
    create_block_mask,
    flex_attention,
    or_masks,
)

import unfoldify
from unfoldify.errors import CaptureError

COMPILED = torch.compile(flex_attention)


def causal(b, h, q_idx, kv_idx):
    return q_idx >= kv_idx


def no_key_for_the_first(b, h, q_idx, kv_idx):
    return q_idx > kv_idx


def distance(score, b, h, q_idx, kv_idx):
    return score + 0.1 * (kv_idx - q_idx)


def causal_score(score, b, h, q_idx, kv_idx):
    return torch.where(q_idx > kv_idx, torch.tanh(score / 5) * 5, -float("inf"))


class Attention(nn.Module):
    """`call` is given the module, q, k and v."""

    def __init__(self, call, key_heads=4):
        super().__init__()
        self.call, self.key_heads = call, key_heads
        self.q, self.kv = nn.Linear(16, 16), nn.Linear(16, 8 * key_heads)
        self.slopes = nn.Parameter(torch.rand(4))

    def forward(self, x):
        b, n, _ = x.shape
        q = self.q(x).view(b, n, 4, 4).transpose(1, 2)
        k, v = self.kv(x).view(b, n, 2, self.key_heads, 4).permute(2, 0, 3, 1, 4)
        return self.call(self, q, k, v)


class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.proj = nn.Linear(16, 16)

    def forward(self, x):
        y = self.proj(x)[:, None]
        return flex_attention(y, y, y)


def masked(function):
    def call(module, q, k, v):
        n = q.shape[2]
        mask = create_block_mask(function, None, None, n, n, device=q.device)
        return flex_attention(q, k, v, block_mask=mask)

    return call


def with_slopes(module, q, k, v):
    def alibi(score, b, h, q_idx, kv_idx):
        return score + module.slopes[h] * (kv_idx - q_idx)

    return flex_attention(q, k, v, score_mod=alibi)


def with_documents(module, q, k, v):
    documents = (q[:, 0, :, 0] > 0).cumsum(dim=1)

    def same_document(b, h, q_idx, kv_idx):
        return documents[b, q_idx] == documents[b, kv_idx]

    b, _, n, _ = q.shape
    mask = create_block_mask(or_masks(causal, same_document), b, None, n, n, device=q.device)
    return COMPILED(q, k, v, score_mod=distance, block_mask=mask)


CALLS = {
    "plain": lambda module, q, k, v: flex_attention(q, k, v),
    "scale": lambda module, q, k, v: flex_attention(q, k, v, distance, scale=0.5),
    "compiled": lambda module, q, k, v: COMPILED(q, k, v),
    "causal": masked(causal),
    "no key": masked(no_key_for_the_first),
    "no key by score": lambda module, q, k, v: flex_attention(q, k, v, score_mod=causal_score),
    "slopes": with_slopes,
    "documents": with_documents,
    "statistics": lambda module, q, k, v: flex_attention(q, k, v, return_aux=AuxRequest(lse=True)),
}


@pytest.mark.parametrize("style", ["product", "einsum"])
@pytest.mark.parametrize("call", CALLS)
def test_it_is_the_scores_their_functions_and_the_sums(call, style):
    torch.manual_seed(0)
    result = unfoldify.unfoldify(Attention(CALLS[call]), (torch.randn(2, 9, 16),), style=style)
    assert "flex" not in result.source
    assert result.report.verification.ok


def test_keys_of_fewer_heads():
    def call(module, q, k, v):
        return flex_attention(q, k, v, score_mod=distance, enable_gqa=True)

    result = unfoldify.unfoldify(Attention(call, key_heads=2), (torch.randn(2, 9, 16),))
    assert "k.repeat_interleave(q.shape[-3] // k.shape[-3], dim=1)" in result.source


def test_how_it_reads():
    result = unfoldify.unfoldify(
        Attention(CALLS["documents"]), (torch.randn(2, 9, 16),), style="einsum"
    )
    wanted = """
        scores = scores + 0.1 * (kv_idx - q_idx)
        scores = scores.masked_fill(~mask, float("-inf"))
        weights = scores.softmax(dim=-1).masked_fill(~mask, 0.0)  # zeros for a query with no key
    """
    assert wanted.strip() in result.source


def test_what_is_no_function_of_single_numbers_is_refused():
    def mean(score, b, h, q_idx, kv_idx):
        return score * score.mean()

    model = Attention(lambda module, q, k, v: flex_attention(q, k, v, score_mod=mean))
    with pytest.raises(CaptureError) as refused:
        unfoldify.unfoldify(model, (torch.randn(2, 9, 16),))
    said = str(refused.value)
    assert "test_flex_attention.py:" in said
    assert "flex_attention(q, k, v, score_mod=mean)" in said
    assert "does not compute each score by itself" in said
    assert said.endswith("(+, *, >=, torch.where, table[index]).")


def test_patch_leaves_the_call_with_the_reason():
    report = unfoldify.unfoldify(Whole(), (torch.randn(2, 9, 16),), layout="patch").report
    assert report.declined == (
        (
            "scaled_dot_product_attention",
            "`flex_attention(y, y, y)` computes it inside of other code",
        ),
    )


def test_torchs_function_is_itself_again():
    q = torch.randn(1, 2, 5, 4)
    before = flex_attention.__code__
    unfoldify.unfoldify(Attention(CALLS["causal"]), (torch.randn(2, 9, 16),))
    assert flex_attention.__code__ is before
    with torch.compiler.set_stance("force_eager"):
        torch.testing.assert_close(
            flex_attention(q, q, q), nn.functional.scaled_dot_product_attention(q, q, q)
        )
