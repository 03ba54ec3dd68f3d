"""Kernels, groups and paddings that follow the input: what is written holds for others too."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from agreement import both_styles, noise
from torch import Tensor, fx, nn

import unfoldify
from unfoldify import functional as UF


class Modulated(nn.Module):
    """A kernel for each image: the batch is in the groups."""

    def __init__(self, transposed: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 3, 3, 3))
        self.affine = nn.Linear(5, 3)
        self.transposed = transposed

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        b, c, h, w = x.size(0), x.size(1), x.size(2), x.size(3)
        weight = self.weight[None] * self.affine(style)[:, None, :, None, None]
        x = x.reshape(1, b * c, h, w)
        if self.transposed:
            weight = weight.transpose(1, 2).reshape(b * c, -1, 3, 3)
            x = F.conv_transpose2d(x, weight, stride=2, padding=1, groups=b)
        else:
            x = F.conv2d(x, weight.reshape(-1, c, 3, 3), padding=1, groups=b)
        return x.reshape(b, -1, x.size(2), x.size(3))


class Template(nn.Module):
    """One feature map is looked for in another."""

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        return F.conv2d(x, z)


class Depthwise(nn.Module):
    """The same blur for however many channels there are."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kernel", torch.randn(1, 1, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.kernel.expand(x.size(1), -1, -1, -1), groups=x.size(1))


class Given(nn.Module):
    """A call whose kernel is an argument of forward."""

    def __init__(self, function: Any, **kwargs: Any) -> None:
        super().__init__()
        self.function, self.kwargs = function, kwargs

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        return self.function(x, w, **self.kwargs)


