"""Convolutions against torch's, over all hyper-parameters."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from agreement import STYLES, agrees, both_styles, noise
from hypothesis import given, settings
from hypothesis import strategies as st

from unfoldify import functional as UF

RULES = {1: (UF.conv1d, F.conv1d), 2: (UF.conv2d, F.conv2d), 3: (UF.conv3d, F.conv3d)}


@st.composite
def calls(draw: st.DrawFn) -> tuple[int, tuple[Any, ...], dict[str, Any]]:
    """A call that torch takes: spatial dimensions, tensors, hyper-parameters."""
    spatial = draw(st.integers(1, 3))
    small = st.integers(1, 3)

    def numbers(low: int, high: int) -> Any:
        each = st.integers(low, high)
        return draw(st.one_of(each, st.tuples(*[each] * spatial)))

    def all_of(value: Any) -> tuple[int, ...]:
        return value if isinstance(value, tuple) else (value,) * spatial

    kernel = tuple(draw(small) for _ in range(spatial))
    groups = draw(small)
    c_in, c_out = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    kwargs: dict[str, Any] = {"dilation": numbers(1, 3), "groups": groups}
    padding = draw(st.sampled_from(["numbers", "same", "valid"]))
    kwargs["padding"] = numbers(0, 2) if padding == "numbers" else padding
    kwargs["stride"] = 1 if padding == "same" else numbers(1, 3)
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, all_of(kwargs["dilation"]), strict=True)]
    extent = [span + draw(st.integers(0, 4)) for span in spans]
    batch = draw(st.sampled_from([(), (0,), (1,), (2,)]))
    x = noise(*batch, groups * c_in, *extent)
    if draw(st.booleans()):
        x = noise(*batch, groups * c_in, *reversed(extent)).transpose(-1, -spatial)
    w = noise(groups * c_out, c_in, *kernel, seed=1)
    bias = noise(groups * c_out, seed=2) if draw(st.booleans()) else None
    return spatial, (x, w, bias), kwargs


@given(call=calls(), style=st.sampled_from(STYLES))
@settings(max_examples=30, deadline=None)
@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_any_convolution(call: Any, style: str) -> None:
    spatial, args, kwargs = call
    rule, reference = RULES[spatial]
    agrees(rule, reference, *args, **kwargs, style=style)


@both_styles
def test_patches_beside_each_other(style: str) -> None:
    x, w, bias = noise(2, 3, 8, 12), noise(5, 3, 4, 4), noise(5)
    agrees(UF.conv2d, F.conv2d, x, w, bias, stride=4, style=style)


@both_styles
def test_patches_that_leave_a_rest(style: str) -> None:
    agrees(UF.conv2d, F.conv2d, noise(2, 3, 9, 15), noise(5, 3, 4, 4), stride=4, style=style)


@both_styles
@pytest.mark.parametrize("layout", ["channels_last", "expanded", "strided"])
def test_any_memory_layout(layout: str, style: str) -> None:
    x = noise(2, 3, 6, 6)
    if layout == "channels_last":
        x = x.to(memory_format=torch.channels_last)
    elif layout == "expanded":
        x = x[:1].expand(4, 3, 6, 6)
    else:
        x = x[:, :, ::2, 1::2]
    agrees(UF.conv2d, F.conv2d, x, noise(4, 3, 2, 2), padding=1, style=style)


@both_styles
@pytest.mark.parametrize("dtype", [torch.complex128, torch.int64, torch.float32])
def test_dtypes(dtype: torch.dtype, style: str) -> None:
    x, w = noise(2, 3, 6, 6, dtype=dtype), noise(4, 3, 2, 2, dtype=dtype)
    exact = dtype != torch.float32
    agrees(UF.conv2d, F.conv2d, x, w, style=style, gradients=exact and dtype.is_complex)


@both_styles
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_as_precise_as_its_products(dtype: torch.dtype, style: str) -> None:
    x, w = noise(2, 3, 6, 6, dtype=dtype), noise(4, 3, 2, 2, dtype=dtype)
    got, exact = UF.conv2d(x, w, style=style), F.conv2d(x.double(), w.double())
    size = F.conv2d(x.double().abs(), w.double().abs())
    assert got.dtype == dtype
    assert ((got.double() - exact).abs() <= 2 * torch.finfo(dtype).eps * size).all()


@both_styles
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("spatial", [1, 2, 3])
def test_convolution_without_a_rank(spatial: int, transposed: bool, style: str) -> None:
    x, w = noise(2, 4, *[5] * spatial), noise(4, 4 if transposed else 2, *[2] * spatial)
    groups = 1 if transposed else 2
    one, extra = [1] * spatial, [int(transposed)] * spatial
    numbers = ([2] * spatial, one, one, transposed, extra, groups)
    agrees(UF.convolution, torch.convolution, x, w, noise(4), *numbers, style=style)


@both_styles
def test_time_batch_channel(style: str) -> None:
    agrees(UF.conv_tbc, F.conv_tbc, noise(7, 2, 3), noise(3, 3, 4), noise(4), 1, style=style)


@pytest.mark.slow
@given(call=calls(), style=st.sampled_from(STYLES))
@settings(max_examples=200, deadline=None)
@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_many_convolutions(call: Any, style: str) -> None:
    spatial, args, kwargs = call
    rule, reference = RULES[spatial]
    agrees(rule, reference, *args, **kwargs, style=style)
