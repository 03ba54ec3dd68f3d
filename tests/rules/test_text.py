"""What a rule does, line by line: nothing superfluous, in reading order."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest
import torch
from torch import Tensor
from transcript import transcript

from unfoldify import functional as UF


def meta(*shape: int) -> Tensor:
    return torch.empty(shape, device="meta")


def lines(text: str) -> list[str]:
    return textwrap.dedent(text).strip().splitlines()


def short(script: list[str]) -> list[str]:
    """A transcript without the arguments that torch's own Python functions pass on."""
    return [line.replace(", mode='constant', value=None", "").replace("'", '"') for line in script]


X, W, BIAS = meta(2, 4, 8, 8), meta(6, 4, 3, 3), meta(6)

CASES: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any], str]] = {
    "linear": (
        UF.linear, (meta(2, 3, 4), meta(5, 4), meta(5)), {},
        """
        t0 = rearrange(w, "o i -> i o")
        t1 = rearrange(x, "b n i -> b n i 1")
        t2 = t1 * t0
        t3 = t2.sum(dim=-2)  # over i
        t4 = t3 + bias
        """,
    ),
    "linear, einsum": (
        UF.linear, (meta(2, 3, 3, 4), meta(5, 4)), {"style": "einsum"},
        """
        t0 = einsum(x, w, "... i, o i -> ... o")
        """,
    ),
    "matmul of a stack and a matrix": (
        UF.matmul, (meta(2, 3, 4), meta(4, 5)), {},
        """
        t0 = rearrange(x, "b m n -> b m n 1")
        t1 = t0 * w
        t2 = t1.sum(dim=-2)  # over n
        """,
    ),
    "a vector needs no axis": (
        UF.mv, (meta(3, 4), meta(4)), {},
        """
        t0 = x * w
        t1 = t0.sum(dim=-1)  # over n
        """,
    ),
    "addmm": (
        UF.addmm, (meta(2, 5), meta(2, 4), meta(4, 5)), {},
        """
        t0 = rearrange(w, "m n -> m n 1")
        t1 = t0 * bias
        t2 = t1.sum(dim=-2)  # over n
        t3 = x + t2
        """,
    ),
    "convolution": (
        UF.conv2d, (X, W, BIAS), {"padding": 1, "stride": 2},
        """
        t0 = pad(x, (1, 1, 1, 1))
        t1 = t0.unfold(2, 3, 2)
        t2 = t1.unfold(3, 3, 2)
        t3 = rearrange(t2, "b c_in h_out w_out kh kw -> b 1 c_in h_out w_out kh kw")
        t4 = rearrange(w, "c_out c_in kh kw -> c_out c_in 1 1 kh kw")
        t5 = t3 * t4
        t6 = t5.sum(dim=(2, 5, 6))  # over c_in, kh, kw
        t7 = rearrange(bias, "c_out -> c_out 1 1")
        t8 = t6 + t7
        """,
    ),
    "convolution, einsum: kernel first": (
        UF.conv2d, (X, W), {"style": "einsum"},
        """
        t0 = x.unfold(2, 3, 1)
        t1 = t0.unfold(3, 3, 1)
        t2 = einsum(w, t1, "c_out c_in kh kw, b c_in h_out w_out kh kw -> b c_out h_out w_out")
        """,
    ),
    "no windows for a 1x1 kernel": (
        UF.conv2d, (X, meta(6, 4, 1, 1)), {},
        """
        t0 = rearrange(x, "b c_in h_out w_out -> b 1 c_in h_out w_out")
        t1 = t0 * w
        t2 = t1.sum(dim=2)  # over c_in
        """,
    ),
    "no windows where the kernel is 1": (
        UF.conv2d, (X, meta(6, 4, 3, 1)), {"stride": (1, 2)},
        """
        t0 = x[:, :, :, ::2]
        t1 = t0.unfold(2, 3, 1)
        t2 = rearrange(t1, "b c_in h_out w_out kh -> b 1 c_in h_out w_out kh")
        t3 = rearrange(w, "c_out c_in kh 1 -> c_out c_in 1 1 kh")
        t4 = t2 * t3
        t5 = t4.sum(dim=(2, 5))  # over c_in, kh
        """,
    ),
    "patches are one rearrange": (
        UF.conv2d, (X, meta(6, 4, 4, 4)), {"stride": 4},
        """
        t0 = rearrange(x, "b c_in (h_out kh) (w_out kw) -> b 1 c_in h_out w_out kh kw", kh=4, kw=4)
        t1 = rearrange(w, "c_out c_in kh kw -> c_out c_in 1 1 kh kw")
        t2 = t0 * t1
        t3 = t2.sum(dim=(2, 5, 6))  # over c_in, kh, kw
        """,
    ),
    "depthwise: no axis for channels that are not summed": (
        UF.conv2d, (X, meta(4, 1, 3, 3), meta(4)), {"groups": 4},
        """
        t0 = x.unfold(2, 3, 1)
        t1 = t0.unfold(3, 3, 1)
        t2 = rearrange(w, "c 1 kh kw -> c 1 1 kh kw")
        t3 = t1 * t2
        t4 = t3.sum(dim=(-2, -1))  # over kh, kw
        t5 = rearrange(bias, "c -> c 1 1")
        t6 = t4 + t5
        """,
    ),
    "groups": (
        UF.conv1d, (meta(2, 4, 8), meta(6, 2, 3)), {"groups": 2},
        """
        t0 = x.unfold(2, 3, 1)
        t1 = rearrange(t0, "b (g c_in) n_out k -> b g 1 c_in n_out k", g=2)
        t2 = rearrange(w, "(g c_out) c_in k -> g c_out c_in 1 k", g=2)
        t3 = t1 * t2
        t4 = t3.sum(dim=(3, 5))  # over c_in, k
        t5 = rearrange(t4, "b g c_out n_out -> b (g c_out) n_out")
        """,
    ),
    "dilated windows read only what they use": (
        UF.conv1d, (meta(4, 8), meta(6, 4, 3)), {"dilation": 2, "padding": 2},
        """
        t0 = pad(x, (2, 2))
        t1 = t0[..., :-4]
        t2 = t0[..., 2:-2]
        t3 = t0[..., 4:]
        t4 = stack([t1, t2, t3], dim=-1)
        t5 = rearrange(w, "c_out c_in k -> c_out c_in 1 k")
        t6 = t4 * t5
        t7 = t6.sum(dim=(1, 3))  # over c_in, k
        """,
    ),
    "transposed, tiles beside each other": (
        UF.conv_transpose2d, (X, meta(4, 6, 2, 2), BIAS), {"stride": 2},
        """
        t0 = rearrange(x, "b c_in h_in w_in -> b 1 1 1 c_in h_in w_in")
        t1 = rearrange(w, "c_in c_out kh kw -> c_out kh kw c_in 1 1")
        t2 = t0 * t1
        t3 = t2.sum(dim=4)  # over c_in
        t4 = rearrange(t3, "b c_out kh kw h_in w_in -> b c_out (h_in kh) (w_in kw)")
        t5 = rearrange(bias, "c_out -> c_out 1 1")
        t6 = t4 + t5
        """,
    ),
    "transposed, einsum: kernel axes before pixel axes": (
        UF.conv_transpose2d, (X, meta(4, 6, 2, 2)), {"stride": 2, "style": "einsum"},
        """
        t0 = einsum(w, x, "c_in c_out kh kw, b c_in h_in w_in -> b c_out kh kw h_in w_in")
        t1 = rearrange(t0, "b c_out kh kw h_in w_in -> b c_out (h_in kh) (w_in kw)")
        """,
    ),
    "transposed, tiles that overlap": (
        UF.conv_transpose1d, (meta(2, 4, 8), meta(4, 6, 4)), {"stride": 2, "padding": 1},
        """
        t0 = rearrange(x, "b c_in n_in -> b 1 1 c_in n_in")
        t1 = rearrange(w, "c_in c_out k -> c_out k c_in 1")
        t2 = t0 * t1
        t3 = t2.sum(dim=-2)  # over c_in
        t4 = rearrange(t3, "b c_out (k s) n_in -> b c_out k (n_in s)", s=2)
        t5 = t4[:, :, 0]
        t6 = pad(t5, (0, 2))
        t7 = t4[:, :, 1]
        t8 = pad(t7, (2, 0))
        t9 = t6 + t8
        t10 = t9[..., 1:-1]  # padding
        """,
    ),
    "transposed, stride 1: the kernel turned round": (
        UF.conv_transpose1d, (meta(2, 4, 8), meta(4, 6, 3)), {"padding": 1, "style": "einsum"},
        """
        t0 = pad(x, (1, 1))
        t1 = t0.unfold(2, 3, 1)
        t2 = w.flip(2)
        t3 = einsum(t2, t1, "c_in c_out k, b c_in n_out k -> b c_out n_out")
        """,
    ),
    "attention": (
        UF.scaled_dot_product_attention,
        (meta(2, 3, 4, 5), meta(2, 3, 6, 5), meta(2, 3, 6, 5)), {"scale": 0.5},
        """
        t0 = rearrange(x, "b h n_q d -> b h n_q 1 d")
        t1 = rearrange(w, "b h n_k d -> b h 1 n_k d")
        t2 = t0 * t1
        t3 = t2.sum(dim=-1)
        t4 = t3 * 0.5  # over d
        t5 = t4.softmax(dim=-1)
        t6 = rearrange(t5, "b h n_q n_k -> b h n_q n_k 1")
        t7 = rearrange(bias, "b h n_k d -> b h 1 n_k d")
        t8 = t6 * t7
        t9 = t8.sum(dim=-2)  # over n_k
        """,
    ),
    "attention, einsum, causal": (
        UF.scaled_dot_product_attention, (meta(2, 4, 5), meta(2, 6, 5), meta(2, 6, 5)),
        {"is_causal": True, "scale": 1.0, "style": "einsum"},
        """
        t0 = einsum(x, w, "b n_q d, b n_k d -> b n_q n_k")
        t1 = t0.new_ones(4, 6, dtype=torch.bool)
        t2 = t1.triu(1)
        t3 = t0.masked_fill(t2, -inf)
        t4 = t3.softmax(dim=-1)
        t5 = einsum(t4, bias, "b n_q n_k, b n_k d -> b n_q d")
        """,
    ),
    "bilinear": (
        UF.bilinear, (meta(2, 3), meta(2, 4), meta(5, 3, 4)), {},
        """
        t0 = rearrange(x, "b i1 -> b 1 i1 1")
        t1 = rearrange(w, "b i2 -> b 1 1 i2")
        t2 = t0 * bias
        t3 = t2 * t1
        t4 = t3.sum(dim=(-2, -1))  # over i1, i2
        """,
    ),
    "einsum": (
        lambda a, b, **k: UF.einsum("bij,bjk->bik", a, b, **k), (meta(2, 3, 4), meta(2, 4, 5)), {},
        """
        t0 = rearrange(x, "b i j -> b i j 1")
        t1 = rearrange(w, "b j k -> b 1 j k")
        t2 = t0 * t1
        t3 = t2.sum(dim=-2)  # over j
        """,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_lines(name: str) -> None:
    rule, args, kwargs, text = CASES[name]
    assert short(transcript(rule, *args, names="x w bias", **kwargs)) == lines(text)