class Padded(nn.Module):
    """The padding that keeps the size, computed as tensorflow does."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(2, 3, 5, 5))

    def forward(self, x: Tensor) -> Tensor:
        h, w = x.shape[-2:]
        pad = (-(-h // 2) - 1) * 2 + 5 - h, (-(-w // 2) - 1) * 2 + 5 - w
        return F.conv2d(x, self.weight, stride=2, padding=(pad[0] // 2, pad[1] // 2))


def shaped(*shapes: tuple[int, ...]) -> tuple[Tensor, ...]:
    return tuple(noise(*shape, seed=i) for i, shape in enumerate(shapes))


CASES: dict[str, tuple[nn.Module, tuple[Tensor, ...], tuple[Tensor, ...]]] = {
    "modulated": (Modulated(False), shaped((2, 3, 6, 6), (2, 5)), shaped((4, 3, 5, 7), (4, 5))),
    "one image": (Modulated(False), shaped((1, 3, 6, 6), (1, 5)), shaped((4, 3, 5, 7), (4, 5))),
    "transposed": (Modulated(True), shaped((2, 3, 6, 6), (2, 5)), shaped((4, 3, 5, 7), (4, 5))),
    "template": (Template(), shaped((2, 3, 9, 9), (1, 3, 4, 4)), shaped((2, 2, 8, 9), (5, 2, 3, 1))),
    "depthwise": (Depthwise(), shaped((2, 3, 6, 6)), shaped((1, 2, 5, 7))),
    "padded": (Padded(), shaped((2, 3, 8, 8)), shaped((1, 3, 7, 10))),
    "dilated": (
        Given(F.conv2d, dilation=2, stride=(1, 2), padding="valid"),
        shaped((2, 3, 9, 9), (4, 3, 3, 3)),
        shaped((1, 2, 8, 9), (5, 2, 2, 4)),
    ),
    "same": (
        Given(F.conv1d, padding="same", dilation=2),
        shaped((2, 3, 9), (4, 3, 3)),
        shaped((1, 2, 8), (5, 2, 4)),
    ),
    "groups": (
        Given(F.conv1d, groups=2, padding=1),
        shaped((2, 4, 9), (2, 2, 3)),
        shaped((1, 4, 8), (6, 2, 2)),
    ),
    "stride 1": (
        Given(F.conv_transpose2d, padding=1),
        shaped((2, 3, 4, 5), (3, 4, 3, 3)),
        shaped((1, 2, 6, 5), (2, 3, 2, 4)),
    ),
    "stride 2": (
        Given(F.conv_transpose2d, stride=(2, 1), padding=(0, 1), output_padding=(1, 0), groups=2),
        shaped((2, 4, 4, 5), (4, 2, 3, 3)),
        shaped((1, 6, 6, 5), (6, 3, 2, 4)),
    ),
    "tiles": (
        Given(F.conv_transpose1d, stride=3, dilation=2),
        shaped((3, 4), (3, 4, 3)),
        shaped((2, 5), (2, 3, 2)),
    ),
}  # fmt: skip


@both_styles
@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_the_file_holds_at_other_sizes(name: str, style: str) -> None:
    model, args, others = CASES[name]
    model = model.double()
    result = unfoldify.unfoldify(model, args, style=style)
    assert result.report.verification is not None
    assert not result.report.fixed_sizes
    assert not result.report.declined
    torch.testing.assert_close(result.module(*others), model(*others))


@both_styles
@pytest.mark.parametrize("name", [name for name in CASES if name != "depthwise"])  # fx refuses it
@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_the_graph_holds_at_other_sizes(name: str, style: str) -> None:
    model, args, others = CASES[name]
    model = model.double()
    graph = unfoldify.transform(fx.symbolic_trace(model), args, style=style)
    assert not graph.meta["unfoldify"].declined
    for inputs in (args, others):
        torch.testing.assert_close(graph(*inputs), model(*inputs))


def test_how_an_open_kernel_reads() -> None:
    source = unfoldify.unfoldify(Template(), shaped((2, 3, 9, 9), (1, 3, 4, 4)), check=False).source
    assert (
        "        # conv2d\n"
        "        x = x.unfold(2, z.shape[2], 1).unfold(3, z.shape[3], 1)\n"
        '        x = rearrange(x, "b c_in h_out w_out kh kw -> b 1 c_in h_out w_out kh kw")\n'
    ) in source


def test_a_layers_own_kernel_is_a_number() -> None:
    source = unfoldify.unfoldify(nn.Conv2d(3, 4, 3), (torch.randn(2, 3, 9, 9),), check=False).source
    assert ".unfold(2, 3, 1).unfold(3, 3, 1)" in source


class Fixed(nn.Module):
    """Patches of an image that may have to be 8 by 12."""

    def __init__(self, size: tuple[int, int] | None) -> None:
        super().__init__()
        self.embed, self.size = nn.Conv2d(3, 6, 4, stride=4), size

    def forward(self, x: Tensor) -> Tensor:
        if self.size is not None:
            assert x.shape[-2:] == self.size
        return self.embed(x).flatten(2).mT


def test_patches_are_one_rearrange_where_the_image_cannot_be_another() -> None:
    tiles = 'rearrange(x, "b c_in (h_out kh) (w_out kw) -> b 1 c_in h_out w_out kh kw", kh=4, kw=4)'
    windows = "x.unfold(2, 4, 4).unfold(3, 4, 4)"
    (x,) = shaped((2, 3, 8, 12))
    fixed = unfoldify.unfoldify(Fixed((8, 12)).double(), x).source
    free = unfoldify.unfoldify(Fixed(None).double(), x).source
    assert tiles in fixed
    assert windows not in fixed
    assert tiles not in free
    assert windows in free


@pytest.mark.slow
@both_styles
@pytest.mark.filterwarnings("ignore")
def test_eager_rules_export_with_free_sizes(style: Any) -> None:
    class Rules(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.up = nn.Conv2d(3, 4, 2, stride=2), nn.ConvTranspose2d(4, 2, 3, 2, 1)

        def forward(self, x: Tensor) -> Tensor:
            x = UF.conv2d(x, self.conv.weight, self.conv.bias, 2, style=style)
            return UF.conv_transpose2d(x, self.up.weight, self.up.bias, 2, 1, style=style)

    # torch itself asks of a product's strides whether the windows leave a row: both heights are even
    model, (x, other) = Rules().double(), shaped((2, 3, 8, 10), (3, 3, 12, 7))
    free = {0: torch.export.Dim.DYNAMIC, 2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    program = torch.export.export(model, (x,), dynamic_shapes=(free,)).module()
    torch.testing.assert_close(program(other), model(other))
