"""Every pattern in plain torch: equal to einops, by the calls that a person would write."""

from __future__ import annotations

from typing import Any

import einops
import pytest
import torch
from agreement import noise
from hypothesis import given, settings
from hypothesis import strategies as st
from transcript import transcript

from unfoldify.rules import dialect_torch

REARRANGED = [
    ("a b -> a b", (2, 3), {}, "x"),
    ("o i -> i o", (2, 3), {}, "x.transpose(0, 1)"),
    ("a b c -> c a b", (2, 3, 4), {}, "x.permute(2, 0, 1)"),
    ("b n i -> b n i 1", (2, 3, 4), {}, "x.unsqueeze(-1)"),
    ("... m n -> ... m n 1", (2, 3, 4, 5), {}, "x.unsqueeze(-1)"),
    ("... n p -> ... 1 n p", (2, 3, 4, 5), {}, "x.unsqueeze(2)"),
    ("c -> c 1 1", (3,), {}, "x[:, None, None]"),
    ("c 1 kh kw -> c 1 1 kh kw", (3, 1, 2, 2), {}, "x.unsqueeze(2)"),
    ("b 1 n -> b n", (2, 1, 3), {}, "x.squeeze(1)"),
    ("b 1 1 n -> n b", (2, 1, 1, 3), {}, "x.squeeze((1, 2)).transpose(0, 1)"),
    ("b (g c) n -> b g c n", (2, 6, 3), {"g": 2}, "x.unflatten(1, (2, -1))"),
    ("b (g c) n -> b g 1 c n", (2, 6, 3), {"c": 3}, "x.unflatten(1, (-1, 3)).unsqueeze(2)"),
    ("b g c n -> b (g c) n", (2, 3, 4, 5), {}, "x.flatten(1, 2)"),
    ("b c h w -> b (h w) c", (2, 3, 4, 5), {}, "x.permute(0, 2, 3, 1).flatten(1, 2)"),
    (
        "b c kh kw h w -> b c (h kh) (w kw)",
        (1, 2, 2, 3, 3, 4),
        {},
        "x.permute(0, 1, 4, 2, 5, 3).flatten(4, 5).flatten(2, 3)",
    ),
    (
        "b n (qkv h d) -> qkv b h n d",
        (2, 3, 24),
        {"qkv": 3, "h": 4},
        "x.unflatten(2, (3, 4, -1)).permute(2, 0, 3, 1, 4)",
    ),
    (
        "b c (h kh) (w kw) -> b 1 c h w kh kw",
        (2, 3, 4, 6),
        {"kh": 2, "kw": 3},
        "x.unflatten(3, (-1, 3)).unflatten(2, (-1, 2)).transpose(3, 4).unsqueeze(1)",
    ),
    ("b ... d -> b (...) d", (2, 3, 4, 5), {}, "x.flatten(1, 2)"),
]
REPEATED = [
    ("h w -> h w c", (2, 3), {"c": 4}, "x.unsqueeze(-1).expand(-1, -1, 4)"),
    ("1 n d -> b n d", (1, 2, 3), {"b": 4}, "x.expand(4, -1, -1)"),
    ("d -> b 1 d", (3,), {"b": 2}, "x.unsqueeze(0).expand(2, -1).unsqueeze(1)"),
    (
        "b h n d -> b (h g) n d",
        (2, 3, 4, 5),
        {"g": 2},
        "x.unsqueeze(2).expand(-1, -1, 2, -1, -1).flatten(1, 2)",
    ),
    (
        "h w -> (h 2) (w 3)",
        (2, 3),
        {},
        "x[:, None, :, None].expand(-1, 2, -1, 3).flatten(2, 3).flatten(0, 1)",
    ),
]
REDUCED = [
    ("b c h w -> b c", (2, 3, 4, 5), {}, "x.sum(dim=(2, 3))"),
    ("b n d -> b d", (2, 3, 4), {}, "x.sum(dim=1)"),
    ("b c h w -> b c 1 1", (2, 3, 4, 5), {}, "x.sum(dim=(2, 3))[:, :, None, None]"),
    ("b (h 2) -> h b", (2, 6), {}, "x.unflatten(1, (-1, 2)).sum(dim=2).transpose(0, 1)"),
]


