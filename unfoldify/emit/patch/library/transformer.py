# mypy: ignore-errors
"""The layers of nn.Transformer."""

from .attention import multihead_attention
from .products import linear


def feed_forward(layer, x):
    """`b n i -> b n i`"""
    x = layer.activation(linear(x, layer.linear1.weight, layer.linear1.bias))
    return linear(layer.dropout(x), layer.linear2.weight, layer.linear2.bias)


def encoder_layer(layer, src, src_mask=None, src_key_padding_mask=None, is_causal=False):
    """What nn.TransformerEncoderLayer computes: `b n i -> b n i`"""

    def attend(x):
        x, _ = multihead_attention(
            layer.self_attn, x, x, x, src_key_padding_mask, False, src_mask, is_causal=is_causal
        )
        return layer.dropout1(x)

    x = src
    if layer.norm_first:
        x = x + attend(layer.norm1(x))
        return x + layer.dropout2(feed_forward(layer, layer.norm2(x)))
    x = layer.norm1(x + attend(x))
    return layer.norm2(x + layer.dropout2(feed_forward(layer, x)))


def decoder_layer(
    layer,
    tgt,
    memory,
    tgt_mask=None,
    memory_mask=None,
    tgt_key_padding_mask=None,
    memory_key_padding_mask=None,
    tgt_is_causal=False,
    memory_is_causal=False,
):
    """What nn.TransformerDecoderLayer computes: `b n_q i, b n_k i -> b n_q i`"""

    def attend(x):
        x, _ = multihead_attention(
            layer.self_attn, x, x, x, tgt_key_padding_mask, False, tgt_mask, is_causal=tgt_is_causal
        )
        return layer.dropout1(x)

    def look_at_memory(x):
        x, _ = multihead_attention(
            layer.multihead_attn,
            x,
            memory,
            memory,
            memory_key_padding_mask,
            False,
            memory_mask,
            is_causal=memory_is_causal,
        )
        return layer.dropout2(x)

    x = tgt
    if layer.norm_first:
        x = x + attend(layer.norm1(x))
        x = x + look_at_memory(layer.norm2(x))
        return x + layer.dropout3(feed_forward(layer, layer.norm3(x)))
    x = layer.norm1(x + attend(x))
    x = layer.norm2(x + look_at_memory(x))
    return layer.norm3(x + layer.dropout3(feed_forward(layer, x)))


def encoder(module, src, mask=None, src_key_padding_mask=None, is_causal=None):
    """What nn.TransformerEncoder computes: `b n i -> b n i`"""
    x = src
    for layer in module.layers:
        x = encoder_layer(layer, x, mask, src_key_padding_mask, bool(is_causal))
    return x if module.norm is None else module.norm(x)


def decoder(
    module,
    tgt,
    memory,
    tgt_mask=None,
    memory_mask=None,
    tgt_key_padding_mask=None,
    memory_key_padding_mask=None,
    tgt_is_causal=None,
    memory_is_causal=False,
):
    """What nn.TransformerDecoder computes: `b n_q i, b n_k i -> b n_q i`"""
    masks = tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask
    x = tgt
    for layer in module.layers:
        x = decoder_layer(layer, x, memory, *masks, bool(tgt_is_causal), memory_is_causal)
    return x if module.norm is None else module.norm(x)


def transformer(
    module,
    src,
    tgt,
    src_mask=None,
    tgt_mask=None,
    memory_mask=None,
    src_key_padding_mask=None,
    tgt_key_padding_mask=None,
    memory_key_padding_mask=None,
    src_is_causal=None,
    tgt_is_causal=None,
    memory_is_causal=False,
):
    """What nn.Transformer computes: `b n_k i, b n_q i -> b n_q i`"""
    memory = encoder(module.encoder, src, src_mask, src_key_padding_mask, src_is_causal)
    masks = tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask
    return decoder(module.decoder, tgt, memory, *masks, tgt_is_causal, memory_is_causal)
