"""vit-pytorch: one model of each of its files, small."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from benchmarks.corpus.binaries import stand_in
from benchmarks.corpus.case import Built, Case, image
from benchmarks.corpus.vocabulary import filled

VOCABULARY: dict[str, Any] = {
    "image_size": 32,
    "patch_size": 8,
    "num_classes": 5,
    "dim": 24,
    "depth": 2,
    "heads": 2,
    "mlp_dim": 48,
    "dim_head": 12,
    "dropout": 0.1,
    "emb_dropout": 0.1,
    "cls_depth": 1,
    "frames": 4,
    "image_patch_size": 8,
    "frame_patch_size": 2,
}
PICTURE, VIDEO, WIDE = (2, 3, 32, 32), (2, 3, 4, 32, 32), (1, 3, 224, 224)
_STAGES = {"dim": (8, 16, 24, 32), "depth": (1, 1, 1, 1)}
_CCT = {
    "img_size": 32,
    "embedding_dim": 24,
    "n_conv_layers": 1,
    "kernel_size": 3,
    "stride": 2,
    "padding": 1,
    "pooling_kernel_size": 3,
    "pooling_stride": 2,
    "pooling_padding": 1,
    "num_layers": 2,
    "num_heads": 2,
    "mlp_ratio": 2.0,
}
_JET = {"window_size": 2, "attn_layers": ["WA", "LA"]}

# file -> class, shape of the input, arguments beside the vocabulary
MODELS: dict[str, tuple[str, tuple[int, ...], Mapping[str, Any]]] = {
    "vit": ("ViT", PICTURE, {}),
    "simple_vit": ("SimpleViT", PICTURE, {}),
    "ats_vit": ("ViT", PICTURE, {"max_tokens_per_depth": (8, 4)}),
    "attn_residual_with_dca_simple_vit": ("SimpleViT", PICTURE, {}),
    "cait": ("CaiT", PICTURE, {"layer_dropout": 0.05}),
    "cct": ("CCT", PICTURE, _CCT),
    "cct_3d": ("CCT", VIDEO, {**_CCT, "num_frames": 4, "frame_kernel_size": 1}),
    "cross_vit": (
        "CrossViT",
        (2, 3, 64, 64),
        {
            "image_size": 64,
            "sm_dim": 16,
            "lg_dim": 24,
            "sm_patch_size": 8,
            "lg_patch_size": 16,
            "depth": 2,
        },
    ),
    "crossformer": ("CrossFormer", WIDE, {"dim": (32, 32, 64, 64), "depth": (1, 1, 1, 1)}),
    "cvt": ("CvT", (2, 3, 64, 64), {"s3_depth": 2}),
    "deepvit": ("DeepViT", PICTURE, {}),
    "jet_vit": ("JetViT", PICTURE, _JET),
    "jumbo_vit": ("JumboViT", PICTURE, {"num_jumbo_cls": 1, "jumbo_cls_k": 2}),
    "learnable_memory_vit": ("ViT", PICTURE, {}),
    "levit": (
        "LeViT",
        (2, 3, 64, 64),
        {"image_size": 64, "stages": 2, "dim": (16, 32), "heads": (2, 4), "mlp_mult": 2},
    ),
    "local_vit": ("LocalViT", PICTURE, {}),
    "look_vit": (
        "LookViT",
        PICTURE,
        {"patch_size": 8, "highres_patch_size": 4, "cross_attn_heads": 2, "dropout": 0.0},
    ),
    "looped_vit": ("LoopedViT", PICTURE, {}),
    "max_vit": (
        "MaxViT",
        (2, 3, 64, 64),
        {"dim_conv_stem": 8, "dim": 16, "depth": (1, 1), "dim_head": 16, "window_size": 4},
    ),
    "max_vit_with_registers": (
        "MaxViT",
        (2, 3, 64, 64),
        {"dim_conv_stem": 8, "dim": 16, "depth": (1, 1), "dim_head": 16, "window_size": 4},
    ),
    "mobile_vit": (
        "MobileViT",
        (2, 3, 64, 64),
        {
            "image_size": (64, 64),
            "dims": [16, 24, 32],
            "channels": [8, 8, 12, 12, 16, 16, 20, 20, 24, 24, 32],
            "depths": (1, 1, 1),
            "patch_size": (2, 2),
        },
    ),
    "nest": (
        "NesT",
        PICTURE,
        {"patch_size": 4, "num_hierarchies": 2, "block_repeats": (1, 1), "heads": 2},
    ),
    "normalized_vit": ("nViT", PICTURE, {}),
    "parallel_vit": ("ViT", PICTURE, {"num_parallel_branches": 2}),
    "pit": ("PiT", PICTURE, {"depth": (1, 1), "patch_size": 8}),
    "regionvit": ("RegionViT", WIDE, {**_STAGES, "window_size": 7}),
    "rvt": ("RvT", PICTURE, {}),
    "scalable_vit": (
        "ScalableViT",
        (2, 3, 64, 64),
        {
            "dim": 16,
            "heads": (1, 2),
            "depth": (1, 1),
            "ssa_dim_key": (8, 8),
            "reduction_factor": (2, 1),
            "window_size": (4, None),
        },
    ),
    "sep_vit": (
        "SepViT",
        (2, 3, 56, 56),
        {"dim": 16, "heads": (1, 2), "depth": (1, 1)},
    ),
    "simple_flash_attn_vit": ("SimpleViT", PICTURE, {}),
    "simple_flash_attn_vit_3d": ("SimpleViT", VIDEO, {}),
    "simple_uvit": ("SimpleUViT", PICTURE, {}),
    "simple_vit_1d": ("SimpleViT", (2, 3, 32), {"seq_len": 32}),
    "simple_vit_3d": ("SimpleViT", VIDEO, {}),
    "simple_vit_attn_residual": ("SimpleViTAttnResidual", PICTURE, {}),
    "simple_vit_orthog_residual_update": ("SimpleViT", PICTURE, {}),
    "simple_vit_with_fft": ("SimpleViT", PICTURE, {"freq_patch_size": 8}),
    "simple_vit_with_hyper_connections": ("SimpleViT", PICTURE, {"num_residual_streams": 2}),
    "simple_vit_with_patch_dropout": ("SimpleViT", PICTURE, {"patch_dropout": 0.25}),
    "simple_vit_with_qk_norm": ("SimpleViT", PICTURE, {}),
    "simple_vit_with_register_tokens": ("SimpleViT", PICTURE, {}),
    "simple_vit_with_relative_proj_pos_bias": ("SimpleViT", PICTURE, {}),
    "simple_vit_with_sparse_gating": ("SimpleViTWithSparseGating", PICTURE, {}),
    "simple_vit_with_specialized_cls": ("SimpleViT", PICTURE, {}),
    "simple_vit_with_value_residual": ("SimpleViT", PICTURE, {}),
    "t2t": ("T2TViT", (2, 3, 64, 64), {"image_size": 64}),
    "twins_svt": (
        "TwinsSVT",
        WIDE,
        {
            "s1_emb_dim": 8,
            "s2_emb_dim": 16,
            "s3_emb_dim": 24,
            "s4_emb_dim": 32,
            "s3_depth": 1,
            "s4_depth": 1,
        },
    ),
    "vit_1d": ("ViT", (2, 3, 32), {"seq_len": 32}),
    "vit_3d": ("ViT", VIDEO, {}),
    "vit_5": ("ViT", PICTURE, {}),
    "vit_detpool": ("ViTDetPool", PICTURE, {}),
    "vit_for_small_dataset": ("ViT", PICTURE, {}),
    "vit_nd": ("ViTND", VIDEO, {"ndim": 3, "input_shape": (4, 32, 32), "patch_size": (2, 8, 8)}),
    "vit_nd_rotary": (
        "ViTND",
        VIDEO,
        {"ndim": 3, "input_shape": (4, 32, 32), "patch_size": (2, 8, 8)},
    ),
    "vit_nd_pope": (
        "ViTND",
        VIDEO,
        {"ndim": 3, "input_shape": (4, 32, 32), "patch_size": (2, 8, 8)},
    ),
    "vit_with_decorr": ("ViT", PICTURE, {}),
    "vit_with_keel_post_ln": ("ViT", PICTURE, {}),
    "vit_with_patch_dropout": ("ViT", PICTURE, {"patch_dropout": 0.25}),
    "vit_with_patch_merger": (
        "ViT",
        PICTURE,
        {"patch_merge_layer": 1, "patch_merge_num_tokens": 4},
    ),
    "vivit": ("ViViT", VIDEO, {"spatial_depth": 1, "temporal_depth": 1}),
    "wwt": ("WWT", PICTURE, {"num_slots": 4}),
    "xcit": ("XCiT", PICTURE, {}),
}


def cases() -> Iterator[Case]:
    for file, (name, shape, options) in MODELS.items():
        yield Case("vit_pytorch", file, partial(_build, file, name, shape, options))
    for build in (_na_vit, _na_vit_nested, _mae, _simmim, _distill, _dino, _extractor, _recorder):
        yield Case("vit_pytorch", build.__name__.strip("_"), build)
    yield Case("vit_pytorch", "learnable_memory_adapter", _adapter)
    yield Case("vit_pytorch", "efficient_x_transformers", _efficient)


def _class(file: str, name: str) -> Callable[..., nn.Module]:
    stand_in()
    found: Callable[..., nn.Module] = getattr(importlib.import_module(f"vit_pytorch.{file}"), name)
    return found


def _model(file: str, name: str, **options: Any) -> nn.Module:
    build = _class(file, name)
    return build(**filled(build, VOCABULARY, options))


def _build(file: str, name: str, shape: tuple[int, ...], options: Mapping[str, Any]) -> Built:
    return Built(_model(file, name, **options), (torch.randn(shape),))


def _na_vit() -> Built:
    pictures = [[image(3, 32, 32), image(3, 16, 24)], [image(3, 24, 32)]]
    return Built(_model("na_vit", "NaViT", token_dropout_prob=0.1), (pictures,))


def _na_vit_nested() -> Built:
    pictures = [image(3, 32, 32), image(3, 16, 24), image(3, 24, 32)]
    return Built(_model("na_vit_nested_tensor", "NaViT", dropout=0.0), (pictures,))


def _mae() -> Built:
    model = _class("mae", "MAE")(
        encoder=_model("simple_vit", "SimpleViT"),
        masking_ratio=0.75,
        decoder_dim=24,
        decoder_depth=1,
    )
    return Built(model, (image(*PICTURE),))


def _simmim() -> Built:
    model = _class("simmim", "SimMIM")(encoder=_model("simple_vit", "SimpleViT"), masking_ratio=0.5)
    return Built(model, (image(*PICTURE),))


def _distill() -> Built:
    student = _class("distill", "DistillableViT")(**filled(_class("vit", "ViT"), VOCABULARY, {}))
    model = _class("distill", "DistillWrapper")(
        student=student, teacher=_model("simple_vit", "SimpleViT"), temperature=3, alpha=0.5
    )
    return Built(model, (image(*PICTURE), torch.randint(0, 5, (2,))))


def _dino() -> Built:
    model = _class("dino", "Dino")(
        _model("vit", "ViT"),
        image_size=32,
        hidden_layer="to_latent",
        projection_hidden_size=16,
        projection_layers=2,
        num_classes_K=32,
    )
    return Built(model, (image(*PICTURE),))


def _extractor() -> Built:
    return Built(_class("extractor", "Extractor")(_model("vit", "ViT")), (image(*PICTURE),))


def _recorder() -> Built:
    return Built(_class("recorder", "Recorder")(_model("vit", "ViT")), (image(*PICTURE),))


def _adapter() -> Built:
    model = _class("learnable_memory_vit", "Adapter")(
        vit=_model("learnable_memory_vit", "ViT"), num_classes=2, num_memories_per_layer=3
    )
    return Built(model, (image(*PICTURE),))


def _efficient() -> Built:
    from x_transformers import Encoder

    transformer = Encoder(dim=24, depth=2, heads=2, ff_glu=True, residual_attn=True)
    return Built(_model("efficient", "ViT", transformer=transformer), (image(*PICTURE),))
