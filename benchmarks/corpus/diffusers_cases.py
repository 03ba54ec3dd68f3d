"""diffusers: U-Nets, autoencoders, diffusion transformers and control networks, tiny."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch

from benchmarks.corpus.binaries import stand_in
from benchmarks.corpus.case import Built, Case, tokens

normal = torch.randn


@dataclass(frozen=True)
class Recipe:
    """A class of diffusers, its constructor arguments, and the inputs of one call."""

    cls: str
    options: dict[str, Any]
    args: Callable[[], tuple[Any, ...]]
    kwargs: Callable[[], dict[str, Any]] = field(default=dict)


def _steps() -> torch.Tensor:
    return torch.tensor([10, 400])


_UNET = {
    "block_out_channels": (16, 32),
    "layers_per_block": 1,
    "norm_num_groups": 8,
    "sample_size": 16,
}
_CONDITION = _UNET | {
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    "cross_attention_dim": 16,
    "attention_head_dim": 4,
}
_VAE = {
    "block_out_channels": (16, 32),
    "down_block_types": ("DownEncoderBlock2D",) * 2,
    "up_block_types": ("UpDecoderBlock2D",) * 2,
    "norm_num_groups": 8,
    "latent_channels": 4,
    "sample_size": 32,
}
_DIT = {"num_attention_heads": 2, "attention_head_dim": 8, "num_layers": 2}
_FLUX = _DIT | {
    "attention_head_dim": 16,
    "num_single_layers": 2,
    "in_channels": 4,
    "joint_attention_dim": 16,
    "axes_dims_rope": (4, 4, 8),
}


def _picture(channels: int = 3, side: int = 32) -> tuple[torch.Tensor]:
    return (normal(2, channels, side, side),)


def _conditioned() -> tuple[torch.Tensor, ...]:
    return normal(2, 4, 16, 16), _steps(), normal(2, 7, 16)


def _video(channels: int = 4) -> tuple[torch.Tensor, ...]:
    return normal(1, channels, 3, 8, 8), torch.tensor([10]), normal(1, 7, 16)


def _flux_inputs() -> dict[str, Any]:
    return {
        "hidden_states": normal(2, 16, 4),
        "encoder_hidden_states": normal(2, 5, 16),
        "timestep": torch.tensor([0.1, 0.6]),
        "img_ids": torch.cartesian_prod(torch.zeros(1), torch.arange(4.0), torch.arange(4.0)),
        "txt_ids": torch.zeros(5, 3),
    }


def _text_to_image(channels: int = 4, width: int = 16) -> dict[str, Any]:
    return {
        "hidden_states": normal(2, channels, 8, 8),
        "encoder_hidden_states": normal(2, 5, width),
        "timestep": _steps(),
    }


RECIPES: dict[str, Recipe] = {
    "unet_1d": Recipe(
        "UNet1DModel",
        {
            "block_out_channels": (16, 16, 32),
            "sample_size": 64,
            "in_channels": 4,
            "out_channels": 4,
            "extra_in_channels": 32,
            "mid_block_type": "UNetMidBlock1D",
        },
        lambda: (normal(2, 4, 64), _steps()),
    ),
    "unet_2d": Recipe(
        "UNet2DModel",
        _UNET
        | {
            "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
            "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
            "attention_head_dim": 8,
        },
        lambda: (normal(2, 3, 16, 16), _steps()),
    ),
    "unet_2d_condition": Recipe("UNet2DConditionModel", _CONDITION, _conditioned),
    "unet_2d_condition_linear_projection": Recipe(
        "UNet2DConditionModel", _CONDITION | {"use_linear_projection": True}, _conditioned
    ),
    "unet_2d_condition_simple_cross_attention": Recipe(
        "UNet2DConditionModel",
        _CONDITION
        | {
            "down_block_types": ("SimpleCrossAttnDownBlock2D", "ResnetDownsampleBlock2D"),
            "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
            "up_block_types": ("ResnetUpsampleBlock2D", "SimpleCrossAttnUpBlock2D"),
            "resnet_time_scale_shift": "scale_shift",
        },
        _conditioned,
    ),
    "unet_3d_condition": Recipe(
        "UNet3DConditionModel",
        _UNET
        | {
            "down_block_types": ("CrossAttnDownBlock3D", "DownBlock3D"),
            "up_block_types": ("UpBlock3D", "CrossAttnUpBlock3D"),
            "cross_attention_dim": 16,
            "attention_head_dim": 4,
        },
        _video,
    ),
    "unet_motion": Recipe(
        "UNetMotionModel",
        _UNET
        | {
            "down_block_types": ("CrossAttnDownBlockMotion", "DownBlockMotion"),
            "up_block_types": ("UpBlockMotion", "CrossAttnUpBlockMotion"),
            "cross_attention_dim": 16,
            "num_attention_heads": 2,
            "motion_num_attention_heads": 2,
        },
        lambda: (*_video()[:2], normal(3, 7, 16)),
    ),
    "unet_spatio_temporal": Recipe(
        "UNetSpatioTemporalConditionModel",
        {
            "block_out_channels": (32, 64),
            "layers_per_block": 1,
            "down_block_types": ("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
            "up_block_types": ("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"),
            "cross_attention_dim": 16,
            "num_attention_heads": 2,
            "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": 24,
        },
        lambda: (normal(1, 2, 8, 16, 16), 10, normal(1, 1, 16), normal(1, 3)),
    ),
    "unet_kandinsky3": Recipe(
        "Kandinsky3UNet",
        {
            "time_embedding_dim": 16,
            "groups": 4,
            "attention_head_dim": 8,
            "layers_per_block": 2,
            "block_out_channels": (16, 32),
            "cross_attention_dim": 16,
            "encoder_hid_dim": 16,
        },
        _conditioned,
        lambda: {"encoder_attention_mask": torch.ones(2, 7)},
    ),
    "control_net": Recipe(
        "ControlNetModel",
        {k: v for k, v in _CONDITION.items() if k not in ("up_block_types", "sample_size")}
        | {"conditioning_embedding_out_channels": (8, 16)},
        lambda: (*_conditioned(), normal(2, 3, 32, 32)),
    ),
    "t2i_adapter": Recipe(
        "T2IAdapter",
        {"channels": [8, 16, 16, 16], "num_res_blocks": 1, "downscale_factor": 8},
        lambda: _picture(3, 64),
    ),
    "autoencoder_kl": Recipe("AutoencoderKL", _VAE, _picture),
    "autoencoder_kl_asymmetric": Recipe(
        "AsymmetricAutoencoderKL",
        {
            "down_block_types": ("DownEncoderBlock2D",) * 2,
            "down_block_out_channels": (16, 32),
            "up_block_types": ("UpDecoderBlock2D",) * 2,
            "up_block_out_channels": (16, 32),
            "norm_num_groups": 8,
        },
        _picture,
    ),
    "autoencoder_kl_temporal_decoder": Recipe(
        "AutoencoderKLTemporalDecoder",
        {"block_out_channels": (32, 32), "down_block_types": ("DownEncoderBlock2D",) * 2},
        lambda: _picture(3, 16),
        lambda: {"num_frames": 2},
    ),
    "autoencoder_kl_wan": Recipe(
        "AutoencoderKLWan",
        {
            "base_dim": 3,
            "z_dim": 16,
            "dim_mult": [1, 1, 1, 1],
            "num_res_blocks": 1,
            "temperal_downsample": [False, True, True],
        },
        lambda: (normal(1, 3, 9, 16, 16),),
    ),
    "autoencoder_kl_cogvideox": Recipe(
        "AutoencoderKLCogVideoX",
        {
            "block_out_channels": (8, 8, 8, 8),
            "layers_per_block": 1,
            "norm_num_groups": 2,
            "latent_channels": 4,
            "temporal_compression_ratio": 4,
        },
        lambda: (normal(1, 3, 5, 16, 16),),
    ),
    "autoencoder_dc": Recipe(
        "AutoencoderDC",
        {
            "latent_channels": 4,
            "attention_head_dim": 2,
            "encoder_block_types": ("ResBlock", "EfficientViTBlock"),
            "decoder_block_types": ("ResBlock", "EfficientViTBlock"),
            "encoder_block_out_channels": (8, 8),
            "decoder_block_out_channels": (8, 8),
            "encoder_qkv_multiscales": ((), (5,)),
            "decoder_qkv_multiscales": ((), (5,)),
            "encoder_layers_per_block": (1, 1),
            "decoder_layers_per_block": (1, 1),
            "downsample_block_type": "conv",
            "upsample_block_type": "interpolate",
            "decoder_norm_types": "rms_norm",
            "decoder_act_fns": "silu",
            "scaling_factor": 0.41407,
        },
        _picture,
    ),
    "autoencoder_tiny": Recipe(
        "AutoencoderTiny",
        {
            "encoder_block_out_channels": (8, 8),
            "decoder_block_out_channels": (8, 8),
            "num_encoder_blocks": (1, 2),
            "num_decoder_blocks": (2, 1),
        },
        _picture,
    ),
    "autoencoder_oobleck": Recipe(
        "AutoencoderOobleck",
        {
            "encoder_hidden_size": 8,
            "downsampling_ratios": [2, 4],
            "channel_multiples": [1, 2],
            "decoder_channels": 8,
            "decoder_input_channels": 4,
            "audio_channels": 2,
        },
        lambda: (normal(2, 2, 64),),
    ),
    "vq_model": Recipe(
        "VQModel",
        {k: v for k, v in _VAE.items() if k != "latent_channels"} | {"num_vq_embeddings": 16},
        _picture,
    ),
    "dit": Recipe(
        "DiTTransformer2DModel",
        _DIT | {"in_channels": 4, "out_channels": 8, "sample_size": 8, "norm_num_groups": 4},
        lambda: (normal(2, 4, 8, 8), _steps(), torch.tensor([1, 5])),
    ),
    "pixart": Recipe(
        "PixArtTransformer2DModel",
        _DIT
        | {
            "in_channels": 4,
            "cross_attention_dim": 16,
            "caption_channels": 16,
            "sample_size": 8,
            "use_additional_conditions": False,
        },
        tuple,
        lambda: (
            _text_to_image() | {"added_cond_kwargs": {"resolution": None, "aspect_ratio": None}}
        ),
    ),
    "sd3": Recipe(
        "SD3Transformer2DModel",
        _DIT
        | {
            "sample_size": 8,
            "in_channels": 4,
            "out_channels": 4,
            "joint_attention_dim": 16,
            "caption_projection_dim": 16,
            "pooled_projection_dim": 8,
            "pos_embed_max_size": 8,
            "qk_norm": "rms_norm",
            "dual_attention_layers": (0,),
        },
        tuple,
        lambda: _text_to_image() | {"pooled_projections": normal(2, 8)},
    ),
    "flux": Recipe(
        "FluxTransformer2DModel",
        _FLUX | {"pooled_projection_dim": 8},
        tuple,
        lambda: _flux_inputs() | {"pooled_projections": normal(2, 8)},
    ),
    "chroma": Recipe(
        "ChromaTransformer2DModel",
        _FLUX
        | {
            "approximator_num_channels": 8,
            "approximator_hidden_dim": 16,
            "approximator_layers": 1,
        },
        tuple,
        _flux_inputs,
    ),
    "aura_flow": Recipe(
        "AuraFlowTransformer2DModel",
        {
            "sample_size": 8,
            "in_channels": 4,
            "num_mmdit_layers": 1,
            "num_single_dit_layers": 1,
            "attention_head_dim": 8,
            "num_attention_heads": 2,
            "joint_attention_dim": 16,
            "caption_projection_dim": 16,
            "out_channels": 4,
            "pos_embed_max_size": 64,
        },
        tuple,
        _text_to_image,
    ),
    "sana": Recipe(
        "SanaTransformer2DModel",
        _DIT
        | {
            "in_channels": 4,
            "out_channels": 4,
            "num_cross_attention_heads": 2,
            "cross_attention_head_dim": 8,
            "cross_attention_dim": 16,
            "caption_channels": 16,
            "sample_size": 8,
        },
        tuple,
        _text_to_image,
    ),
    "lumina2": Recipe(
        "Lumina2Transformer2DModel",
        {
            "sample_size": 8,
            "in_channels": 4,
            "hidden_size": 24,
            "num_layers": 2,
            "num_refiner_layers": 1,
            "num_attention_heads": 3,
            "num_kv_heads": 1,
            "multiple_of": 2,
            "axes_dim_rope": (4, 2, 2),
            "axes_lens": (64, 16, 16),
            "cap_feat_dim": 16,
        },
        tuple,
        lambda: _text_to_image() | {"encoder_attention_mask": torch.ones(2, 5, dtype=torch.bool)},
    ),
    "cogvideox": Recipe(
        "CogVideoXTransformer3DModel",
        _DIT
        | {
            "in_channels": 4,
            "out_channels": 4,
            "time_embed_dim": 8,
            "text_embed_dim": 16,
            "sample_width": 8,
            "sample_height": 8,
            "sample_frames": 9,
            "patch_size": 2,
            "temporal_compression_ratio": 4,
            "max_text_seq_length": 7,
        },
        tuple,
        lambda: {
            "hidden_states": normal(1, 3, 4, 8, 8),
            "encoder_hidden_states": normal(1, 7, 16),
            "timestep": torch.tensor([10]),
        },
    ),
    "wan": Recipe(
        "WanTransformer3DModel",
        _DIT
        | {
            "attention_head_dim": 12,
            "in_channels": 4,
            "out_channels": 4,
            "text_dim": 16,
            "freq_dim": 32,
            "ffn_dim": 32,
            "rope_max_seq_len": 32,
        },
        _video,
    ),
    "mochi": Recipe(
        "MochiTransformer3DModel",
        _DIT
        | {
            "pooled_projection_dim": 16,
            "in_channels": 4,
            "text_embed_dim": 16,
            "time_embed_dim": 4,
            "max_sequence_length": 7,
        },
        tuple,
        lambda: {
            "hidden_states": normal(1, 4, 2, 8, 8),
            "encoder_hidden_states": normal(1, 7, 16),
            "timestep": torch.tensor([10]),
            "encoder_attention_mask": torch.ones(1, 7, dtype=torch.bool),
        },
    ),
    "qwen_image": Recipe(
        "QwenImageTransformer2DModel",
        _DIT
        | {
            "attention_head_dim": 16,
            "patch_size": 2,
            "in_channels": 16,
            "out_channels": 4,
            "joint_attention_dim": 16,
            "axes_dims_rope": (8, 4, 4),
        },
        tuple,
        lambda: {
            "hidden_states": normal(1, 16, 16),
            "encoder_hidden_states": normal(1, 7, 16),
            "encoder_hidden_states_mask": torch.ones(1, 7, dtype=torch.long),
            "timestep": torch.tensor([0.5]),
            "img_shapes": [(1, 4, 4)],
        },
    ),
    "prior": Recipe(
        "PriorTransformer",
        _DIT | {"embedding_dim": 8, "num_embeddings": 7, "additional_embeddings": 4},
        tuple,
        lambda: {
            "hidden_states": normal(2, 8),
            "timestep": 2,
            "proj_embedding": normal(2, 8),
            "encoder_hidden_states": normal(2, 7, 8),
        },
    ),
    "stable_audio": Recipe(
        "StableAudioDiTModel",
        _DIT
        | {
            "sample_size": 16,
            "in_channels": 3,
            "out_channels": 3,
            "num_key_value_attention_heads": 2,
            "cross_attention_dim": 16,
            "time_proj_dim": 8,
            "global_states_input_dim": 8,
            "cross_attention_input_dim": 8,
        },
        tuple,
        lambda: {
            "hidden_states": normal(1, 3, 16),
            "timestep": torch.tensor([10]),
            "encoder_hidden_states": normal(1, 7, 8),
            "global_hidden_states": normal(1, 1, 8),
            "rotary_embedding": (normal(17, 4), normal(17, 4)),
        },
    ),
    "transformer_2d": Recipe(
        "Transformer2DModel",
        {
            "num_attention_heads": 2,
            "attention_head_dim": 8,
            "in_channels": 16,
            "norm_num_groups": 4,
            "cross_attention_dim": 16,
        },
        lambda: (normal(2, 16, 8, 8), normal(2, 5, 16)),
    ),
    "uvit_2d": Recipe(
        "UVit2DModel",
        {
            "hidden_size": 16,
            "cond_embed_dim": 16,
            "micro_cond_encode_dim": 4,
            "micro_cond_embed_dim": 24,
            "encoder_hidden_size": 16,
            "vocab_size": 20,
            "codebook_size": 16,
            "in_channels": 16,
            "block_out_channels": 16,
            "num_res_blocks": 1,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "block_num_heads": 2,
            "intermediate_size": 32,
        },
        lambda: (tokens(2, 8, 8, high=16), normal(2, 5, 16), normal(2, 16), normal(2, 6)),
    ),
}


def cases() -> Iterator[Case]:
    for name, recipe in RECIPES.items():
        yield Case("diffusers", name, partial(_build, recipe))


def _build(recipe: Recipe) -> Built:
    stand_in()
    import diffusers

    model = getattr(diffusers, recipe.cls)(**recipe.options)
    return Built(model, recipe.args(), recipe.kwargs())
