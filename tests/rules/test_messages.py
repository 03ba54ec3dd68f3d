# ruff: noqa: E501  (messages stand whole)
"""Bad arguments raise what torch raises, and say which argument, what was wanted, what was found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from unfoldify import functional as UF
from unfoldify.rules import ON_REQUEST


def r(*shape: int) -> Tensor:
    return torch.zeros(shape)


def requested(family: str, function: Callable[..., Any]) -> Callable[..., Any]:
    return ON_REQUEST[family][function].function


HEAD = (r(6, 2), r(6), None, None, False, 0.0, r(2, 2), r(2))

CASES: list[tuple[Callable[..., Any], Callable[..., Any], tuple[Any, ...], dict[str, Any], str]] = [
    (UF.linear, F.linear, (r(2, 3), r(4, 5)), {},
     "linear: input (2x3) should have the 5 features that weight (4x5) takes, it has 3"),
    (UF.linear, F.linear, (r(2, 3), r(2, 4, 3)), {}, "linear: weight should be `o i`, it is 2x4x3"),
    (UF.linear, F.linear, (r(2, 3), r(4, 3).double()), {},
     "linear: input and weight should have one dtype, input is torch.float32 and weight is torch.float64"),
    (UF.matmul, torch.matmul, (r(2, 3), r(4, 3)), {},
     "matmul: the last dimension of input (2x3) should be the last but one of other (4x3): 3 and 4"),
    (UF.matmul, torch.matmul, (r(3), r(4)), {},
     "matmul: the last dimension of input (3) should be the only one of other (4): 3 and 4"),
    (UF.matmul, torch.matmul, (r(2, 2, 3), r(3, 3, 4)), {},
     "matmul: the leading dimensions of input (2x2x3) and other (3x3x4) should be equal or 1"),
    (UF.matmul, torch.matmul, (r(2), r()), {},
     "matmul: other should have at least 1 dimension, it is a scalar"),
    (UF.matmul, torch.matmul, (r(2, 2).bool(), r(2, 2).bool()), {},
     "matmul: not implemented for 'Bool', wanted numbers"),
    (UF.mm, torch.mm, (r(3), r(3, 4)), {}, "mm: input should have 2 dimensions, it has 1 (3)"),
    (UF.bmm, torch.bmm, (r(3, 2, 2), r(4, 2, 2)), {},
     "bmm: mat2 (4x2x2) should have 3 in dimension 0, it has 4: as many matrices as input"),
    (UF.addmm, torch.addmm, (r(3, 3), r(2, 2), r(2, 3)), {},
     "addmm: input (3x3) should broadcast to the product (2x3)"),
    (UF.addr, torch.addr, (r(2, 3).long(), r(2).long(), r(3).long()), {"alpha": 0.5},
     "addr: alpha should be an integer for tensors of torch.int64, it is 0.5"),
    (UF.inner, torch.inner, (r(2, 3), r(4, 2)), {},
     "inner: other (4x2) should have 3 in dimension -1, it has 2: the last dimension of input"),
    (UF.tensordot, torch.tensordot, (r(2, 4), r(2, 5), 1), {},
     "tensordot: dimension 1 of a (2x4) and 0 of b (2x5) should be equal, they are 4 and 2"),
    (UF.multi_dot, torch.linalg.multi_dot, ([r(2, 4)],), {},
     "multi_dot: tensors should be at least 2, they are 1"),
    (UF.multi_dot, torch.linalg.multi_dot, ([r(2, 2), r(3, 3), r(3)],), {},
     "multi_dot: tensors 0 (2x2) and 1 (3x3) cannot be multiplied: 2 and 3"),
    (UF.matrix_power, torch.linalg.matrix_power, (r(2, 3), 2), {},
     "matrix_power: input should be square matrices, it is 2x3"),
    (UF.bilinear, F.bilinear, (r(2, 3), r(2, 4), r(5, 3, 5)), {},
     "bilinear: input2 (2x4) should have 5 in dimension -1, it has 4: dimension 2 of weight"),
    (UF.einsum, torch.einsum, ("ij,jk->iz", r(2, 3), r(3, 4)), {},
     "einsum: axis 'z' of the result of 'ij,jk->iz' is in no operand"),
    (UF.einsum, torch.einsum, ("ij,jk", r(2, 3), r(5, 4)), {},
     "einsum: axis 'j' of 'ij,jk' is 5 long in operand 1, 3 before it"),
    (UF.einsum, torch.einsum, ("ij,jk->ik", r(2, 3)), {},
     "einsum: equation 'ij,jk->ik' should have one term for each operand, it has 2 for 1"),
    (UF.einsum, torch.einsum, ("ijk", r(2, 3)), {},
     "einsum: operand 0 should have 3 dimensions as in equation 'ijk', it has 2 (2x3)"),
    (UF.einsum, torch.einsum, ("i$", r(2, 3)), {},
     "einsum: a term of equation 'i$' should be letters and at most one '...', it is 'i$'"),
    (UF.einsum, torch.einsum, ("ij->ii", r(2, 3)), {},
     "einsum: axis 'i' is more than once in the result of 'ij->ii'"),
    (UF.einsum, torch.einsum, ("ii", r(2, 3)), {},
     "einsum: axis 'i' is 2 and 3 long in operand 0 of 'ii'"),
    (UF.conv2d, F.conv2d, (r(8, 8), r(4, 2, 3, 3)), {},
     "conv2d: input should have 3 or 4 dimensions, it has 2 (8x8)"),
    (UF.conv2d, F.conv2d, (r(1, 3, 8, 8), r(4, 2, 3, 3)), {},
     "conv2d: input (1x3x8x8) should have 2 channels for weight (4x2x3x3) with groups=1, it has 3"),
    (UF.conv2d, F.conv2d, (r(1, 6, 8, 8), r(4, 2, 3, 3)), {"groups": 3},
     "conv2d: weight (4x2x3x3) should have a multiple of groups=3 in dimension 0, it has 4"),
    (UF.conv2d, F.conv2d, (r(1, 2, 8, 8), r(4, 2, 3, 3)), {"groups": 0},
     "conv2d: groups should be at least 1, it is 0"),
    (UF.conv2d, F.conv2d, (r(1, 2, 8, 8), r(4, 2, 3, 3)), {"stride": 0},
     "conv2d: stride should be at least 1, it is 0"),
    (UF.conv2d, F.conv2d, (r(1, 2, 8, 8), r(4, 2, 3, 3)), {"stride": (1, 2, 3)},
     "conv2d: stride should be an int or 2 ints, it is (1, 2, 3)"),
    (UF.conv2d, F.conv2d, (r(1, 2, 8, 8), r(4, 2, 3, 3)), {"padding": 1.5},
     "conv2d: padding should be an int or 2 ints, it is 1.5"),
    (UF.conv2d, F.conv2d, (r(1, 2, 8, 8), r(4, 2, 3, 3)), {"padding": -1},
     "conv2d: padding should be at least 0, it is -1"),
    (UF.conv2d, F.conv2d, (r(1, 2, 8, 8), r(4, 2, 3, 3)), {"padding": "full"},
     "conv2d: padding should be 'same', 'valid' or numbers, it is 'full'"),
    (UF.conv2d, F.conv2d, (r(1, 2, 8, 8), r(4, 2, 3, 3)), {"padding": "same", "stride": 2},
     "conv2d: padding='same' goes with stride 1 only, stride is (2, 2)"),
    (UF.conv2d, F.conv2d, (r(1, 2, 2, 2), r(4, 2, 3, 3)), {},
     "conv2d: the kernel spans 3x3, more than the padded input (2x2)"),
    (UF.conv2d, F.conv2d, (r(1, 2, 8, 8), r(4, 2, 3, 3), r(3)), {},
     "conv2d: bias should have 4 elements, one for each output channel, its shape is 3"),
    (UF.conv_transpose1d, F.conv_transpose1d, (r(1, 3, 5), r(2, 4, 3)), {},
     "conv_transpose1d: input (1x3x5) should have 2 channels for weight (2x4x3), it has 3"),
    (UF.conv_transpose1d, F.conv_transpose1d, (r(1, 2, 5), r(2, 4, 3)),
     {"stride": 2, "output_padding": 2},
     "conv_transpose1d: output_padding should be smaller than stride or dilation, it is 2, they are 2 and 1"),
    (UF.conv_transpose1d, F.conv_transpose1d, (r(1, 2, 1), r(2, 4, 3)), {"padding": 2},
     "conv_transpose1d: padding (2) leaves nothing of an input of 1: the result would be -1 long"),
    (UF.scaled_dot_product_attention, F.scaled_dot_product_attention, (r(3), r(4, 3), r(4, 3)), {},
     "scaled_dot_product_attention: query should have at least 2 dimensions, it has 1 (3)"),
    (UF.scaled_dot_product_attention, F.scaled_dot_product_attention, (r(2, 3), r(2, 4), r(2, 3)), {},
     "scaled_dot_product_attention: query (2x3) and key (2x4) should have as many features, they have 3 and 4"),
    (UF.scaled_dot_product_attention, F.scaled_dot_product_attention, (r(2, 3), r(4, 3), r(5, 3)), {},
     "scaled_dot_product_attention: key (4x3) and value (5x3) should have as many tokens, they have 4 and 5"),
    (UF.scaled_dot_product_attention, F.scaled_dot_product_attention, (r(2, 3), r(2, 3), r(2, 3), r(2, 2)),
     {"is_causal": True},
     "scaled_dot_product_attention: attn_mask should not be given when is_causal=True"),
    (UF.scaled_dot_product_attention, F.scaled_dot_product_attention,
     (r(2, 3), r(2, 3), r(2, 3), r(2, 2).long()), {},
     "scaled_dot_product_attention: attn_mask should be bool, float or torch.float32 as query, it is torch.int64"),
    (UF.scaled_dot_product_attention, F.scaled_dot_product_attention, (r(2, 3), r(2, 3), r(2, 3)),
     {"dropout_p": 1.5}, "scaled_dot_product_attention: dropout_p should be between 0 and 1, it is 1.5"),
    (UF.scaled_dot_product_attention, F.scaled_dot_product_attention,
     (r(2, 4, 2, 3), r(2, 3, 2, 3), r(2, 3, 2, 3)), {"enable_gqa": True},
     "scaled_dot_product_attention: the heads of key (2x3x2x3) should divide those of query (2x4x2x3)"),
    (UF.multi_head_attention_forward, F.multi_head_attention_forward, (r(3, 1, 4),) * 3 + (2, 2, *HEAD), {},
     "multi_head_attention_forward: query should have 2 features, it has 4"),
    (UF.multi_head_attention_forward, F.multi_head_attention_forward,
     (r(3, 1, 2), r(4, 1, 2), r(3, 1, 2), 2, 2, *HEAD), {},
     "multi_head_attention_forward: key (4x1x2) and value (3x1x2) should be of one shape"),
    (UF.multi_head_attention_forward, F.multi_head_attention_forward, (r(3, 1, 2),) * 3 + (2, 2, *HEAD),
     {"attn_mask": r(2, 2)},
     "multi_head_attention_forward: attn_mask should be 3x3 or 2x3x3, it is 2x2"),
    (UF.multi_head_attention_forward, F.multi_head_attention_forward, (r(3, 1, 2),) * 3 + (2, 2, *HEAD),
     {"is_causal": True},
     "multi_head_attention_forward: is_causal is a hint about attn_mask, which is not given"),
    (UF.lstm_cell, torch.lstm_cell, (r(2, 3), (r(2, 5), r(2, 5)), r(16, 3), r(16, 4)), {},
     "lstm_cell: hx (2x5) should have 4 in dimension -1, it has 5: the features that w_hh takes"),
    (UF.lstm, torch.lstm,
     (r(5, 2, 3), (r(1, 2, 4),), [r(16, 3), r(16, 4)], False, 1, 0.0, False, False, False), {},
     "lstm: hx should be 2 states, it is 1"),
    (UF.gru, torch.gru,
     (r(5, 2, 3), r(1, 2, 4), [r(12, 3), r(12, 4), r(12)], True, 1, 0.0, False, False, False), {},
     "gru: params should be 4 tensors for each of 1 layers and directions, they are 3"),
    (UF.gru, torch.gru,
     (r(0, 2, 3), r(1, 2, 4), [r(12, 3), r(12, 4)], False, 1, 0.0, False, False, False), {},
     "gru: input should have at least one step, it has none"),
    (requested("pooling", F.max_pool2d), F.max_pool2d, (r(1, 1, 8, 8), 3), {"padding": 2},
     "max_pool2d: padding should be at most half of the kernel's span, it is 2 for 3"),
    (requested("pooling", F.avg_pool2d), F.avg_pool2d, (r(1, 1, 8, 8), 2), {"divisor_override": 0},
     "avg_pool2d: divisor_override should not be zero, it is 0"),
    (requested("norm", F.group_norm), F.group_norm, (r(2, 5, 4), 2), {},
     "group_norm: input (2x5x4) should have a multiple of num_groups=2 channels"),
    (requested("norm", F.layer_norm), F.layer_norm, (r(2, 5), (4,)), {},
     "layer_norm: input (2x5) should end in normalized_shape (4)"),
    (requested("norm", F.batch_norm), F.batch_norm, (r(1, 3), None, None), {"training": True},
     "batch_norm: input (1x3) should have more than 1 value per channel in training, it has 1"),
    (requested("fold", F.fold), F.fold, (r(1, 8, 9), (5, 4), 2), {},
     "fold: input (1x8x9) should have a multiple of 4 rows and 4x3 columns for output_size 5x4"),
    (requested("shuffle", F.pixel_shuffle), F.pixel_shuffle, (r(1, 3, 2, 2), 2), {},
     "pixel_shuffle: input (1x3x2x2) should have a multiple of 2x2 channels"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[-1][:60])
@pytest.mark.filterwarnings("ignore")
def test_what_torch_refuses(case: Any) -> None:
    rule, reference, args, kwargs, message = case
    with pytest.raises(Exception) as of_torch:  # noqa: PT011  (any kind that torch raises)
        reference(*args, **kwargs)
    with pytest.raises(Exception) as of_rule:  # noqa: PT011
        rule(*args, **kwargs)
    assert str(of_rule.value) == message
    assert type(of_rule.value) is type(of_torch.value)


def test_a_style_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match=r"^style: wanted 'product' or 'einsum', found 'sum'$"):
        UF.linear(r(2, 3), r(4, 3), style="sum")  # type: ignore[arg-type]


def test_out_of_another_kind() -> None:
    with pytest.raises(RuntimeError) as caught:
        UF.mm(r(2, 3), r(3, 4), out=torch.zeros(2, 4, dtype=torch.int64))
    assert str(caught.value) == "out: a result of torch.float32 cannot be written to torch.int64"
