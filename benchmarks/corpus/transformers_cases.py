"""Hugging Face transformers: one tiny model of each architecture, with random weights."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from benchmarks.corpus.binaries import stand_in
from benchmarks.corpus.case import Built, Case, tokens
from benchmarks.corpus.shrink import shrink

Inputs = Callable[[], dict[str, Any]]

# Families that run with shrunk defaults, and whose main input says what to give them.
TEXT = """
    afmoe albert apertus arcee bart bert bert-generation big_bird bigbird_pegasus biogpt bitnet
    blenderbot blenderbot-small bloom camembert canine clip_text_model cohere cohere2 convbert
    cpmant ctrl data2vec-text deberta deberta-v2 deepseek_v4 diffllama distilbert doge dpr electra
    ernie ernie4_5 ernie4_5_moe eurobert exaone4 falcon falcon_mamba flaubert flex_olmo
    fnet fsmt gemma gemma2 gemma3_text gemma4_text glm glm4 glm4_moe glm4_moe_lite gpt2
    gpt_bigcode gpt_neo gpt_neox gpt_neox_japanese gpt_oss granite granitemoe granitemoeshared
    gte helium ibert jais2 jetmoe layoutlm led lfm2 llama llama4_text longformer longt5 m2m_100
    mamba marian markuplm mbart megatron-bert minimax mistral mixtral mobilebert modernbert
    modernbert-decoder mpnet mpt mra mt5 mvp nanochat nllb-moe nomic_bert nystromformer
    olmo olmo2 olmo3 olmo_hybrid olmoe openai-gpt opt pegasus pegasus_x persimmon phi phi3 phimoe
    plbart prophetnet qwen2 qwen2_moe qwen3 qwen3_5_text qwen3_moe qwen3_next rembert roberta
    roberta-prelayernorm roc_bert roformer seed_oss smollm3 splinter squeezebert stablelm
    starcoder2 switch_transformers t5 tapas umt5 visual_bert xglm xlm xlm-roberta xlm-roberta-xl
    xlnet yoso
"""
VISION = """
    aimv2_vision_model beit clip_vision_model cvt data2vec-vision deit dinov2
    dinov2_with_registers dinov3_vit dpt focalnet glpn hgnet_v2 ijepa imagegpt mlcd
    mobilenet_v1 mobilenet_v2 mobilevit pixio poolformer pvt pvt_v2 regnet sam_vision_model
    segformer siglip_vision_model swiftformer vit vit_mae vit_msn vitdet yolos
"""
AUDIO = """
    data2vec-audio hubert sew sew-d unispeech unispeech-sat wav2vec2 wav2vec2-conformer wavlm
    whisper fastspeech2_conformer
