"""x-transformers: one model for each of its many switches."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch

from benchmarks.corpus.case import Built, Case, tokens

_SMALL = {"dim": 32, "depth": 2, "heads": 4, "attn_dim_head": 8}

# what a decoder is told beside its size
SWITCHES: dict[str, dict[str, Any]] = {
    "plain": {},
    "alibi": {"alibi_pos_bias": True, "alibi_num_heads": 2},
    "dynamic_position_bias": {"dynamic_pos_bias": True},
    "feedforward_glu": {"ff_glu": True, "ff_swish": True, "ff_no_bias": True},
    "flash": {"attn_flash": True},
    "gated_residual": {"gate_residual": True},
    "grouped_queries": {"attn_kv_heads": 2},
    "macaron": {"macaron": True},
    "multi_query": {"attn_one_kv_head": True},
    "memory_key_values": {"attn_num_mem_kv": 3},
    "qk_norm": {"attn_qk_norm": True},
    "relative_bias": {"rel_pos_bias": True},
    "residual_attention": {"residual_attn": True},
    "rms_norm": {"use_rmsnorm": True},
    "rotary": {"rotary_pos_emb": True},
    "rotary_xpos": {"rotary_xpos": True},
    "sandwich_norm": {"sandwich_norm": True},
    "shift_tokens": {"shift_tokens": 1},
    "sparse_top_k": {"attn_sparse_topk": 3},
    "talking_heads": {"attn_pre_talking_heads": True, "attn_post_talking_heads": True},
}


def cases() -> Iterator[Case]:
    for name, switches in SWITCHES.items():
        yield Case("x_transformers", name, partial(_decoder, switches))
    yield Case("x_transformers", "encoder", _encoder)
    yield Case("x_transformers", "encoder_decoder", _encoder_decoder)
    yield Case("x_transformers", "vision", _vision)
    yield Case("x_transformers", "continuous", _continuous)
    yield Case("x_transformers", "autoregressive_loss", _autoregressive)


def _language_model(**switches: Any) -> Any:
    from x_transformers import Decoder, TransformerWrapper

    layers = Decoder(**_SMALL, **switches)
    return TransformerWrapper(num_tokens=60, max_seq_len=32, attn_layers=layers)


def _decoder(switches: dict[str, Any]) -> Built:
    return Built(_language_model(**switches), (tokens(2, 9),))


def _autoregressive() -> Built:
    from x_transformers import AutoregressiveWrapper

    return Built(AutoregressiveWrapper(_language_model()), (tokens(2, 9),))


def _encoder() -> Built:
    from x_transformers import Encoder, TransformerWrapper

    model = TransformerWrapper(num_tokens=60, max_seq_len=32, attn_layers=Encoder(**_SMALL))
    return Built(model, (tokens(2, 9),), {"mask": torch.arange(9) < torch.tensor([[9], [6]])})


def _encoder_decoder() -> Built:
    from x_transformers import XTransformer

    sizes = {
        f"{side}_{name}": value
        for side in ("enc", "dec")
        for name, value in {"num_tokens": 60, "depth": 1, "heads": 4, "max_seq_len": 16}.items()
    }
    return Built(XTransformer(dim=32, **sizes), (tokens(2, 9), tokens(2, 7)))


def _vision() -> Built:
    from x_transformers import Encoder, ViTransformerWrapper

    model = ViTransformerWrapper(
        image_size=32, patch_size=8, num_classes=5, attn_layers=Encoder(**_SMALL)
    )
    return Built(model, (torch.randn(2, 3, 32, 32),))


def _continuous() -> Built:
    from x_transformers import ContinuousTransformerWrapper, Encoder

    model = ContinuousTransformerWrapper(
        dim_in=6, dim_out=5, max_seq_len=32, attn_layers=Encoder(**_SMALL)
    )
    return Built(model, (torch.randn(2, 9, 6),))
