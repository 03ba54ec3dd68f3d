"""vit-pytorch: one model of each of its files, small."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import torch

from benchmarks.corpus.case import Built, Case
from benchmarks.corpus.vit_pytorch_around import AROUND_OTHERS, PICTURE, VIDEO, model_of

WIDE = (1, 3, 224, 224)
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
    "t2t": ("T2TViT", PICTURE, {}),
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
    "vivit_with_moss": ("ViViT", VIDEO, {"spatial_depth": 1, "temporal_depth": 1}),
    "vivit": ("ViViT", VIDEO, {"spatial_depth": 1, "temporal_depth": 1}),
    "wwt": ("WWT", PICTURE, {"num_slots": 4}),
    "xcit": ("XCiT", PICTURE, {}),
}


def cases() -> Iterator[Case]:
    for file, (name, shape, options) in MODELS.items():
        yield Case("vit_pytorch", file, partial(_build, file, name, shape, options))
    for name, build in AROUND_OTHERS.items():
        yield Case("vit_pytorch", name, build)


def _build(file: str, name: str, shape: tuple[int, ...], options: Mapping[str, Any]) -> Built:
    return Built(model_of(file, name, **options), (torch.randn(shape),))
