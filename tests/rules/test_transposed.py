"""Transposed convolutions against torch's, over all hyper-parameters."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from agreement import STYLES, agrees, both_styles, noise
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import unfoldify
from unfoldify import functional as UF

RULES = {
    1: (UF.conv_transpose1d, F.conv_transpose1d),
    2: (UF.conv_transpose2d, F.conv_transpose2d),
    3: (UF.conv_transpose3d, F.conv_transpose3d),
}


@st.composite
def calls(draw: st.DrawFn) -> tuple[int, tuple[Any, ...], dict[str, Any]]:
    """A call that torch takes: spatial dimensions, tensors, hyper-parameters."""
    spatial = draw(st.sampled_from([1, 2, 2, 3]))

    def numbers(low: int, high: int) -> tuple[int, ...]:
        each = st.integers(low, high)
        if draw(st.booleans()):
            return (draw(each),) * spatial
        return tuple(draw(each) for _ in range(spatial))

    kernel, extent = numbers(1, 5 if spatial < 3 else 3), numbers(1, 4)
    stride, dilation, padding = numbers(1, 4), numbers(1, 2), numbers(0, 3)
    extra = tuple(
        draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True)
    )
    sizes = zip(extent, kernel, stride, dilation, padding, extra, strict=True)
    assume(all((n - 1) * s - 2 * p + d * (k - 1) + e + 1 >= 1 for n, k, s, d, p, e in sizes))
    groups = draw(st.integers(1, 3))
    c_in, c_out = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    batch = draw(st.sampled_from([(), (1,), (2,)]))
    x = noise(*batch, groups * c_in, *extent)
    w = noise(groups * c_in, c_out, *kernel, seed=1)
    bias = noise(groups * c_out, seed=2) if draw(st.booleans()) else None
    kwargs = {
        "stride": stride,
        "padding": padding,
        "output_padding": extra,
        "groups": groups,
        "dilation": dilation,
    }
    return spatial, (x, w, bias), kwargs


@given(call=calls(), style=st.sampled_from(STYLES))
@settings(max_examples=30, deadline=None)
def test_any_transposed_convolution(call: Any, style: str) -> None:
    spatial, args, kwargs = call
    rule, reference = RULES[spatial]
    agrees(rule, reference, *args, **kwargs, style=style)


@both_styles
@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (4, 2), (3, 2), (7, 2), (1, 3), (3, 1)])
def test_the_forms_it_takes(kernel: int, stride: int, style: str) -> None:
    x, w, bias = noise(2, 3, 4, 5), noise(3, 4, kernel, kernel), noise(4)
    agrees(UF.conv_transpose2d, F.conv_transpose2d, x, w, bias, stride, 0, style=style)


@both_styles
@pytest.mark.parametrize("size", [9, 10])
def test_output_size_of_the_layer(size: int, style: str) -> None:
    layer = torch.nn.ConvTranspose1d(3, 4, 3, stride=2, padding=1).double()
    x = noise(2, 3, 5)
    extra = size - 9
    want = layer(x, output_size=[size])
    rule = UF.conv_transpose1d
    got = rule(x, layer.weight, layer.bias, 2, 1, extra, style=style)
    torch.testing.assert_close(got, want)


class Followed(int):
    """A number as a recorder would pass it: an int that is more than its value."""


@both_styles
@pytest.mark.parametrize("extra", [0, 1])
def test_an_output_padding_that_is_followed_is_not_looked_at(extra: int, style: str) -> None:
    x, w = noise(2, 3, 5), noise(3, 4, 3)
    got = UF.conv_transpose1d(x, w, None, 2, 1, Followed(extra), style=style)
    torch.testing.assert_close(got, F.conv_transpose1d(x, w, None, 2, 1, extra))


@both_styles
def test_complex(style: str) -> None:
    x = noise(2, 3, 4) + 1j * noise(2, 3, 4, seed=3)
    w = noise(3, 2, 3) + 1j * noise(3, 2, 3, seed=4)
    agrees(UF.conv_transpose1d, F.conv_transpose1d, x, w, None, 2, style=style)


class Upsampled(nn.Module):
    """Tiles that overlap by three in one dimension; what comes out has no bias, or is cut."""

    def __init__(self, padding: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose1d(3, 2, 16, 4, padding, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        outputs = x.tanh()
        outputs = self.up(outputs)
        return outputs * 2


@pytest.mark.parametrize(
    ("padding", "behind"),
    [(0, "return total * 2"), (6, "outputs = total[..., 6:-6]  # padding")],
)
def test_all_tiles_that_overlap_are_one_loop(padding: int, behind: str) -> None:
    source = unfoldify.unfoldify(Upsampled(padding), (torch.randn(2, 3, 5),)).source
    assert (
        "        total = 0\n"
        "        for tile in range(4):\n"
        "            total = total + F.pad(outputs[:, :, tile], (tile * 4, 12 - tile * 4))\n"
    ) in source
    assert behind in source
    assert source.count("F.pad(") == 1


@pytest.mark.slow
@given(call=calls(), style=st.sampled_from(STYLES))
@settings(max_examples=200, deadline=None)
@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_many_transposed_convolutions(call: Any, style: str) -> None:
    spatial, args, kwargs = call
    rule, reference = RULES[spatial]
    agrees(rule, reference, *args, **kwargs, style=style)
