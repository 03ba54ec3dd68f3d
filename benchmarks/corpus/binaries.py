"""Stands in for the C++ libraries of torchvision and torchaudio, so that their Python files import.

A wheel of theirs is built for one build of torch, and another build of torch refuses its library.
Nearly all of their models are plain Python. Torchvision's operators are declared; `nms` and
`roi_align` get kernels written with torch, so that whole detectors run as well.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

_ROI = "Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width"
_ROI_SIZES = (
    "float spatial_scale, SymInt pooled_height, SymInt pooled_width, "
    "SymInt batch_size, SymInt channels, SymInt height, SymInt width"
)
_ROI_SIZES_PS = (
    "float spatial_scale, SymInt pooled_height, SymInt pooled_width, int sampling_ratio, "
    "SymInt batch_size, SymInt channels, SymInt height, SymInt width"
)
_DEFORM = (
    "Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, "
    "SymInt stride_h, SymInt stride_w, SymInt pad_h, SymInt pad_w, "
    "SymInt dilation_h, SymInt dilation_w, SymInt groups, SymInt offset_groups, bool use_mask"
)
_SCHEMAS = (
    "_cuda_version() -> int",
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "box_iou_rotated(Tensor boxes1, Tensor boxes2) -> Tensor",
    f"roi_align({_ROI}, int sampling_ratio, bool aligned) -> Tensor",
    "qroi_align(Tensor input, Tensor rois, float input_scale, int input_zero_point, "
    "float rois_scale, int rois_zero_point, float spatial_scale, SymInt pooled_height, "
    "SymInt pooled_width, int sampling_ratio, bool aligned) -> Tensor",
    f"_roi_align_backward(Tensor grad, Tensor rois, {_ROI_SIZES}, "
    "int sampling_ratio, bool aligned) -> Tensor",
    f"roi_pool({_ROI}) -> (Tensor, Tensor)",
    f"_roi_pool_backward(Tensor grad, Tensor rois, Tensor argmax, {_ROI_SIZES}) -> Tensor",
    f"ps_roi_align({_ROI}, int sampling_ratio) -> (Tensor, Tensor)",
    f"_ps_roi_align_backward(Tensor grad, Tensor rois, Tensor mapping, {_ROI_SIZES_PS}) -> Tensor",
    f"ps_roi_pool({_ROI}) -> (Tensor, Tensor)",
    f"_ps_roi_pool_backward(Tensor grad, Tensor rois, Tensor mapping, {_ROI_SIZES}) -> Tensor",
    f"deform_conv2d({_DEFORM}) -> Tensor",
    f"_deform_conv2d_backward(Tensor grad, {_DEFORM}) -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
)
_AUDIO_SCHEMAS = (
    "_lfilter_core_loop(Tensor windows, Tensor coefficients, Tensor output) -> ()",
    "_overdrive_core_loop(Tensor x, Tensor temp, Tensor last_in, Tensor last_out, Tensor output)"
    " -> ()",
)
_libraries: list[Any] = []  # a library's registrations live as long as it does


def stand_in() -> None:
    """Makes both importable; leaves alone what is not installed or has a fitting binary."""
    if _libraries:
        return
    if _needs_help("torchvision", "_C.so"):
        _declare_torchvision()
    if _needs_help("torchaudio", "lib/_torchaudio.abi3.so"):
        _declare_torchaudio()


def _needs_help(package: str, binary: str) -> bool:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return False
    load: Any = torch.ops.load_library
    try:
        load(Path(spec.submodule_search_locations[0]) / binary)
    except OSError:
        return True
    return False


def _new_library(name: str) -> Any:
    create: Any = torch.library.Library
    library = create(name, "DEF")
    _libraries.append(library)
    return library


def _declare_torchvision() -> None:
    library = _new_library("torchvision")
    for schema in _SCHEMAS:
        library.define(schema)
    library.impl("_cuda_version", lambda: -1, "CompositeExplicitAutograd")
    library.impl("nms", _nms, "CPU")
    with _no_binaries():
        importlib.import_module("torchvision")
        roi_align: Any = importlib.import_module("torchvision.ops.roi_align")
    library.impl("roi_align", roi_align._roi_align, "CPU")


def _declare_torchaudio() -> None:
    operators = _new_library("torchaudio")
    for schema in _AUDIO_SCHEMAS:
        operators.define(schema)
    build = _new_library("_torchaudio")
    build.define("is_align_available() -> bool")
    build.define("cuda_version() -> int?")
    build.impl("is_align_available", lambda: False, "CompositeExplicitAutograd")
    build.impl("cuda_version", lambda: None, "CompositeExplicitAutograd")
    with _no_binaries():
        importlib.import_module("torchaudio")


@contextmanager
def _no_binaries() -> Iterator[None]:
    load_library = torch.ops.load_library
    torch.ops.load_library = lambda path: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        torch.ops.load_library = load_library  # type: ignore[method-assign]


def _nms(boxes: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """The indices of the boxes that no better box overlaps by more than the threshold."""
    left, top, right, bottom = boxes.unbind(1)
    area = (right - left) * (bottom - top)
    kept: list[torch.Tensor] = []
    remaining = scores.argsort(descending=True, stable=True)
    while remaining.numel():
        best, remaining = remaining[0], remaining[1:]
        kept.append(best)
        width = (right[best].minimum(right[remaining]) - left[best].maximum(left[remaining])).clamp(
            0
        )
        height = (
            bottom[best].minimum(bottom[remaining]) - top[best].maximum(top[remaining])
        ).clamp(0)
        overlap = width * height
        remaining = remaining[overlap <= iou_threshold * (area[best] + area[remaining] - overlap)]
    return torch.stack(kept) if kept else remaining