"""


@dataclass(frozen=True)
class Tuned:
    """What a family needs beyond the shrunk defaults."""

    overrides: Mapping[str, Any] = field(default_factory=dict)
    inputs: Inputs | None = None
    config: str = ""  # the family, where the title says more


def _picture(side: int = 32, channels: int = 3) -> Tensor:
    return torch.randn(2, channels, side, side)


def _pixels(side: int = 32) -> dict[str, Any]:
    return {"pixel_values": _picture(side)}


def _pair() -> dict[str, Any]:
    return {
        "input_ids": tokens(2, 7),
        "pixel_values": _picture(),
        "attention_mask": torch.ones(2, 7, dtype=torch.long),
    }


def _ids_and(**more: Callable[[], Any]) -> Inputs:
    return lambda: {"input_ids": tokens(2, 9), **{name: make() for name, make in more.items()}}


def _boxes(count: int = 9) -> Tensor:
    low = torch.randint(0, 30, (2, count, 2))
    return torch.cat([low, low + torch.randint(1, 30, (2, count, 2))], dim=-1)


_STAGES = {"hidden_sizes": [16, 24, 32, 48], "depths": [1, 1, 2, 1]}
_RESNET = {"embedding_size": 8, "hidden_sizes": [16, 32, 48, 64], "depths": [1, 1, 1, 1]}
_SWIN = {"embed_dim": 8, "depths": [2, 1], "num_heads": [2, 4], "window_size": 2}
_DETR = {"num_queries": 5, "backbone_config.backbone": "resnet10t"}
_MLA = {
    "q_lora_rank": 16,
    "kv_lora_rank": 16,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 8,
    "qk_head_dim": 16,
    "v_head_dim": 8,
    "head_dim": 8,
    "num_key_value_heads": 4,
    "n_group": 1,
    "topk_group": 1,
    "first_k_dense_replace": 1,
}
_SERIES = {"prediction_length": 4, "context_length": 8, "lags_sequence": [1, 2], "input_size": 1}


def _series() -> dict[str, Any]:
    return {
        "past_values": torch.rand(2, 10),
        "past_time_features": torch.rand(2, 10, 0),
        "past_observed_mask": torch.ones(2, 10),
        "future_values": torch.rand(2, 4),
        "future_time_features": torch.rand(2, 4, 0),
    }


TUNED: dict[str, Tuned] = {
    "align": Tuned(
        inputs=_pair, overrides={"vision_config.width_coefficient": 0.2, "projection_dim": 64}
    ),
    "altclip": Tuned(inputs=_pair),
    "audio-spectrogram-transformer": Tuned(
        {"max_length": 64, "num_mel_bins": 16, "frequency_stride": 8, "time_stride": 8},
        lambda: {"input_values": torch.randn(2, 64, 16)},
    ),
    "autoformer": Tuned(
        {**_SERIES, "feature_size": 4, "moving_average": 3, "label_length": 4},
        _series,
    ),
    "bit": Tuned(
        {
            "embedding_size": 16,
            "hidden_sizes": [32, 32, 64, 64],
            "depths": [1, 1, 1, 1],
            "num_groups": 8,
        },
        lambda: _pixels(64),
    ),
    "blip": Tuned(inputs=_pair),
    "bros": Tuned(
        {"dim_bbox_sinusoid_emb_2d": 16, "dim_bbox_sinusoid_emb_1d": 2, "dim_bbox_projection": 8},
        _ids_and(bbox=lambda: torch.rand(2, 9, 4)),
    ),
    "clap": Tuned(
        {
            "audio_config.spec_size": 64,
            "audio_config.num_mel_bins": 16,
            "audio_config.window_size": 4,
            "audio_config.patch_embeds_hidden_size": 16,
            "audio_config.depths": [1, 1],
            "audio_config.num_attention_heads": [2, 2],
            "audio_config.hidden_size": 32,
            "audio_config.patch_stride": 4,
            "audio_config.patch_size": 4,
            "audio_config.enable_fusion": False,
        },
        _ids_and(input_features=lambda: torch.randn(2, 1, 64, 16)),
    ),
    "chinese_clip": Tuned(inputs=_pair),
    "clip": Tuned(inputs=_pair),
    "clipseg": Tuned(inputs=_pair),
    "codegen": Tuned({"rotary_dim": 4}),
    "gptj": Tuned({"rotary_dim": 4}),
    "conditional_detr": Tuned(_DETR, lambda: _pixels(64)),
    "convnext": Tuned(_STAGES, lambda: _pixels(64)),
    "convnextv2": Tuned(_STAGES, lambda: _pixels(64)),
    "dab-detr": Tuned(_DETR, lambda: _pixels(64)),
    "decision_transformer": Tuned(
        {"state_dim": 5, "act_dim": 3},
        lambda: {
            "states": torch.randn(2, 6, 5),
            "actions": torch.randn(2, 6, 3),
            "rewards": torch.randn(2, 6, 1),
            "returns_to_go": torch.randn(2, 6, 1),
            "timesteps": torch.arange(6).expand(2, 6),
            "attention_mask": torch.ones(2, 6),
        },
    ),
    "deepseek_v2": Tuned({**_MLA, "topk_method": "greedy", "num_experts_per_tok": 2}),
    "deepseek_v3": Tuned(_MLA),
    "deformable_detr": Tuned({**_DETR, "num_feature_levels": 3}, lambda: _pixels(64)),
    "detr": Tuned(_DETR, lambda: _pixels(64)),
    "dinov3_convnext": Tuned(_STAGES, lambda: _pixels(64)),
    "donut-swin": Tuned(_SWIN, lambda: _pixels(32)),
    "efficientnet": Tuned(
        {
            "width_coefficient": 0.25,
            "depth_coefficient": 0.2,
            "hidden_dim": 320,
            "image_size": 64,
        },
        lambda: _pixels(64),
    ),
    "encodec": Tuned(
        {
            "num_filters": 4,
            "hidden_size": 16,
            "codebook_dim": 16,
            "codebook_size": 32,
            "upsampling_ratios": [4, 2],
        },
        lambda: {"input_values": torch.randn(1, 1, 640)},
    ),
    "esm": Tuned(
        {
            "vocab_size": 99,
            "mask_token_id": 4,
            "pad_token_id": 1,
            "position_embedding_type": "rotary",
        }
    ),
    "flava": Tuned(inputs=_pair),
    "funnel": Tuned(
        {
            "block_sizes": [1, 1],
            "block_repeats": [1, 1],
            "d_model": 32,
            "n_head": 4,
            "d_head": 8,
            "architectures": ["FunnelModel"],
        }
    ),
    "groupvit": Tuned(
        {
            "vision_config.depths": [1, 1, 1],
            "vision_config.num_group_tokens": [8, 4, 0],
            "vision_config.num_output_groups": [8, 4, 4],
        },
        _pair,
    ),
    "gemma3n_text": Tuned(
        {
            "num_hidden_layers": 4,
            "layer_types": ["sliding_attention", "full_attention"] * 2,
            "num_kv_shared_layers": 2,
            "activation_sparsity_pattern": [0.0] * 4,
            "laurel_rank": 4,
            "hidden_size_per_layer_input": 8,
            "intermediate_size": [48] * 4,
        }
    ),
    "informer": Tuned({**_SERIES, "feature_size": 4}, _series),
    "jamba": Tuned(
        {
            "num_hidden_layers": 2,
            "attn_layer_period": 2,
            "attn_layer_offset": 1,
            "mamba_dt_rank": 4,
            "use_mamba_kernels": False,
        }
    ),
    "bamba": Tuned(
        {
            "attn_layer_indices": [1],
            "mamba_n_heads": 8,
            "mamba_d_head": 8,
            "mamba_d_state": 8,
            "mamba_chunk_size": 4,
        }
    ),
    "kosmos-2": Tuned(
        inputs=lambda: {
            "input_ids": tokens(2, 9),
            "pixel_values": _picture(),
            "image_embeds_position_mask": (torch.arange(9) < 4).expand(2, 9),
        },
        overrides={
            "text_config.layers": 2,
            "text_config.attention_heads": 4,
            "latent_query_num": 4,
        },
    ),
    "layoutlmv3": Tuned(
        {
            "input_size": 32,
            "coordinate_size": 5,
            "shape_size": 6,
            "patch_size": 8,
            "max_2d_position_embeddings": 128,
        },
        _ids_and(bbox=_boxes, pixel_values=_picture),
    ),
    "levit": Tuned(
        {
            "hidden_sizes": [16, 24, 32],
            "num_attention_heads": [2, 2, 2],
            "depths": [1, 1, 1],
            "key_dim": [8, 8, 8],
            "patch_size": 16,
            "image_size": 64,
            "down_ops": [["Subsample", 8, 2, 4, 2, 2], ["Subsample", 8, 3, 4, 2, 2]],
        },
        lambda: _pixels(64),
    ),
    "lilt": Tuned({"hidden_size": 48, "channel_shrink_ratio": 2}, _ids_and(bbox=_boxes)),
    "luke": Tuned({"entity_vocab_size": 20, "entity_emb_size": 8}),
    "lxmert": Tuned(
        {"visual_feat_dim": 8, "l_layers": 1, "x_layers": 1, "r_layers": 1},
        _ids_and(visual_feats=lambda: torch.randn(2, 4, 8), visual_pos=lambda: torch.rand(2, 4, 4)),
    ),
    "mamba2": Tuned(
        {
            "head_dim": 8,
            "num_heads": 8,
            "expand": 2,
            "state_size": 8,
            "n_groups": 2,
            "chunk_size": 4,
        }
    ),
    "mgp-str": Tuned(
        {
            "image_size": [32, 64],
            "patch_size": 8,
            "max_token_length": 5,
            "num_character_labels": 7,
            "num_bpe_labels": 9,
            "num_wordpiece_labels": 9,
        },
        lambda: {"pixel_values": torch.randn(2, 3, 32, 64)},
    ),
    "mobilevitv2": Tuned({"width_multiplier": 0.25, "patch_size": 2}, lambda: _pixels(64)),
    "moonshine": Tuned(
        {"encoder_num_key_value_heads": 4, "decoder_num_key_value_heads": 4},
        lambda: {"input_values": torch.randn(2, 1600), "decoder_input_ids": tokens(2, 5)},
    ),
    "owlvit": Tuned(inputs=_pair),
    "owlv2": Tuned(inputs=_pair),
    "patchtsmixer": Tuned(
        {
            "context_length": 16,
            "patch_length": 4,
            "num_input_channels": 3,
            "d_model": 8,
            "patch_stride": 4,
            "num_patches": 4,
        },
        lambda: {"past_values": torch.randn(2, 16, 3)},
    ),
    "patchtst": Tuned(
        {"context_length": 16, "patch_length": 4, "num_input_channels": 3, "patch_stride": 4},
        lambda: {"past_values": torch.randn(2, 16, 3)},
    ),
    "perceiver": Tuned(
        {
            "num_latents": 4,
            "d_latents": 16,
            "d_model": 12,
            "num_blocks": 1,
            "num_self_attends_per_block": 2,
            "num_self_attention_heads": 2,
            "num_cross_attention_heads": 2,
        },
        lambda: {"inputs": torch.randn(2, 9, 12)},
    ),
    "recurrent_gemma": Tuned(
        {"lru_width": 32, "attention_window_size": 8, "block_types": ["recurrent", "attention"]}
    ),
    "reformer": Tuned(
        {
            "axial_pos_embds_dim": (16, 16),
            "axial_pos_shape": (2, 4),
            "attn_layers": ["local", "lsh"],
            "attention_head_size": 8,
            "feed_forward_size": 48,
            "lsh_attn_chunk_length": 4,
            "local_attn_chunk_length": 4,
            "num_buckets": 2,
            "num_hashes": 1,
            "hash_seed": 0,
        },
        lambda: {"input_ids": tokens(2, 8)},
    ),
    "resnet": Tuned(_RESNET, lambda: _pixels(64)),
    "rt_detr": Tuned(
        {
            "num_queries": 5,
            "backbone_config.embedding_size": 8,
            "backbone_config.hidden_sizes": [8, 16, 24, 32],
            "backbone_config.depths": [1, 1, 1, 1],
            "encoder_in_channels": [16, 24, 32],
            "encoder_hidden_dim": 32,
            "decoder_in_channels": [32, 32, 32],
        },
        lambda: _pixels(64),
    ),
    "rwkv": Tuned({"attention_hidden_size": 32, "context_length": 16}),
    "siglip": Tuned({"text_config.projection_size": 32}, _pair),
    "speech_to_text": Tuned(
        {"conv_channels": 16, "input_feat_per_channel": 8, "max_source_positions": 64},
        lambda: {"input_features": torch.randn(2, 32, 8), "decoder_input_ids": tokens(2, 5)},
    ),
    "swin": Tuned(_SWIN, lambda: _pixels(32)),
    "swin2sr": Tuned({**_SWIN, "patch_size": 1, "image_size": 16}, lambda: _pixels(16)),
    "swinv2": Tuned(_SWIN, lambda: _pixels(32)),
    "t5gemma": Tuned(
        {
            "encoder.num_hidden_layers": 2,
            "decoder.num_hidden_layers": 2,
            "hidden_size": 32,
            "decoder.cross_attention_hidden_size": 32,
        },
    ),
    "table-transformer": Tuned(_DETR, lambda: _pixels(64)),
    "time_series_transformer": Tuned({**_SERIES, "feature_size": 4}, _series),
    "timesformer": Tuned(
        {"num_frames": 2, "image_size": 16}, lambda: {"pixel_values": torch.randn(2, 2, 3, 16, 16)}
    ),
    "univnet": Tuned(
        {
            "model_in_channels": 4,
            "num_mel_bins": 8,
            "model_hidden_channels": 4,
            "kernel_predictor_hidden_channels": 4,
        },
        lambda: {"input_features": torch.randn(2, 6, 8), "noise_sequence": torch.randn(2, 6, 4)},
    ),
    "videomae": Tuned(
        {"num_frames": 2, "image_size": 16}, lambda: {"pixel_values": torch.randn(2, 2, 3, 16, 16)}
    ),
    "textnet": Tuned(
        {
            "stem_out_channels": 8,
            "hidden_sizes": [8, 8, 16, 16, 24],
            "depths": [2, 2, 2, 2],
            "conv_layer_kernel_sizes": [[[3, 3], [1, 3]], [[3, 1], [3, 3]]] * 2,
            "conv_layer_strides": [[2, 1]] * 4,
        },
        lambda: _pixels(64),
    ),
    "vits": Tuned(
        {
            "flow_size": 16,
            "hidden_size": 16,
            "num_attention_heads": 2,
            "spectrogram_bins": 9,
            "upsample_initial_channel": 16,
            "upsample_rates": [4, 2],
            "upsample_kernel_sizes": [8, 4],
            "resblock_kernel_sizes": [3, 5],
            "resblock_dilation_sizes": [[1, 3], [1, 2]],
            "depth_separable_num_layers": 2,
            "duration_predictor_num_flows": 2,
            "duration_predictor_filter_channels": 16,
            "prior_encoder_num_flows": 2,
            "prior_encoder_num_wavenet_layers": 2,
            "posterior_encoder_num_wavenet_layers": 2,
        },
        lambda: {"input_ids": tokens(2, 9, high=38)},
    ),
    "hiera": Tuned(
        {
            "embed_dim": 8,
            "image_size": [64, 64],
            "depths": [1, 1, 2, 1],
            "num_heads": [1, 1, 2, 2],
            "mlp_ratio": 2.0,
            "masked_unit_size": [4, 4],
        },
        lambda: _pixels(64),
    ),
    "falcon_h1": Tuned(
        {
            "mamba_d_ssm": 64,
            "mamba_n_heads": 8,
            "mamba_d_head": 8,
            "mamba_d_state": 8,
            "mamba_chunk_size": 4,
        }
    ),
    "nemotron_h": Tuned(
        {
            "ssm_state_size": 8,
            "mamba_num_heads": 8,
            "mamba_head_dim": 8,
            "n_groups": 2,
            "chunk_size": 4,
            "moe_shared_expert_intermediate_size": 48,
        }
    ),
    "vilt": Tuned({"modality_type_vocab_size": 2}, _pair),
    "vivit": Tuned(
        {"num_frames": 2, "image_size": 16, "tubelet_size": [2, 8, 8]},
        lambda: {"pixel_values": torch.randn(2, 2, 3, 16, 16)},
    ),
    "wav2vec2-bert": Tuned(
        {"feature_projection_input_dim": 16},
        lambda: {"input_features": torch.randn(2, 12, 16)},
    ),
    "xlstm": Tuned(
        {
            "hidden_size": 32,
            "embedding_dim": 32,
            "num_blocks": 2,
            "num_heads": 2,
            "chunk_size": 16,
            "mode": "inference",
            "qk_dim_factor": 0.5,
        },
        lambda: {"input_ids": tokens(2, 18), "use_cache": False},
    ),
    "xmod": Tuned({"default_language": "en_XX", "languages": ["en_XX", "de_DE"]}),
    "zamba2": Tuned(
        {
            "mamba_headdim": 8,
            "n_mamba_heads": 8,
            "mamba_d_state": 8,
            "attention_hidden_size": 64,
            "attention_head_dim": 16,
            "num_key_value_heads": 4,
            "adapter_rank": 4,
            "chunk_size": 4,
            "layers_block_type": ["linear_attention", "hybrid"],
            "hybrid_layer_ids": [1],
            "num_mem_blocks": 1,
        }
    ),
}


def _labels(*shape: int, high: int = 60) -> Callable[[], Tensor]:
    return lambda: tokens(*shape, high=high, low=0)


# A model with a head and a loss: family, Auto class, overrides, what to give beside the main input.
HEADS: tuple[tuple[str, str, Mapping[str, Any], Inputs], ...] = (
    ("bert", "AutoModelForMaskedLM", {}, lambda: {"labels": _labels(2, 9)()}),
    ("bert", "AutoModelForSequenceClassification", {}, lambda: {"labels": torch.tensor([0, 1])}),
    ("bert", "AutoModelForTokenClassification", {}, dict),
    (
        "roberta",
        "AutoModelForQuestionAnswering",
        {},
        lambda: {"start_positions": torch.tensor([0, 2]), "end_positions": torch.tensor([3, 4])},
    ),
    ("gpt2", "AutoModelForCausalLM", {}, lambda: {"labels": _labels(2, 9)()}),
    ("gpt2", "AutoModelForSequenceClassification", {"pad_token_id": 0}, dict),
    ("llama", "AutoModelForCausalLM", {"use_cache": False}, dict),
    ("mistral", "AutoModelForCausalLM", {}, lambda: {"use_cache": False}),
    ("mixtral", "AutoModelForCausalLM", {}, lambda: {"output_router_logits": True}),
    ("qwen3", "AutoModelForCausalLM", {}, lambda: {"labels": _labels(2, 9)()}),
    ("gemma2", "AutoModelForCausalLM", {}, dict),
    ("mamba", "AutoModelForCausalLM", {}, dict),
    (
        "opt",
        "AutoModelForCausalLM",
        {},
        lambda: {"attention_mask": (torch.arange(9) < torch.tensor([[9], [6]])).long()},
    ),
    ("t5", "AutoModelForSeq2SeqLM", {}, lambda: {"labels": _labels(2, 7)()}),
    ("bart", "AutoModelForSeq2SeqLM", {}, lambda: {"labels": _labels(2, 7)()}),
    ("vit", "AutoModelForImageClassification", {}, lambda: {"labels": torch.tensor([0, 1])}),
    ("vit_mae", "AutoModelForPreTraining", {}, dict),
    ("segformer", "AutoModelForSemanticSegmentation", {}, dict),
    ("detr", "AutoModelForObjectDetection", _DETR, dict),
    (
        "dpt",
        "AutoModelForDepthEstimation",
        {
            "num_hidden_layers": 4,
            "backbone_out_indices": [0, 1, 2, 3],
            "neck_hidden_sizes": [8, 8, 8, 8],
            "fusion_hidden_size": 8,
        },
        dict,
    ),
    ("whisper", "AutoModelForSpeechSeq2Seq", {}, dict),
    ("wav2vec2", "AutoModelForCTC", {}, dict),
    ("hubert", "AutoModelForAudioClassification", {}, dict),
    ("bert", "AutoModel", {"_attn_implementation": "eager"}, lambda: {"output_attentions": True}),
    ("llama", "AutoModel", {}, lambda: {"output_hidden_states": True, "return_dict": False}),
)


def cases() -> Iterator[Case]:
    for name in f"{TEXT} {VISION} {AUDIO}".split():
        yield Case("transformers", name, partial(_build, name, Tuned()))
    for name, tuned in TUNED.items():
        yield Case("transformers", name, partial(_build, name, tuned))
    for family, auto, overrides, more in HEADS:
        kind = auto.removeprefix("AutoModelFor").removeprefix("AutoModel") or "+".join(
            more() or overrides
        )
        build = partial(_build_head, family, auto, overrides, more)
        yield Case("transformers", f"{family}:{kind}", build)


def _build(family: str, tuned: Tuned) -> Built:
    model, given = model_and_inputs(family, "AutoModel", tuned)
    return Built(model, (), given)


def model_and_inputs(
    family: str, auto: str, tuned: Tuned, more: Mapping[str, Any] | None = None
) -> tuple[Any, dict[str, Any]]:
    """A tiny model of a family, under a head, and what it is given in one call."""
    model = _model(family, auto, {**tuned.overrides, **(more or {})})
    return model, tuned.inputs() if tuned.inputs else _main_inputs(model)


def _build_head(family: str, auto: str, overrides: Mapping[str, Any], more: Inputs) -> Built:
    model = _model(family, auto, overrides)
    return Built(model, (), _main_inputs(model) | more())


def _model(family: str, auto: str, overrides: Mapping[str, Any]) -> Any:
    os.environ["HF_HUB_OFFLINE"] = "1"
    stand_in()
    import transformers

    transformers.logging.set_verbosity_error()
    config = shrink(transformers.AutoConfig.for_model(family), overrides)
    return getattr(transformers, auto).from_config(config).eval()


def _main_inputs(model: Any) -> dict[str, Any]:
    """What a model of its kind is given: text, pictures, a waveform or its features."""
    name, config = model.main_input_name, model.config
    side = getattr(config, "image_size", None) or 64
    side = max(32, side if isinstance(side, int) else side[0])
    makers: dict[str, Callable[[], Tensor]] = {
        "input_ids": lambda: tokens(2, 9),
        "pixel_values": lambda: _picture(side, getattr(config, "num_channels", 3)),
        "input_values": lambda: torch.randn(2, 1600),
        "input_features": lambda: torch.randn(2, 80, 128),
    }
    given: dict[str, Any] = {name: makers[name]()}
    if "decoder_input_ids" in inspect.signature(model.forward).parameters:
        given["decoder_input_ids"] = tokens(2, 7)
    return given
