"""What torch computes in one call on its fast paths: attention, encoder layer, loss, experts."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from unfoldify.notes import remark
from unfoldify.rules.attention import attended, attention_scores
from unfoldify.rules.checks import check, check_dtypes, check_rank, shape_of, spelled
from unfoldify.rules.linear import linear
from unfoldify.rules.masks import softmax_or_nan
from unfoldify.rules.matmul import bmm
from unfoldify.rules.multihead import Layout, projected
from unfoldify.rules.rule import Style, check_style
from unfoldify.rules.sizes import sizes


def native_multi_head_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim: int,
    num_head: int,
    qkv_weight: Tensor,
    qkv_bias: Tensor,
    proj_weight: Tensor,
    proj_bias: Tensor,
    mask: Tensor | None = None,
    need_weights: bool = True,
    average_attn_weights: bool = True,
    mask_type: int | None = None,
    *,
    style: Style = "product",
) -> tuple[Tensor, Tensor | None]:
    """`b n (h d)`, three times → `b n (h d)` and `b n_q n_k`; a mask is true where nobody looks"""
    check_style(style)
    layout = Layout("b n", "b", num_head)
    q, k, v = projected((query, key, value), qkv_weight, qkv_bias, layout, style)
    scores = attention_scores(q, k, layout.lead, None, style)
    attention = softmax_or_nan(scores, None, _ignored(mask, mask_type))
    x = attended(attention, v, layout.lead, style)
    x = rearrange(x, "b h n d -> b n (h d)")
    x = linear(x, proj_weight, proj_bias, style=style)
    if not need_weights:
        return x, None
    if average_attn_weights:
        attention = attention.mean(dim=1)
    return x, attention


def _ignored(mask: Tensor | None, mask_type: int | None) -> Tensor | None:
    """The mask as a bool that broadcasts to the scores; of type 1 it is one of keys: `b n_k`"""
    if mask is None:
        return None
    if mask.dtype != torch.bool:
        mask = mask.bool()
    if mask_type == 1 and mask.dim() == 2:
        mask = rearrange(mask, "b n_k -> b 1 1 n_k")
    return mask


def transformer_encoder_layer_fwd(
    src: Tensor,
    embed_dim: int,
    num_heads: int,
    qkv_weight: Tensor,
    qkv_bias: Tensor,
    proj_weight: Tensor,
    proj_bias: Tensor,
    use_gelu: bool,
    norm_first: bool,
    eps: float,
    norm_weight_1: Tensor,
    norm_bias_1: Tensor,
    norm_weight_2: Tensor,
    norm_bias_2: Tensor,
    ffn_weight_1: Tensor,
    ffn_bias_1: Tensor,
    ffn_weight_2: Tensor,
    ffn_bias_2: Tensor,
    mask: Tensor | None = None,
    mask_type: int | None = None,
    *,
    style: Style = "product",
) -> Tensor:
    """`b n (h d) -> b n (h d)`: attention and two linear layers, each normalised and added"""
    check_style(style)

    def attention(x: Tensor) -> Tensor:
        weights = qkv_weight, qkv_bias, proj_weight, proj_bias
        sizes = embed_dim, num_heads
        return native_multi_head_attention(
            x, x, x, *sizes, *weights, mask, False, True, mask_type, style=style
        )[0]

    def feed_forward(x: Tensor) -> Tensor:
        x = linear(x, ffn_weight_1, ffn_bias_1, style=style)
        x = F.gelu(x) if use_gelu else F.relu(x)
        return linear(x, ffn_weight_2, ffn_bias_2, style=style)

    x = src
    if norm_first:
        x = x + attention(F.layer_norm(x, (embed_dim,), norm_weight_1, norm_bias_1, eps))
        return x + feed_forward(F.layer_norm(x, (embed_dim,), norm_weight_2, norm_bias_2, eps))
    x = F.layer_norm(x + attention(x), (embed_dim,), norm_weight_1, norm_bias_1, eps)
    return F.layer_norm(x + feed_forward(x), (embed_dim,), norm_weight_2, norm_bias_2, eps)


def linear_cross_entropy(
    input: Tensor,  # noqa: A002  (torch calls it `input`)
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: object = None,
    style: Style = "product",
) -> Tensor:
    """The cross entropy of `b i, c i -> b c`; a weight `c ... i` has a class for each of `...`"""
    check_rank("linear_cross_entropy", "input", input, 1, 2)
    check(
        linear_weight.dim() <= 2 or input.dim() == 2,
        "linear_cross_entropy",
        f"input should be a batch for linear_weight ({spelled(shape_of(linear_weight))}), "
        f"it is {spelled(shape_of(input))}",
    )
    w, bias, extra = linear_weight, linear_bias, sizes(linear_weight)[1:-1]
    if extra:
        w = rearrange(w, "c ... i -> (c ...) i")
        bias = None if bias is None else rearrange(bias, "c ... -> (c ...)")
    logits = linear(input, w, bias, style=style)
    if extra:
        logits = torch.unflatten(logits, -1, (-1, *extra))
    return F.cross_entropy(
        logits,
        target,
        weight=weight,
        reduction=reduction,
        ignore_index=-100 if ignore_index is None else ignore_index,
        label_smoothing=label_smoothing,
    )


def grouped_mm(
    mat_a: Tensor,
    mat_b: Tensor,
    offs: Tensor | None = None,
    bias: Tensor | None = None,
    out_dtype: torch.dtype | None = None,
    *,
    style: Style = "product",
) -> Tensor:
    """`n i, g i o -> n o`, where the rows of the first operand up to `offs[g]` belong to group g

    The groups may also be columns of the second operand (`g o i, i n -> o n`), or pieces of the
    axis that is summed (`m n, n p -> g m p`); without `offs` both operands are stacks.
    """
    check_style(style)
    check_rank("grouped_mm", "mat_a", mat_a, 2, 3)
    check_rank("grouped_mm", "mat_b", mat_b, 2, 3)
    check_dtypes("grouped_mm", mat_a=mat_a, mat_b=mat_b)
    _check_grouped(mat_a, mat_b, offs)
    if offs is None:
        x = bmm(mat_a, mat_b, style=style)
    elif mat_a.dim() == 2 and mat_b.dim() == 3:
        group = _groups(offs, mat_a.shape[0], mat_b.shape[0])
        x = (rearrange(mat_a, "n i -> n i 1") * mat_b[group]).sum(dim=1)
        remark(x, "over i")
    elif mat_a.dim() == 3:
        group = _groups(offs, mat_b.shape[1], mat_a.shape[0])
        x = (rearrange(mat_a[group], "n o i -> o i n") * mat_b).sum(dim=1)
        remark(x, "over i")
    else:
        group = torch.searchsorted(offs, _counted(mat_b.shape[0], offs), right=True)
        number = _counted(offs.shape[0], offs)
        member = (rearrange(number, "g -> g 1") == group).to(mat_a.dtype)
        a = rearrange(mat_a, "m n -> m n 1") * rearrange(member, "g n -> g 1 n 1")
        x = (a * mat_b).sum(dim=2)
        remark(x, "over n")
    if bias is not None:
        x = x + bias
    return x if out_dtype is None else x.to(out_dtype)


def _groups(offs: Tensor, count: int, groups: int) -> Tensor:
    """Which group each of `count` rows belongs to; rows behind the last belong to the last."""
    return torch.searchsorted(offs, _counted(count, offs), right=True).clamp(max=groups - 1)


def _counted(count: int, like: Tensor) -> Tensor:
    return torch.arange(count, dtype=like.dtype, device=like.device)


def _check_grouped(mat_a: Tensor, mat_b: Tensor, offs: Tensor | None) -> None:
    a, b = shape_of(mat_a), shape_of(mat_b)
    stacks = len(a) == len(b) == 3
    check(
        (offs is None) == stacks,
        "grouped_mm",
        f"offs should be given unless both operands are stacks, they are {spelled(a)} and "
        f"{spelled(b)}",
    )
    check(
        a[-1] == b[-2],
        "grouped_mm",
        f"the last dimension of mat_a ({spelled(a)}) should be the last but one of mat_b "
        f"({spelled(b)}): {a[-1]} and {b[-2]}",
    )
