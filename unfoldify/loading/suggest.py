"""A model without inputs → inputs that it takes, where some are found: the way out of that error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from unfoldify.loading.inputs import draw, parse_inputs
from unfoldify.preserve import preserved, silenced

IMAGES = (64, 32, 224, 28, 128)  # the sides that models are most often made for


@dataclass(frozen=True)
class Suggestion:
    """One input, as `--input` takes it and as `get_inputs()` would make it."""

    option: str
    expression: str


def suggested_inputs(model: nn.Module, names: Sequence[str]) -> tuple[Suggestion, ...]:
    """One suggestion for each required argument of forward: the first that the model takes."""
    choices = [list(_suggestions(model, name)) for name in names]
    tries = [
        tuple(choice[min(number, len(choice) - 1)] for choice in choices)
        for number in range(max(map(len, choices), default=1))
    ]
    return next((each for each in tries if _runs(model, each)), tries[0])


def _runs(model: nn.Module, inputs: Sequence[Suggestion]) -> bool:
    given = parse_inputs([one.option.strip("'") for one in inputs])
    with preserved(model), silenced():
        try:
            args, kwargs = draw(given, torch.get_default_dtype(), torch.device("cpu"))
            model.eval()  # on a line of its own: a user's train() may return nothing
            model(*args, **kwargs)
        except Exception:
            return False
    return True


def _suggestions(model: nn.Module, name: str) -> Iterator[Suggestion]:
    """What the first layer would take, the most likely first."""
    if "mask" in name:
        yield Suggestion("2,16:bool", "torch.ones(2, 16, dtype=torch.bool)")
        return
    for layer in model.modules():
        if isinstance(layer, nn.Embedding):
            rows = layer.num_embeddings
            for length in (16, 8, 4):
                numbers = f"torch.randint({rows}, (2, {length}))"
                yield Suggestion(f"'2,{length}:int64<{rows}'", numbers)
            return
        shapes = list(_shapes(layer))
        for shape in shapes:
            sizes = [str(size) for size in shape]
            yield Suggestion(",".join(sizes), f"torch.randn({', '.join(sizes)})")
        if shapes:
            return
    yield Suggestion("2,8", "torch.randn(2, 8)")


def _shapes(layer: nn.Module) -> Iterator[tuple[int, ...]]:
    if isinstance(layer, nn.Conv3d | nn.ConvTranspose3d):
        yield from (
            (2, layer.in_channels, depth, side, side) for depth, side in ((8, 32), (16, 64))
        )
    elif isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        yield from ((2, layer.in_channels, side, side) for side in IMAGES)
    elif isinstance(layer, nn.Conv1d | nn.ConvTranspose1d):
        yield from ((2, layer.in_channels, length) for length in (128, 1024, 16))
    elif isinstance(layer, nn.Linear):
        yield from ((2, layer.in_features), (2, 16, layer.in_features))
    elif isinstance(layer, nn.RNNBase):
        yield (2, 16, layer.input_size)
    elif isinstance(layer, nn.MultiheadAttention):
        yield (16, 2, layer.embed_dim)
