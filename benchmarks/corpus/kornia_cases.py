"""kornia: its networks, and filters that are modules."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import nn

from benchmarks.corpus.binaries import stand_in
from benchmarks.corpus.case import Built, Case

_PICTURE = (2, 3, 32, 32)

# dotted name inside kornia -> arguments, shapes of the inputs
MODELS: dict[str, tuple[dict[str, Any], tuple[tuple[int, ...], ...]]] = {
    "filters.BoxBlur": ({"kernel_size": (3, 5)}, (_PICTURE,)),
    "filters.Canny": ({}, (_PICTURE,)),
    "filters.GaussianBlur2d": ({"kernel_size": (5, 5), "sigma": (1.5, 1.5)}, (_PICTURE,)),
    "filters.Laplacian": ({"kernel_size": 5}, (_PICTURE,)),
    "filters.MedianBlur": ({"kernel_size": (3, 3)}, (_PICTURE,)),
    "filters.Sobel": ({}, (_PICTURE,)),
    "filters.SpatialGradient": ({}, (_PICTURE,)),
    "color.RgbToLab": ({}, (_PICTURE,)),
    "color.RgbToHsv": ({}, (_PICTURE,)),
    "losses.SSIMLoss": ({"window_size": 5}, (_PICTURE, _PICTURE)),
    "losses.TotalVariation": ({}, (_PICTURE,)),
    "feature.HardNet": ({"pretrained": False}, ((4, 1, 32, 32),)),
    "feature.HyNet": ({"pretrained": False}, ((4, 1, 32, 32),)),
    "feature.SOSNet": ({"pretrained": False}, ((4, 1, 32, 32),)),
    "feature.TFeat": ({"pretrained": False}, ((4, 1, 32, 32),)),
    "feature.SIFTDescriptor": ({"patch_size": 16}, ((3, 1, 16, 16),)),
    "geometry.PyrDown": ({}, (_PICTURE,)),
    "geometry.PyrUp": ({}, (_PICTURE,)),
}


def cases() -> Iterator[Case]:
    for name, (options, shapes) in MODELS.items():
        yield Case("kornia", name.rpartition(".")[2], partial(_build, name, options, shapes))


def _build(name: str, options: dict[str, Any], shapes: tuple[tuple[int, ...], ...]) -> Built:
    stand_in()
    import kornia

    found: Any = kornia
    for part in name.split("."):
        found = getattr(found, part)
    model: nn.Module = found(**options)
    return Built(model, tuple(torch.rand(shape) for shape in shapes))
