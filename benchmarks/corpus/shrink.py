"""A configuration of transformers → the same architecture, tiny."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# In any configuration, these attributes get these values where they are whole numbers already.
SIZES: dict[str, int] = {
    **dict.fromkeys(
        ("hidden_size", "d_model", "n_embd", "embed_dim", "embedding_size", "dim", "emb_dim"), 32
    ),
    **dict.fromkeys(
        (
            "num_hidden_layers",
            "num_layers",
            "n_layer",
            "n_layers",
            "encoder_layers",
            "decoder_layers",
            "num_encoder_layers",
            "num_decoder_layers",
            "encoder_num_hidden_layers",
            "decoder_num_hidden_layers",
            "num_block_layers",
            "depth",
        ),
        2,
    ),
    **dict.fromkeys(
        (
            "num_attention_heads",
            "n_head",
            "n_heads",
            "num_heads",
            "encoder_attention_heads",
            "decoder_attention_heads",
            "encoder_num_attention_heads",
            "decoder_num_attention_heads",
        ),
        4,
    ),
    **dict.fromkeys(("num_key_value_heads", "num_kv_heads", "encoder_num_key_value_heads"), 2),
    **dict.fromkeys(("head_dim", "attention_head_size", "d_kv", "d_head", "kv_channels"), 8),
    **dict.fromkeys(
        (
            "intermediate_size",
            "ffn_dim",
            "d_ff",
            "encoder_ffn_dim",
            "decoder_ffn_dim",
            "n_inner",
            "d_inner",
            "dim_feedforward",
            "hidden_dim",
            "ffn_hidden_size",
            "feed_forward_size",
            "moe_intermediate_size",
            "shared_expert_intermediate_size",
            "expert_ffn_hidden_size",
        ),
        48,
    ),
    **dict.fromkeys(("vocab_size", "n_words", "n_vocab"), 99),
    **dict.fromkeys(
        ("max_position_embeddings", "n_positions", "n_ctx", "max_source_positions"), 64
    ),
    **dict.fromkeys(("max_target_positions", "max_sequence_length", "max_seq_len"), 64),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"), 4),
    **dict.fromkeys(("num_experts_per_tok", "moe_k", "moe_top_k"), 2),
    "image_size": 32,
    "patch_size": 8,
    "num_labels": 3,
    "projection_dim": 16,
    "bottleneck_size": 8,
    "hidden_size_per_layer_input": 8,
    "vocab_size_per_layer_input": 99,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
}


def shrink(config: Any, overrides: Mapping[str, Any]) -> Any:
    """Changes `config` and those inside it; `overrides` hold for the outermost, by dotted names."""
    for name, value in list(vars(config).items()):
        if hasattr(value, "to_diff_dict"):
            shrink(value, {})
        elif name in SIZES and isinstance(value, int) and not isinstance(value, bool):
            setattr(config, name, SIZES[name])
        elif name == "layer_types" and isinstance(value, list):
            config.layer_types = _varied(value)
    for name, value in overrides.items():
        *owners, last = name.split(".")
        owner = config
        for one in owners:
            owner = getattr(owner, one)
        setattr(owner, last, value)
    return config


def _varied(kinds: list[str]) -> list[str]:
    """Two layers, of two kinds where there are two."""
    return [kinds[0], next((kind for kind in kinds if kind != kinds[0]), kinds[0])]
