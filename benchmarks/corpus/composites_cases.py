"""The composites of torch.nn itself, in their configurations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.corpus.case import Built, Case

normal = torch.randn
_SMALL: dict[str, Any] = {"d_model": 16, "nhead": 2, "dim_feedforward": 24}


def cases() -> Iterator[Case]:
    for name, build in {**_ATTENTION, **_TRANSFORMERS, **_RECURRENT, **_CONTAINERS}.items():
        yield Case("composites", name, build)


def _built(
    cls: Callable[..., nn.Module], options: dict[str, Any], *shapes: tuple[int, ...]
) -> Built:
    return Built(cls(**options), tuple(normal(*shape) for shape in shapes))


def _attention(options: dict[str, Any], call: Callable[[], dict[str, Any]]) -> Built:
    batch_first = options.get("batch_first", False)
    shape = (2, 5, 16) if batch_first else (5, 2, 16)
    keys = (2, 7, options.get("kdim", 16)) if batch_first else (7, 2, options.get("kdim", 16))
    values = (*keys[:2], options.get("vdim", 16))
    return Built(
        nn.MultiheadAttention(16, 4, **options),
        (normal(*shape), normal(*keys), normal(*values)),
        call(),
    )


def _padding() -> Tensor:
    return torch.arange(7) >= torch.tensor([[7], [5]])


_ATTENTION: dict[str, Callable[[], Built]] = {
    "attention": partial(_attention, {}, dict),
    "attention_batch_first": partial(_attention, {"batch_first": True}, dict),
    "attention_no_weights": partial(_attention, {}, lambda: {"need_weights": False}),
    "attention_all_weights": partial(_attention, {}, lambda: {"average_attn_weights": False}),
    "attention_kdim_vdim": partial(_attention, {"kdim": 6, "vdim": 9}, dict),
    "attention_bias_kv": partial(_attention, {"add_bias_kv": True, "add_zero_attn": True}, dict),
    "attention_padding": partial(
        _attention, {"batch_first": True}, lambda: {"key_padding_mask": _padding()}
    ),
    "attention_mask": partial(_attention, {"dropout": 0.1}, lambda: {"attn_mask": normal(5, 7)}),
}
_TRANSFORMERS: dict[str, Callable[[], Built]] = {
    "transformer": partial(
        _built,
        nn.Transformer,
        {**_SMALL, "num_encoder_layers": 2, "num_decoder_layers": 2},
        (5, 2, 16),
        (4, 2, 16),
    ),
    "transformer_norm_first": partial(
        _built,
        nn.Transformer,
        {
            **_SMALL,
            "num_encoder_layers": 1,
            "num_decoder_layers": 1,
            "norm_first": True,
            "batch_first": True,
            "activation": "gelu",
        },
        (2, 5, 16),
        (2, 4, 16),
    ),
    "encoder_layer": partial(_built, nn.TransformerEncoderLayer, _SMALL, (5, 2, 16)),
    "encoder_layer_batch_first": partial(
        _built, nn.TransformerEncoderLayer, {**_SMALL, "batch_first": True}, (2, 5, 16)
    ),
    "decoder_layer": partial(_built, nn.TransformerDecoderLayer, _SMALL, (5, 2, 16), (7, 2, 16)),
    "encoder_padding": lambda: _encoder(),
    "encoder_causal": lambda: _causal_encoder(),
}


def _encoder() -> Built:
    layer = nn.TransformerEncoderLayer(**_SMALL, batch_first=True)
    return Built(
        nn.TransformerEncoder(layer, 2), (normal(2, 7, 16),), {"src_key_padding_mask": _padding()}
    )


def _causal_encoder() -> Built:
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(**_SMALL), 2, nn.LayerNorm(16))
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    return Built(encoder, (normal(5, 2, 16),), {"mask": mask, "is_causal": True})


def _recurrent(cls: str, **options: Any) -> Callable[[], Built]:
    shape = (2, 5, 3) if options.get("batch_first") else (5, 2, 3)
    return lambda: Built(getattr(nn, cls)(3, 4, **options), (normal(*shape),))


def _lstm_with_state() -> Built:
    return Built(nn.LSTM(3, 4, 2), (normal(5, 2, 3), (normal(2, 2, 4), normal(2, 2, 4))))


def _packed() -> Built:
    packed = nn.utils.rnn.pack_padded_sequence(normal(5, 2, 3), torch.tensor([5, 3]))
    return Built(nn.GRU(3, 4), (packed,))


_RECURRENT: dict[str, Callable[[], Built]] = {
    "rnn": _recurrent("RNN"),
    "rnn_relu": _recurrent("RNN", nonlinearity="relu", bias=False),
    "lstm": _recurrent("LSTM"),
    "lstm_deep": _recurrent("LSTM", num_layers=2, dropout=0.2, batch_first=True),
    "lstm_bidirectional": _recurrent("LSTM", num_layers=2, bidirectional=True),
    "lstm_projection": _recurrent("LSTM", proj_size=2),
    "lstm_with_state": _lstm_with_state,
    "gru": _recurrent("GRU"),
    "gru_bidirectional": _recurrent("GRU", num_layers=2, bidirectional=True, batch_first=True),
    "gru_packed": _packed,
    "lstm_cell": partial(_built, nn.LSTMCell, {"input_size": 3, "hidden_size": 4}, (2, 3)),
    "gru_cell": partial(_built, nn.GRUCell, {"input_size": 3, "hidden_size": 4}, (2, 3)),
    "rnn_cell": partial(_built, nn.RNNCell, {"input_size": 3, "hidden_size": 4}, (2, 3)),
}


def _sequential() -> Built:
    convolutions = [nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)]
    head = [nn.Conv2d(8, 4, 1, groups=2), nn.Flatten(), nn.Linear(256, 5)]
    return Built(nn.Sequential(*convolutions, *head), (normal(2, 3, 16, 16),))


def _adaptive_softmax() -> Built:
    model = nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 12])
    return Built(model, (normal(6, 8), torch.tensor([0, 4, 6, 11, 13, 19])))


def _embedding_bag() -> Built:
    return Built(nn.EmbeddingBag(20, 4), (torch.randint(0, 20, (3, 5)),))


_CONTAINERS: dict[str, Callable[[], Built]] = {
    "sequential": _sequential,
    "bilinear": partial(
        _built,
        nn.Bilinear,
        {"in1_features": 3, "in2_features": 4, "out_features": 5},
        (2, 3),
        (2, 4),
    ),
    "adaptive_softmax": _adaptive_softmax,
    "embedding_bag": _embedding_bag,
    "linear": partial(_built, nn.Linear, {"in_features": 3, "out_features": 4}, (2, 5, 3)),
    "conv_transpose_2d": partial(
        _built,
        nn.ConvTranspose2d,
        {"in_channels": 4, "out_channels": 6, "kernel_size": 3, "stride": 2, "output_padding": 1},
        (2, 4, 5, 7),
    ),
}
