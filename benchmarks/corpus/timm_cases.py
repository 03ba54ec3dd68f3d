"""One model of each file of timm, small, at a small picture."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import partial
from typing import Any

from benchmarks.corpus.binaries import stand_in
from benchmarks.corpus.case import Built, Case, image

_SMALL_VIT = {"embed_dim": 48, "depth": 2, "num_heads": 3}
_DEPTHS, _WIDTHS = (1, 1, 2, 1), (8, 16, 24, 32)
_SWIN = {"embed_dim": 24, "depths": (2, 2), "num_heads": (2, 4)}
_EFFICIENT_V2 = {
    "embed_dims": _WIDTHS,
    "depths": (1, 1, 2, 2),
    "num_vit": 1,
    "mlp_ratios": ((2,), (2,), (2, 2), (2, 2)),
}
_NEST = {
    "img_size": 64,
    "patch_size": 4,
    "embed_dims": (24, 48, 48),
    "depths": (1, 1, 2),
    "num_heads": (1, 2, 2),
}
_VOLO = {
    "img_size": 64,
    "layers": _DEPTHS,
    "embed_dims": (24, 48, 48, 48),
    "num_heads": (2, 4, 4, 4),
}
_VOVNET = {
    "stem_chs": [16, 16, 24],
    "stage_conv_chs": [16, 16, 24, 24],
    "stage_out_chs": [32, 32, 48, 48],
    "layer_per_block": 2,
    "block_per_stage": _DEPTHS,
    "residual": True,
    "depthwise": False,
    "attn": "eca",
}
_XCEPTION = [
    {"in_chs": 64, "out_chs": 32, "stride": 2},
    {"in_chs": 32, "out_chs": 32, "stride": 1},
    {"in_chs": 32, "out_chs": (32, 48, 48), "stride": 2},
    {
        "in_chs": 48,
        "out_chs": (48, 48, 64),
        "stride": 1,
        "no_skip": True,
        "start_with_relu": False,
    },
]

# file of timm -> model or class, side of the picture, what makes it small
MODELS: dict[str, tuple[str, int, dict[str, Any]]] = {
    "beit": ("beit_base_patch16_224", 32, {"img_size": 32, **_SMALL_VIT}),
    "byoanet": ("botnet26t_256", 32, {"img_size": 32}),
    "byobnet": ("mobileone_s0", 32, {}),
    "cait": ("cait_xxs24_224", 64, {"img_size": 64, "depth": 2}),
    "coat": (
        "coat_lite_tiny",
        64,
        {"img_size": 64, "embed_dims": (16, 32, 64, 64), "serial_depths": _DEPTHS},
    ),
    "convit": ("convit_tiny", 64, {"img_size": 64, "depth": 4, "local_up_to_layer": 2}),
    "convmixer": ("ConvMixer", 56, {"dim": 32, "depth": 3, "kernel_size": 5}),
    "convnext": ("convnext_atto", 64, {}),
    "cpubone": ("cpubone_nano", 64, {}),
    "crossvit": ("crossvit_tiny_240", 240, {"embed_dim": (24, 48), "depth": ((1, 1, 0),) * 2}),
    "csatv2": (
        "csatv2",
        256,
        {"dims": _WIDTHS, "depths": (1, 1, 2, 2), "transformer_depths": (0, 0, 1, 1)},
    ),
    "cspnet": ("cspresnet50", 32, {}),
    "cspnext": ("cspnext_tiny", 64, {}),
    "davit": ("davit_tiny", 64, {"depths": (1, 1, 1, 1), "embed_dims": (24, 48, 96, 192)}),
    "deepseek_vit": ("deepseek_vit_412m", 56, {**_SMALL_VIT}),
    "deit": ("deit_tiny_distilled_patch16_224", 64, {"img_size": 64, "depth": 2}),
    "densenet": ("densenet121", 64, {"block_config": (2, 3, 2, 2)}),
    "dla": ("dla46_c", 64, {}),
    "dpn": ("dpn48b", 64, {}),
    "edgenext": ("edgenext_xx_small", 64, {}),
    "efficientformer": ("efficientformer_l1", 224, {"embed_dims": _WIDTHS, "depths": (1, 1, 1, 2)}),
    "efficientformer_v2": ("EfficientFormerV2", 224, _EFFICIENT_V2),
    "efficientnet": ("efficientnet_b0", 64, {}),
    "efficientvim": (
        "efficientvim_m1",
        64,
        {"embed_dim": (16, 24, 32), "depths": (1, 1, 1), "state_dim": (9,) * 3},
    ),
    "efficientvit_mit": ("efficientvit_b0", 64, {}),
    "efficientvit_msra": (
        "efficientvit_m0",
        224,
        {"embed_dim": (16, 32, 48), "depth": (1, 2, 2), "num_heads": (2,) * 3},
    ),
    "eva": ("eva02_tiny_patch14_224", 56, {"img_size": 56, "depth": 2}),
    "fasternet": ("fasternet_t0", 64, {}),
    "fastvit": ("fastvit_t8", 64, {}),
    "focalnet": ("FocalNet", 64, {"embed_dim": 24, "depths": _DEPTHS}),
    "gcvit": (
        "GlobalContextVit",
        224,
        {"embed_dim": 8, "depths": (1, 1, 2, 1), "num_heads": (1, 1, 2, 2)},
    ),
    "gemma4_vit": ("gemma4_vit_167m", 64, {**_SMALL_VIT}),
    "ghostnet": ("ghostnet_050", 64, {}),
    "hardcorenas": ("hardcorenas_a", 64, {}),
    "hgnet": ("hgnetv2_b0", 64, {}),
    "hiera": ("hiera_tiny_224", 224, {"stages": (1, 1, 2, 1), "embed_dim": 12}),
    "hieradet_sam2": (
        "sam2_hiera_tiny",
        224,
        {"embed_dim": 8, "stages": _DEPTHS, "global_att_blocks": (3,)},
    ),
    "hrnet": ("hrnet_w18_small", 32, {}),
    "iformer": ("iformer_t", 64, {}),
    "inception_next": ("inception_next_atto", 64, {}),
    "inception_resnet_v2": ("inception_resnet_v2", 75, {"num_classes": 10}),
    "inception_v3": ("inception_v3", 75, {}),
    "inception_v4": ("inception_v4", 75, {"num_classes": 10}),
    "lcnetv2": ("lcnetv2_base", 64, {}),
    "levit": (
        "levit_128s",
        224,
        {"embed_dim": (24, 32, 48), "num_heads": (2, 2, 3), "depth": (1, 2, 1), "key_dim": 8},
    ),
    "lowformer": ("lowformer_b0", 32, {}),
    "mambaout": ("test_mambaout", 64, {}),
    "maxxvit": (
        "maxvit_rmlp_pico_rw_256",
        64,
        {"img_size": 64, "embed_dim": (32, 32, 64, 64), "depths": _DEPTHS},
    ),
    "metaformer": ("MetaFormer", 64, {"dims": (16, 32, 32, 64), "depths": _DEPTHS}),
    "mlp_mixer": ("MlpMixer", 64, {"img_size": 64, "num_blocks": 3, "embed_dim": 48}),
    "mobilenetv3": ("mobilenetv3_small_050", 64, {}),
    "mobilenetv5": ("mobilenetv5_300m", 32, {"channel_multiplier": 0.1}),
    "mobilevit": ("mobilevit_xxs", 64, {}),
    "mvitv2": ("mvitv2_tiny", 32, {"img_size": 32}),
    "naflexvit": ("naflexvit_base_patch16_gap", 64, {"embed_dim": 48, "depth": 2, "num_heads": 3}),
    "nasnet": ("nasnetalarge", 64, {"num_classes": 10, "num_features": 768}),
    "nest": ("Nest", 64, _NEST),
    "nextvit": ("nextvit_small", 32, {"depths": (2, 1, 5, 1), "stem_chs": (16, 8, 16)}),
    "nfnet": ("test_nfnet", 64, {}),
    "pit": ("pit_ti_224", 64, {"img_size": 64}),
    "pnasnet": ("pnasnet5large", 48, {"num_classes": 10}),
    "pvt_v2": ("pvt_v2_b0", 64, {}),
    "qwen3_vit": ("qwen3_vit_88m", 64, {**_SMALL_VIT}),
    "rdnet": ("rdnet_tiny", 64, {"num_init_features": 16, "growth_rates": (8,) * 7}),
    "regnet": ("regnetx_002", 64, {}),
    "repghost": ("repghostnet_050", 64, {}),
    "repvit": ("repvit_m0_9", 64, {}),
    "res2net": ("res2net50_14w_8s", 32, {"layers": (2, 1, 1, 1)}),
    "resnest": ("resnest14d", 32, {}),
    "resnet": ("resnet18", 64, {}),
    "resnetv2": ("resnetv2_18", 64, {}),
    "rexnet": ("rexnet_100", 64, {}),
    "selecsls": ("selecsls42", 32, {}),
    "senet": ("legacy_seresnet18", 32, {}),
    "sequencer": (
        "sequencer2d_s",
        56,
        {
            "img_size": 56,
            "layers": (1,) * 4,
            "embed_dims": (24, 32, 32, 32),
            "hidden_sizes": (8,) * 4,
        },
    ),
    "shvit": (
        "shvit_s1",
        128,
        {"embed_dim": (16, 32, 32), "depth": (1, 1, 2), "partial_dim": (8, 16, 16)},
    ),
    "sknet": ("skresnet18", 32, {}),
    "starnet": ("starnet_s050", 64, {}),
    "swiftformer": ("swiftformer_xs", 64, {}),
    "swin_transformer": ("swin_tiny_patch4_window7_224", 56, {"img_size": 56, **_SWIN}),
    "swin_transformer_v2": ("swinv2_tiny_window8_256", 64, {"img_size": 64, **_SWIN}),
    "swin_transformer_v2_cr": ("swinv2_cr_tiny_224", 64, {"img_size": 64, **_SWIN}),
    "tiny_vit": (
        "tiny_vit_5m_224",
        64,
        {"embed_dims": (16, 32, 32, 64), "depths": _DEPTHS, "num_heads": (1, 2, 2, 4)},
    ),
    "tnt": (
        "tnt_s_legacy_patch16_224",
        64,
        {
            "img_size": 64,
            "depth": 2,
            "embed_dim": 48,
            "inner_dim": 12,
            "num_heads_outer": 3,
            "num_heads_inner": 2,
        },
    ),
    "tresnet": ("TResNet", 64, {"layers": _DEPTHS, "width_factor": 0.25}),
    "twins": (
        "twins_svt_small",
        64,
        {
            "img_size": 64,
            "depths": (1, 2, 2, 1),
            "embed_dims": (16, 32, 32, 64),
            "num_heads": (1, 2, 2, 4),
        },
    ),
    "vgg": ("vgg11", 32, {"num_classes": 10, "mlp_ratio": 0.05}),
    "visformer": (
        "visformer_tiny",
        64,
        {"img_size": 64, "depth": (1, 1, 2), "embed_dim": 48, "init_channels": 8},
    ),
    "vision_transformer": ("vit_tiny_patch16_224", 64, {"img_size": 64, "depth": 2}),
    "vision_transformer_hybrid": ("vit_tiny_r_s16_p8_224", 64, {"img_size": 64, "depth": 2}),
    "vision_transformer_relpos": ("test_vit_relpos", 64, {"img_size": 64}),
    "vision_transformer_sam": ("samvit_base_patch16", 64, {"img_size": 64, **_SMALL_VIT}),
    "vitamin": ("vitamin_small_224", 32, {"img_size": 32, "depth": 2}),
    "volo": ("VOLO", 64, _VOLO),
    "vovnet": ("VovNet", 64, {"cfg": _VOVNET}),
    "xception": ("legacy_xception", 48, {"num_classes": 10}),
    "xception_aligned": ("XceptionAligned", 96, {"block_cfg": _XCEPTION}),
    "xcit": ("xcit_nano_12_p16_224", 64, {"depth": 3}),
}


def cases() -> Iterator[Case]:
    """A file that the table does not know yet is a case as well: its first model, as it comes."""
    stand_in()
    import timm

    for module in timm.list_modules():
        first = timm.list_models(module=module)[0]
        name, side, options = MODELS.get(module, (first, 224, {}))
        yield Case("timm", module, partial(_build, module, name, side, options))


def _build(module: str, name: str, side: int, options: dict[str, Any]) -> Built:
    import timm

    inputs = (image(2, 3, side, side),)
    if name[0].isupper():  # some builders set the sizes that a case wants small
        cls = getattr(importlib.import_module(f"timm.models.{module}"), name)
        return Built(cls(**options), inputs)
    return Built(timm.create_model(name, pretrained=False, **options), inputs)
