"""MONAI: networks for volumes and medical pictures, small."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

from benchmarks.corpus.binaries import stand_in
from benchmarks.corpus.case import Built, Case

_VOLUME = (1, 1, 32, 32, 32)
_IO = {"spatial_dims": 3, "in_channels": 1, "out_channels": 2}
_UNET = {"channels": (4, 8, 16), "strides": (2, 2)}

# class of monai.networks.nets -> arguments, shapes of the inputs
MODELS: dict[str, tuple[dict[str, Any], tuple[tuple[int, ...], ...]]] = {
    "AHNet": ({"layers": (3, 4, 6, 3), "spatial_dims": 2, "psp_block_num": 0}, ((1, 1, 64, 64),)),
    "AttentionUnet": ({**_IO, **_UNET}, (_VOLUME,)),
    "AutoEncoder": (
        {**_IO, "channels": (4, 8), "strides": (2, 2), "inter_channels": (8, 8)},
        (_VOLUME,),
    ),
    "AutoencoderKL": (
        {
            **_IO,
            "num_res_blocks": (1, 1),
            "channels": (4, 8),
            "attention_levels": (False, True),
            "latent_channels": 3,
            "norm_num_groups": 4,
        },
        ((1, 1, 16, 16, 16),),
    ),
    "BasicUNet": ({**_IO, "features": (4, 4, 8, 8, 16, 4)}, (_VOLUME,)),
    "BasicUNetPlusPlus": (
        {"spatial_dims": 2, "out_channels": 2, "features": (4, 4, 8, 8, 16, 4)},
        ((1, 1, 32, 32),),
    ),
    "Classifier": (
        {"in_shape": (1, 16, 16), "classes": 3, "channels": (4, 8), "strides": (2, 2)},
        ((2, 1, 16, 16),),
    ),
    "DenseNet": (
        {**_IO, "init_features": 8, "growth_rate": 4, "block_config": (2, 2)},
        (_VOLUME,),
    ),
    "DiffusionModelUNet": (
        {
            "spatial_dims": 2,
            "in_channels": 1,
            "out_channels": 1,
            "num_res_blocks": (1, 1),
            "channels": (8, 16),
            "attention_levels": (False, True),
            "norm_num_groups": 4,
            "num_head_channels": 8,
        },
        ((2, 1, 16, 16), (2,)),
    ),
    "DynUNet": (
        {
            **_IO,
            "kernel_size": (3, 3, 3),
            "strides": (1, 2, 2),
            "upsample_kernel_size": (2, 2),
            "filters": (4, 8, 16),
        },
        (_VOLUME,),
    ),
    "EfficientNetBN": (
        {"model_name": "efficientnet-b0", "pretrained": False, "spatial_dims": 2, "num_classes": 3},
        ((2, 3, 64, 64),),
    ),
    "FullyConnectedNet": (
        {"in_channels": 6, "out_channels": 3, "hidden_channels": [8, 8], "dropout": 0.1},
        ((2, 6),),
    ),
    "Generator": (
        {
            "latent_shape": (6,),
            "start_shape": (4, 4, 4),
            "channels": (8, 4, 1),
            "strides": (2, 2, 1),
        },
        ((2, 6),),
    ),
    "HighResNet": (
        {
            **_IO,
            "layer_params": (
                {"name": "conv_0", "n_features": 4, "kernel_size": 3},
                {"name": "res_1", "n_features": 4, "kernels": (3, 3), "repeat": 2},
                {"name": "res_2", "n_features": 8, "kernels": (3, 3), "repeat": 1},
                {"name": "conv_1", "n_features": 8, "kernel_size": 1},
                {"name": "conv_2", "kernel_size": 1},
            ),
        },
        ((1, 1, 16, 16, 16),),
    ),
    "PatchDiscriminator": (
        {"spatial_dims": 2, "channels": 4, "in_channels": 1, "num_layers_d": 2},
        ((2, 1, 32, 32),),
    ),
    "RegUNet": (
        {**_IO, "num_channel_initial": 4, "depth": 2, "out_kernel_initializer": "zeros"},
        (_VOLUME,),
    ),
    "SEResNet50": (
        {"spatial_dims": 2, "in_channels": 3, "num_classes": 3, "pretrained": False},
        ((2, 3, 32, 32),),
    ),
    "SegResNet": (
        {**_IO, "init_filters": 8, "blocks_down": (1, 1), "blocks_up": (1,)},
        (_VOLUME,),
    ),
    "SegResNetDS": (
        {**_IO, "init_filters": 8, "blocks_down": (1, 1), "blocks_up": (1,), "dsdepth": 2},
        (_VOLUME,),
    ),
    "SwinUNETR": (
        {
            **_IO,
            "spatial_dims": 2,
            "feature_size": 12,
            "depths": (1, 1, 1, 1),
            "num_heads": (1, 2, 2, 4),
        },
        ((1, 1, 64, 64),),
    ),
    "UNETR": (
        {
            **_IO,
            "img_size": (32, 32, 32),
            "feature_size": 4,
            "hidden_size": 24,
            "mlp_dim": 48,
            "num_heads": 3,
        },
        (_VOLUME,),
    ),
    "UNet": ({**_IO, **_UNET, "num_res_units": 2}, (_VOLUME,)),
    "VNet": ({"spatial_dims": 2, "in_channels": 1, "out_channels": 2}, ((1, 1, 32, 32),)),
    "VQVAE": (
        {
            **_IO,
            "out_channels": 1,
            "channels": (4, 8),
            "num_res_layers": 1,
            "num_res_channels": (4, 8),
            "num_embeddings": 8,
            "embedding_dim": 6,
            "downsample_parameters": ((2, 4, 1, 1),) * 2,
            "upsample_parameters": ((2, 4, 1, 1, 0),) * 2,
        },
        ((1, 1, 16, 16, 16),),
    ),
    "VarAutoEncoder": (
        {
            "spatial_dims": 2,
            "in_shape": (1, 16, 16),
            "out_channels": 1,
            "latent_size": 4,
            "channels": (4, 8),
            "strides": (2, 2),
        },
        ((2, 1, 16, 16),),
    ),
    "ViT": (
        {
            "in_channels": 1,
            "img_size": (16, 16),
            "patch_size": (4, 4),
            "spatial_dims": 2,
            "hidden_size": 24,
            "mlp_dim": 48,
            "num_layers": 2,
            "num_heads": 3,
            "classification": True,
        },
        ((2, 1, 16, 16),),
    ),
    "ViTAutoEnc": (
        {
            "in_channels": 1,
            "img_size": (16, 16),
            "patch_size": (4, 4),
            "spatial_dims": 2,
            "hidden_size": 24,
            "mlp_dim": 48,
            "num_layers": 2,
            "num_heads": 3,
            "out_channels": 1,
            "deconv_chns": 8,
        },
        ((2, 1, 16, 16),),
    ),
    "VoxelMorphUNet": (
        {
            "spatial_dims": 3,
            "in_channels": 2,
            "unet_out_channels": 4,
            "final_conv_channels": (4, 4),
            "channels": (4, 4, 4, 4, 4, 4),
        },
        ((1, 2, 16, 16, 16),),
    ),
    "DAF3D": ({"in_channels": 1, "out_channels": 2}, ((1, 1, 16, 16, 16),)),
    "Quicknat": ({"num_channels": 1, "num_filters": 8}, ((1, 1, 32, 32),)),
    "MedNeXt": (
        {
            **_IO,
            "init_filters": 8,
            "encoder_expansion_ratio": 2,
            "decoder_expansion_ratio": 2,
            "bottleneck_expansion_ratio": 2,
            "blocks_down": (1, 1),
            "blocks_bottleneck": 1,
            "blocks_up": (1, 1),
        },
        ((1, 1, 16, 16, 16),),
    ),
}


def cases() -> Iterator[Case]:
    for name, (options, shapes) in MODELS.items():
        yield Case("monai", name, partial(_build, name, options, shapes))


def _build(name: str, options: dict[str, Any], shapes: tuple[tuple[int, ...], ...]) -> Built:
    stand_in()
    from monai.networks import nets

    cls: Callable[..., Any] = getattr(nets, name)
    inputs = tuple(
        torch.randn(shape) if len(shape) > 1 else torch.tensor([3, 7]) for shape in shapes
    )
    return Built(cls(**options), inputs)