def one_line(lines: list[str]) -> str:
    """A transcript as one chain of calls."""
    values = {"x": "x"}
    for line in lines:
        name, _, call = line.partition(" = ")
        for known, text in values.items():
            if call.startswith((f"{known}.", f"{known}[")):
                values[name] = text + call.removeprefix(known)
                break
    return list(values.values())[-1]


@pytest.mark.parametrize(("pattern", "shape", "sizes", "text"), REARRANGED)
def test_rearrange(pattern: str, shape: Any, sizes: dict[str, int], text: str) -> None:
    x = noise(*shape)
    want = einops.rearrange(x, pattern, **sizes)
    torch.testing.assert_close(dialect_torch.rearrange(x, pattern, **sizes), want)
    lines = transcript(dialect_torch.rearrange, x, pattern, names="x", **sizes)
    assert one_line(lines) == text


@pytest.mark.parametrize(("pattern", "shape", "sizes", "text"), REPEATED)
def test_repeat(pattern: str, shape: Any, sizes: dict[str, int], text: str) -> None:
    x = noise(*shape)
    want = einops.repeat(x, pattern, **sizes)
    torch.testing.assert_close(dialect_torch.repeat(x, pattern, **sizes), want)
    lines = transcript(dialect_torch.repeat, x, pattern, names="x", **sizes)
    assert one_line(lines) == text


@pytest.mark.parametrize(("pattern", "shape", "sizes", "text"), REDUCED)
def test_reduce(pattern: str, shape: Any, sizes: dict[str, int], text: str) -> None:
    x = noise(*shape)
    for reduction in ("sum", "mean", "max", "min", "prod"):
        want = einops.reduce(x, pattern, reduction, **sizes)
        torch.testing.assert_close(dialect_torch.reduce(x, pattern, reduction, **sizes), want)
    lines = transcript(dialect_torch.reduce, x, pattern, "sum", names="x", **sizes)
    assert one_line(lines) == text


@pytest.mark.parametrize(
    ("pattern", "letters"),
    [
        ("b n i, o i -> b n o", "bni,oi->bno"),
        ("b n c_in, c_out c_in -> b n c_out", "bnc,oc->bno"),
        ("... i, o i -> ... o", "...i,oi->...o"),
    ],
)
def test_einsum(pattern: str, letters: str) -> None:
    a, b = noise(2, 3, 4), noise(5, 4)
    want = einops.einsum(a, b, pattern)
    torch.testing.assert_close(dialect_torch.einsum(a, b, pattern), want)
    assert transcript(dialect_torch.einsum, a, b, pattern, names="a b") == [
        f"t0 = einsum({letters!r}, a, b)"
    ]


def test_a_list_of_tensors_is_a_new_first_axis() -> None:
    parts = [noise(2, 3, seed=i) for i in range(4)]
    want = einops.rearrange(parts, "k b c -> b (k c)")
    torch.testing.assert_close(dialect_torch.rearrange(parts, "k b c -> b (k c)"), want)


@st.composite
def patterns(draw: st.DrawFn) -> tuple[str, tuple[int, ...], dict[str, int]]:
    """Any pattern: groups on both sides, ones, axes in any order."""
    names = draw(st.permutations("abcd").map(lambda p: p[: draw(st.integers(1, 4))]))
    sizes = {name: draw(st.integers(1, 3)) for name in names}

    def side(order: list[str]) -> list[list[str]]:
        groups: list[list[str]] = []
        for name in order:
            if groups and draw(st.booleans()):
                groups[-1].append(name)
            else:
                groups.append([name])
        for _ in range(draw(st.integers(0, 2))):
            groups.insert(draw(st.integers(0, len(groups))), [])
        return groups

    def text(groups: list[list[str]]) -> str:
        return " ".join(
            "1" if not g else g[0] if len(g) == 1 else f"({' '.join(g)})" for g in groups
        )

    left, right = side(list(names)), side(list(draw(st.permutations(names))))
    shape = []
    for group in left:
        size = 1
        for name in group:
            size *= sizes[name]
        shape.append(size)
    return f"{text(left)} -> {text(right)}", tuple(shape), sizes


@given(patterns())
@settings(max_examples=150, deadline=None)
def test_any_pattern(case: Any) -> None:
    pattern, shape, sizes = case
    x = noise(*shape)
    want = einops.rearrange(x, pattern, **sizes)
    torch.testing.assert_close(dialect_torch.rearrange(x, pattern, **sizes), want)
