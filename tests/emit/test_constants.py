"""Every expression is run in a namespace of torch and its imports, and compared bit by bit."""

from __future__ import annotations

import importlib
import math
import time

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from unfoldify.emit.constants import constant_expression
from unfoldify.emit.constants.bits import same_bits
from unfoldify.emit.format import format_expression

INFINITY = float("inf")


def text_of(tensor: Tensor) -> str | None:
    """The text of a tensor's expression, after it was found to give the tensor again."""
    found = constant_expression(tensor)
    if found is None:
        return None
    text = format_expression(found.ast)
    modules = {name: importlib.import_module(name) for name in found.imports}
    made = eval(text, {"torch": torch, **modules})
    assert same_bits(made, tensor.detach().resolve_conj().resolve_neg().contiguous()), text
    overlaps = [stride for size, stride in zip(made.shape, made.stride(), strict=True) if size > 1]
    assert 0 not in overlaps, "a buffer could not be written to"
    return text


def rotary(width: int, length: int) -> Tensor:
    inverse = 1.0 / (10000 ** (torch.arange(0, width, 2).float() / width))
    return torch.outer(torch.arange(length).float(), inverse)


def sinusoidal(length: int, width: int) -> Tensor:
    table = torch.zeros(length, width)
    position = torch.arange(0, length, dtype=torch.float).unsqueeze(1)
    falling = torch.exp(torch.arange(0, width, 2).float() * (-math.log(10000.0) / width))
    table[:, 0::2] = torch.sin(position * falling)
    table[:, 1::2] = torch.cos(position * falling)
    return table


