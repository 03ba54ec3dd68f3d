"""How long the rules take, and how much memory, beside torch's own kernels and einconv's.

    python -m benchmarks.rules            # a Markdown table
    python -m benchmarks.rules --rounds 9

Each case runs forward and backward in all ways in turn, round after round; what is told is the median
of a way's time over the median of torch's in the same run. It is processor time, which other work on
the machine hardly touches. Memory is the most that tensors took beyond the arguments, as the profiler
counts it. einconv is left out where it is not installed.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from unfoldify import functional as UF

Call = Callable[..., Any]


@dataclass(frozen=True)
class Case:
    """One call, and its counterparts."""

    name: str
    shapes: tuple[tuple[int, ...], ...]
    torch: Call
    rule: Call
    einconv: Call | None = None


def conv(name: str, x: tuple[int, ...], w: tuple[int, ...], **kwargs: Any) -> Case:
    spatial = len(w) - 2
    rule, reference = getattr(UF, f"conv{spatial}d"), getattr(F, f"conv{spatial}d")
    return Case(
        name,
        (x, w),
        lambda *a: reference(*a, **kwargs),
        lambda *a, style: rule(*a, **kwargs, style=style),
        with_einconv(spatial, kwargs),
    )


def transposed(name: str, x: tuple[int, ...], w: tuple[int, ...], **kwargs: Any) -> Case:
    spatial = len(w) - 2
    rule = getattr(UF, f"conv_transpose{spatial}d")
    reference = getattr(F, f"conv_transpose{spatial}d")
    return Case(
        name,
        (x, w),
        lambda *a: reference(*a, **kwargs),
        lambda *a, style: rule(*a, **kwargs, style=style),
    )


def with_einconv(spatial: int, kwargs: dict[str, Any]) -> Call | None:
    """The convolution of einconv, which has no bias here either."""
    try:
        from einconv.functionals import convNd
    except ImportError:
        return None
    return lambda *a: convNd(*a, **kwargs)  # type: ignore[no-any-return]


def plain(name: str, function: str, home: Any, *shapes: tuple[int, ...], **kwargs: Any) -> Case:
    rule, reference = getattr(UF, function), getattr(home, function)
    return Case(
        name,
        shapes,
        lambda *a: reference(*a, **kwargs),
        lambda *a, style: rule(*a, **kwargs, style=style),
    )


HEADS = ((4, 4, 64, 32),) * 3
CASES = (
    plain("linear 128 → 128, 4x64 tokens", "linear", F, (4, 64, 128), (128, 128)),
    plain("matmul 4x64x64", "matmul", torch, (4, 64, 64), (4, 64, 64)),
    conv("conv1d, kernel 3, padding 1", (4, 32, 256), (32, 32, 3), padding=1),
    conv("conv1d, kernel 3, dilation 8", (4, 32, 256), (32, 32, 3), padding=8, dilation=8),
    conv("conv2d 3x3, padding 1", (4, 16, 32, 32), (16, 16, 3, 3), padding=1),
    conv("conv2d 3x3, stride 2, padding 1", (4, 16, 32, 32), (32, 16, 3, 3), stride=2, padding=1),
    conv("conv2d 3x3, dilation 4", (4, 16, 32, 32), (16, 16, 3, 3), padding=4, dilation=4),
    conv("conv2d 1x1", (4, 64, 32, 32), (64, 64, 1, 1)),
    conv("conv2d 3x3, 4 groups", (4, 32, 32, 32), (32, 8, 3, 3), padding=1, groups=4),
    conv("conv2d 7x7, depthwise", (4, 32, 32, 32), (32, 1, 7, 7), padding=3, groups=32),
    conv("conv2d 8x8, stride 8: patches", (4, 3, 64, 64), (64, 3, 8, 8), stride=8),
    transposed("conv_transpose2d 2x2, stride 2", (4, 32, 16, 16), (32, 16, 2, 2), stride=2),
    transposed(
        "conv_transpose2d 4x4, stride 2", (4, 32, 16, 16), (32, 16, 4, 4), stride=2, padding=1
    ),
    transposed("conv_transpose2d 3x3", (4, 16, 32, 32), (16, 16, 3, 3), padding=1),
    plain("attention, 4 heads, 64 tokens", "scaled_dot_product_attention", F, *HEADS),
    plain("the same, causal", "scaled_dot_product_attention", F, *HEADS, is_causal=True),
)


def ways(case: Case) -> dict[str, Call]:
    """Each way to compute a case, by its name."""
    found: dict[str, Call] = {
        "torch": case.torch,
        "product": lambda *a: case.rule(*a, style="product"),
        "einsum": lambda *a: case.rule(*a, style="einsum"),
    }
    if case.einconv is not None:
        found["einconv"] = case.einconv
    return found


def arguments(case: Case) -> list[Tensor]:
    torch.manual_seed(0)
    return [torch.randn(shape, requires_grad=True) for shape in case.shapes]


def both_ways(call: Call, args: list[Tensor]) -> None:
    """Forward and backward."""
    result = call(*args)
    torch.autograd.grad(result, args, torch.ones_like(result))


def measured(case: Case, rounds: int) -> dict[str, tuple[float, int]]:
    """Seconds and bytes of each way, measured in turn."""
    args, calls = arguments(case), ways(case)
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 2):
        for name, call in calls.items():
            start = time.process_time()
            both_ways(call, args)
            if number > 1:  # the first two are for warming up
                times[name].append(time.process_time() - start)
    return {
        name: (statistics.median(times[name]), peak(call, args)) for name, call in calls.items()
    }


def peak(call: Call, args: list[Tensor]) -> int:
    """The most bytes that tensors take at once in a forward and a backward."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        both_ways(call, args)
    held = most = 0
    for event in seen.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    return most


def rows(rounds: int) -> Iterator[str]:
    names = ["product", "einsum"]
    if any(case.einconv is not None for case in CASES):
        names.append("einconv")
    heads = [f"{name}, {what}" for name in names for what in ("time", "memory")]
    yield "| call | torch | " + " | ".join(heads) + " |"
    yield "|---|---:|" + "---:|" * len(heads)
    for case in CASES:
        found = measured(case, rounds)
        seconds, room = found["torch"]
        cells = [case.name, f"{seconds * 1e3:.2f} ms, {room / 2**20:.1f} MiB"]
        for name in names:
            if name in found:
                cells += [f"{found[name][0] / seconds:.1f}", f"{found[name][1] / room:.1f}"]
            else:
                cells += ["", ""]
        yield "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    for row in rows(asked.rounds):
        print(row, flush=True)


if __name__ == "__main__":
    main()