def numpys_sinusoidal(length: int, width: int) -> Tensor:
    """The table of "Attention is all you need" as it is often made, one number after the other."""
    angles = [
        [p / np.power(10000, 2 * (j // 2) / width) for j in range(width)] for p in range(length)
    ]
    table = np.array(angles)
    table[:, 0::2], table[:, 1::2] = np.sin(table[:, 0::2]), np.cos(table[:, 1::2])
    return torch.FloatTensor(table)


def relative_position_index(height: int, width: int) -> Tensor:
    """As Swin transformers compute it."""
    grid = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    coordinates = torch.stack(grid).flatten(1)
    relative = (coordinates[:, :, None] - coordinates[:, None, :]).permute(1, 2, 0).contiguous()
    relative[:, :, 0] += height - 1
    relative[:, :, 1] += width - 1
    relative[:, :, 0] *= 2 * width - 1
    return relative.sum(-1)


def shifted_window_mask(height: int, width: int, side: int, shift: int) -> Tensor:
    """As Swin transformers compute it."""
    image = torch.zeros(1, height, width, 1)
    slices = (slice(0, -side), slice(-side, -shift), slice(-shift, None))
    for region, (rows, columns) in enumerate((h, w) for h in slices for w in slices):
        image[:, rows, columns, :] = region
    windows = image.view(1, height // side, side, width // side, side, 1)
    windows = windows.permute(0, 1, 3, 2, 4, 5).reshape(-1, side * side)
    mask = windows.unsqueeze(1) - windows.unsqueeze(2)
    return mask.masked_fill(mask != 0, -100.0).masked_fill(mask == 0, 0.0)


RECOGNIZED: list[tuple[Tensor, str]] = [
    (torch.tensor(0.5), "torch.tensor(0.5)"),
    (torch.tensor(0.1), "torch.tensor(0.1)"),
    (torch.tensor(0.1, dtype=torch.float64), "torch.tensor(0.1, dtype=torch.float64)"),
    (torch.tensor(0.1).half(), "torch.tensor(0.1, dtype=torch.float16)"),
    (torch.tensor(3), "torch.tensor(3)"),
    (torch.tensor(True), "torch.tensor(True)"),
    (torch.tensor(-0.0), "torch.tensor(-0.0)"),
    (torch.tensor(float("nan")), 'torch.tensor(float("nan"))'),
    (torch.tensor(1 - 2j), "torch.tensor(1.0 - 2j)"),
    (torch.tensor(complex(-0.0, 1)), "torch.tensor(complex(-0.0, 1.0))"),
    (torch.tensor(math.sqrt(2)), "torch.tensor(math.sqrt(2))"),
    (torch.tensor(48**-0.5), "torch.tensor(48**-0.5)"),
    (torch.tensor(math.pi / 2), "torch.tensor(math.pi / 2)"),
    (torch.tensor(-math.log(10000)), "torch.tensor(-math.log(10000))"),
    (torch.tensor([7]), "torch.tensor([7])"),
    (torch.tensor([1.0, 0.5, 0.25]), "torch.tensor([1.0, 0.5, 0.25])"),
    (torch.tensor([1 + 2j, 3j]), "torch.tensor([1.0 + 2j, 3j])"),
    (torch.tensor([0.2, 0.3, 0.4]).view(3, 1, 1), "torch.tensor([0.2, 0.3, 0.4]).view(3, 1, 1)"),
    (torch.zeros(3, 4), "torch.zeros(3, 4)"),
    (torch.zeros(0, 3, dtype=torch.int64), "torch.empty(0, 3, dtype=torch.int64)"),
    (torch.ones(5, dtype=torch.bool), "torch.ones(5, dtype=torch.bool)"),
    (torch.full((7, 7), -10000.0), "torch.full((7, 7), -10000.0)"),
    (torch.full((9,), 3), "torch.full((9,), 3)"),
    (torch.full((9, 9), -0.0), "torch.full((9, 9), -0.0)"),
    (torch.zeros(3, dtype=torch.float8_e4m3fn), "torch.zeros(3, dtype=torch.float8_e4m3fn)"),
    (torch.arange(100), "torch.arange(100)"),
    (torch.arange(5, 64, 2), "torch.arange(5, 65, 2)"),
    (torch.arange(49, -1, -1), "torch.arange(49, -1, -1)"),
    (torch.arange(77, dtype=torch.int32), "torch.arange(77, dtype=torch.int32)"),
    (torch.arange(50.0), "torch.arange(50).float()"),
    (torch.arange(512).expand(1, -1), "torch.arange(512)[None]"),
    (torch.arange(512)[:, None], "torch.arange(512)[:, None]"),
    (torch.arange(100).view(4, 25), "torch.arange(100).view(4, 25)"),
    (torch.arange(100) < 30, "torch.arange(100) < 30"),
    (torch.arange(100) >= 30, "torch.arange(100) >= 30"),
    (torch.arange(40).repeat(3), "torch.arange(40).repeat(3)"),
    (torch.arange(40).repeat_interleave(2), "torch.arange(40).repeat_interleave(2)"),
    (torch.linspace(0, 0.1, 40), "torch.linspace(0, 0.1, 40)"),
    (torch.linspace(-1, 1, 100), "torch.linspace(-1, 1, 100)"),
    (torch.arange(64) / 64, "torch.arange(64) / 64"),
    ((torch.arange(40) + 0.5) / 40, "(torch.arange(40) + 0.5) / 40"),
    (torch.hann_window(400), "torch.hann_window(400)"),
    (2.0 ** torch.arange(40), "2.0 ** torch.arange(40)"),
    (2.0 ** (-0.25 * torch.arange(1, 33)), "2 ** (-0.25 * torch.arange(1, 33))"),
    (torch.eye(40), "torch.eye(40)"),
    (torch.eye(40, 50, dtype=torch.bool), "torch.eye(40, 50, dtype=torch.bool)"),
    (
        torch.tril(torch.ones(64, 64)).view(1, 1, 64, 64),
        "torch.ones(64, 64).tril().view(1, 1, 64, 64)",
    ),
    (
        ~torch.ones(50, 50, dtype=torch.bool).tril(),
        "torch.ones(50, 50, dtype=torch.bool).triu(diagonal=1)",
    ),
    (
        torch.full((77, 77), -INFINITY).triu(1),
        'torch.full((77, 77), float("-inf")).triu(diagonal=1)',
    ),
    (torch.ones(50, 50).tril(3).triu(-2), "torch.ones(50, 50).tril(diagonal=3).triu(diagonal=-2)"),
    ((1 - torch.ones(64, 64).tril()) * -1e9, "torch.ones(64, 64).triu(diagonal=1) * -1e9"),
    (
        torch.arange(50)[None] - torch.arange(50)[:, None],
        "torch.arange(50) - torch.arange(50)[:, None]",
    ),
    (
        (torch.arange(50)[None] - torch.arange(50)[:, None]).abs(),
        "(torch.arange(50)[:, None] - torch.arange(50)).abs()",
    ),
    (
        (torch.arange(50)[None] - torch.arange(50)[:, None]).clamp(-8, 8) + 8,
        "(torch.arange(50) - torch.arange(50)[:, None]).clamp(-8, 8) + 8",
    ),
    (
        ((torch.arange(32)[:, None] + torch.arange(32)) % 2).bool(),
        "((torch.arange(32)[:, None] + torch.arange(32)) % 2).bool()",
    ),
    (
        torch.stack(torch.meshgrid(torch.arange(20), torch.arange(30), indexing="ij")),
        'torch.stack(torch.meshgrid(torch.arange(20), torch.arange(30), indexing="ij"))',
    ),
    (
        torch.cartesian_prod(torch.arange(14), torch.arange(20)),
        "torch.cartesian_prod(torch.arange(14), torch.arange(20))",
    ),
    (torch.tensor([1.0, 2.0, 3.5]).expand(50, 3), "torch.tensor([1.0, 2.0, 3.5]).repeat(50, 1)"),
    (
        1.0 / 10000 ** (torch.arange(0, 128, 2) / 128),
        "1.0 / 10000 ** (torch.arange(0, 128, 2) / 128)",
    ),
    (
        (1.0 / 10000 ** (torch.arange(0, 128, 2) / 128)).half(),
        "(1.0 / 10000 ** (torch.arange(0, 128, 2) / 128)).half()",
    ),
    (
        torch.exp(-math.log(10000) * torch.arange(160) / 160),
        "torch.exp(-math.log(10000) * torch.arange(160) / 160)",
    ),
    (
        rotary(64, 100).cos().repeat(1, 2),
        "torch.outer(torch.arange(100).float(), 1.0 / 10000 ** (torch.arange(0, 64, 2) / 64))"
        ".cos().repeat(1, 2)",
    ),
    (
        torch.polar(torch.ones(100, 32), rotary(64, 100)),
        "torch.polar(torch.ones(100, 32), "
        "torch.outer(torch.arange(100).float(), 1.0 / 10000 ** (torch.arange(0, 64, 2) / 64)))",
    ),
    (
        sinusoidal(200, 64),
        "torch.stack([(angles := torch.outer(torch.arange(200).float(), "
        "torch.exp(torch.arange(0, 64, 2) * (-math.log(10000) / 64)))).sin(), angles.cos()], "
        "dim=-1).flatten(1)",
    ),
    (
        numpys_sinusoidal(20, 16),
        "torch.stack([(angles := torch.outer(torch.arange(20).double(), "
        "1.0 / 10000 ** (torch.arange(0, 16, 2, dtype=torch.float64) / 16))).sin(), angles.cos()], "
        "dim=-1).flatten(1).float()",
    ),
    (
        torch.from_numpy(np.linspace(1e-4, 0.02, 1000)).float(),
        "torch.linspace(0.0001, 0.02, 1000, dtype=torch.float64).float()",
    ),
    (1 - torch.linspace(0, 1, 16), "1 - torch.linspace(0, 1, 16)"),
    (
        torch.cartesian_prod(torch.linspace(-0.05, 0.05, 4), torch.linspace(-0.05, 0.05, 4)).T,
        "torch.stack([torch.linspace(-0.05, 0.05, 4).repeat_interleave(4), "
        "torch.linspace(-0.05, 0.05, 4).repeat(4)])",
    ),
    (
        relative_position_index(7, 7),
        "(index := (torch.arange(0, 91, 13)[:, None] + torch.arange(7)).flatten())[:, None]"
        " - index + 84",
    ),
    (
        shifted_window_mask(56, 28, 7, 3),
        "torch.where((region := (2 * (torch.arange(56) >= 53)[:, None] + (torch.arange(28) >= 25))"
        ".view(8, 7, 4, 7).transpose(1, 2).reshape(-1, 49))[:, None] != region[:, :, None], "
        "-100.0, 0.0)",
    ),
]


@pytest.mark.parametrize(("tensor", "text"), RECOGNIZED, ids=[text for _, text in RECOGNIZED])
def test_a_tensor_is_written_as_a_person_would_have(tensor: Tensor, text: str) -> None:
    assert text_of(tensor) == text


@pytest.mark.parametrize(("tensor", "text"), RECOGNIZED, ids=[text for _, text in RECOGNIZED])
def test_one_other_bit_is_never_overlooked(tensor: Tensor, text: str) -> None:
    if tensor.numel() < 2 or tensor.dtype.itemsize == 1:
        return
    other = tensor.detach().clone(memory_format=torch.contiguous_format).flatten()
    number = other[-1] if not other.is_complex() else torch.view_as_real(other)[-1]
    kinds = {2: torch.int16, 4: torch.int32, 8: torch.int64}
    number.view(kinds[number.dtype.itemsize]).bitwise_xor_(1)
    assert text_of(other.view(tensor.shape)) != text


DTYPES = [
    torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.complex64, torch.complex128,
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64,
]  # fmt: skip
REALS = [0.0, -0.0, 1.0, -1.0, 0.1, 1 / 3, 1e-40, 5e-324, 65504.0, 1e30, INFINITY, -INFINITY]
REALS += [float("nan"), math.pi, 2**0.5, 1e9, 16777217.0]


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    """Small tensors of odd numbers, in memory one after the other or not."""
    dtype = draw(st.sampled_from(DTYPES))
    shape = draw(st.lists(st.integers(0, 4), max_size=3))
    count = math.prod(shape)
    if dtype.is_complex:
        parts = draw(st.lists(st.sampled_from(REALS), min_size=2 * count, max_size=2 * count))
        numbers = torch.view_as_complex(torch.tensor(parts, dtype=torch.float64).view(-1, 2))
        tensor = numbers.to(dtype)
    elif dtype.is_floating_point:
        reals = st.lists(st.sampled_from(REALS), min_size=count, max_size=count)
        tensor = torch.tensor(draw(reals), dtype=torch.float64).to(dtype)
    else:
        whole = st.integers(0, 127) if dtype != torch.int64 else st.integers(-(2**63), 2**63 - 1)
        tensor = torch.tensor(draw(st.lists(whole, min_size=count, max_size=count))).to(dtype)
    tensor = tensor.view(shape)
    match draw(st.sampled_from(["plain", "turned", "expanded", "strided"])):
        case "turned" if tensor.dim() > 1:
            return tensor.transpose(0, 1)
        case "expanded":
            return tensor.expand(2, *tensor.shape)
        case "strided" if tensor.dim():
            return tensor[::2]
    return tensor


@settings(max_examples=200, deadline=None)
@given(tensors())
def test_any_small_tensor_has_an_expression(tensor: Tensor) -> None:
    assert text_of(tensor) is not None or tensor.numel() > 32


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.bool]),
    st.integers(-6, 6),
    st.sampled_from([(5, 5), (4, 7), (7, 4), (1, 6), (6, 1)]),
    st.sampled_from([1, 0.5, -INFINITY, -100]),
)
def test_triangles_of_every_shape(
    dtype: torch.dtype, diagonal: int, shape: tuple[int, int], number: float
) -> None:
    if dtype in (torch.int64, torch.bool):
        number = 1
    full = torch.full(shape, number, dtype=dtype)
    assert text_of(full.triu(diagonal)) is not None
    assert text_of(full.tril(diagonal)) is not None


@settings(max_examples=40, deadline=None)
@given(
    st.integers(-1000, 1000),
    st.integers(-50, 50),
    st.integers(33, 200),
    st.sampled_from([torch.int64, torch.int32, torch.float32, torch.float64]),
)
def test_counting_of_every_kind(first: int, step: int, count: int, dtype: torch.dtype) -> None:
    numbers = (first + step * torch.arange(count)).to(dtype)
    assert text_of(numbers) is not None


@settings(max_examples=40, deadline=None)
@given(
    st.floats(-100, 100, width=32),
    st.floats(-100, 100, width=32),
    st.integers(33, 200),
    st.sampled_from([torch.float32, torch.float64]),
)
def test_linspace_of_every_kind(first: float, last: float, count: int, dtype: torch.dtype) -> None:
    assume(first != last)
    assert text_of(torch.linspace(first, last, count, dtype=dtype)) is not None


@pytest.mark.parametrize("base", [10000, 500000, 1000000, 100])
@pytest.mark.parametrize("width", [66, 96, 128, 200])
def test_rotary_frequencies_of_every_kind(base: int, width: int) -> None:
    exponents = torch.arange(0, width, 2, dtype=torch.int64)
    for falling in (
        1.0 / (base ** (exponents.float() / width)),
        base ** -(exponents / width),
        torch.exp(exponents * -(math.log(base) / width)),
        torch.exp(-math.log(base) * torch.arange(width // 2) / (width // 2 - 1)),
        (1.0 / base ** (exponents.double() / width)).float(),
    ):
        assert text_of(falling) is not None
        assert text_of(falling.bfloat16()) is not None


@pytest.mark.parametrize(
    "tensor",
    [
        torch.rand(33),
        torch.rand(20, 20),
        torch.rand(2, 20, 20),
        torch.randperm(64),
        torch.randint(2, (20, 20)).bool(),
        torch.randn(40, dtype=torch.complex64),
        torch.eye(3).to_sparse(),
        torch.empty(3, device="meta"),
        torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8),
    ],
    ids=lambda tensor: f"{tensor.dtype} {tuple(tensor.shape)} {tensor.layout}",
)
def test_what_has_no_expression(tensor: Tensor) -> None:
    assert constant_expression(tensor) is None


def test_a_parameter_is_a_tensor_and_a_subclass_is_not() -> None:
    assert constant_expression(torch.nn.Parameter(torch.ones(3))) is not None
    assert constant_expression(torch.ones(3).as_subclass(type("Odd", (Tensor,), {}))) is None


@pytest.mark.parametrize(
    "tensor",
    [
        torch.rand(2000, 2000),
        torch.randint(100, (2000, 2000)),
        torch.randint(2, (2000, 2000)).bool(),
        torch.rand(1000000),
        torch.randint(100, (1000000,)),
        torch.full((2000, 2000), -INFINITY).triu(1),
    ],
    ids=lambda tensor: f"{tensor.dtype} {tuple(tensor.shape)}",
)
def test_looking_at_a_large_tensor_takes_little_time(tensor: Tensor) -> None:
    start = time.perf_counter()
    constant_expression(tensor)
    assert time.perf_counter() - start < 3


def test_the_expression_is_for_torch_as_it_starts() -> None:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        found = constant_expression(torch.tensor([0.5, 1.5], dtype=torch.float64))
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(before)
    assert found is not None
    assert format_expression(found.ast) == "torch.tensor([0.5, 1.5], dtype=torch.float64)"


def test_looking_changes_no_random_state() -> None:
    before = torch.get_rng_state()
    constant_expression(torch.rand(50, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(before, torch.get_rng_state())
