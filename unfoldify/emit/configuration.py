"""With which arguments a layer of torch.nn must have been built, read from the layer."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any

import torch.nn.functional as F
from torch import nn

REQUIRED: Any = inspect.Parameter.empty
Read = Callable[[Any], Any]

_NOT_READ = {
    "device",
    "dtype",
    "size_average",
    "reduce",
    "_weight",
    "_freeze",
    "min_value",
    "max_value",
    "custom_encoder",
    "custom_decoder",
}

_RECURRENT: dict[str, Any] = {
    "input_size": REQUIRED,
    "hidden_size": REQUIRED,
    "num_layers": 1,
    "nonlinearity": "tanh",
    "bias": True,
    "batch_first": False,
    "dropout": 0.0,
    "bidirectional": False,
    "proj_size": 0,
}


def parameters_of(cls: type[nn.Module]) -> dict[str, Any]:
    """The parameters of a layer's constructor that configure it, with their defaults."""
    if cls in (nn.RNN, nn.LSTM, nn.GRU):
        return {k: v for k, v in _RECURRENT.items() if k != "nonlinearity" or cls is nn.RNN}
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {
        name: parameter.default
        for name, parameter in inspect.signature(cls).parameters.items()
        if parameter.kind in named and name not in _NOT_READ
    }


def configuration(layer: nn.Module, cls: type[nn.Module]) -> dict[str, Any]:
    """The value of every parameter of the constructor; AttributeError where there is none."""
    readers: Mapping[str, Read] = next(
        (readers for base, readers in _READERS.items() if issubclass(cls, base)), {}
    )
    return {
        name: _plain(readers[name](layer) if name in readers else _attribute(layer, name))
        for name in parameters_of(cls)
    }


def _attribute(layer: nn.Module, name: str) -> Any:
    """An attribute that is stored, so that no property of somebody's subclass runs."""
    for stored in (vars(layer), layer._parameters, layer._buffers, layer._modules):
        if name in stored:
            return _has_bias(layer, stored[name]) if name == "bias" else stored[name]
    if name in getattr(layer._modules.get("parametrizations"), "_modules", {}):
        return True
    raise AttributeError(name)


def _has_bias(layer: nn.Module, bias: Any) -> bool:
    if isinstance(bias, bool):
        return bias
    affine = vars(layer).get("affine", vars(layer).get("elementwise_affine", True))
    return bias is not None or not affine


def _plain(value: Any) -> Any:
    """The value in Python's own types, as one would type it."""
    match value:
        case bool():
            return value
        case Integral():
            return operator.index(value)
        case Real():
            return float(value)
        case list():
            return [_plain(each) for each in value]
        case tuple():
            return tuple(_plain(each) for each in value)
    return value


def _if_other(name: str, usual: str) -> Read:
    """An attribute that has the value of another one unless it was given."""

    def read(layer: Any) -> Any:
        value = getattr(layer, name)
        return None if value == getattr(layer, usual) else value

    return read


def _same_length(name: str) -> Read:
    """An attribute that its constructor repeats for every dimension: once is enough."""

    def read(layer: Any) -> Any:
        value = getattr(layer, name)
        is_repeated = isinstance(value, tuple) and len(value) > 0 and len(set(value)) == 1
        return value[0] if is_repeated else value

    return read


def _only(name: str) -> Read:
    """An attribute that its constructor makes a tuple of: of one number, the number."""

    def read(layer: Any) -> Any:
        value = getattr(layer, name)
        return value[0] if isinstance(value, tuple) and len(value) == 1 else value

    return read


def _activation(layer: Any) -> Any:
    return "gelu" if layer.activation is F.gelu else layer.activation


def _distance(layer: Any) -> Any:
    function = layer.distance_function
    usual = nn.PairwiseDistance()
    is_usual = type(function) is type(usual) and function.extra_repr() == usual.extra_repr()
    return None if is_usual else function


_TRANSFORMER_LAYER: dict[str, Read] = {
    "d_model": lambda layer: layer.self_attn.embed_dim,
    "nhead": lambda layer: layer.self_attn.num_heads,
    "dim_feedforward": lambda layer: layer.linear1.out_features,
    "dropout": lambda layer: layer.dropout.p,
    "activation": _activation,
    "layer_norm_eps": lambda layer: layer.norm1.eps,
    "batch_first": lambda layer: layer.self_attn.batch_first,
    "bias": lambda layer: layer.linear1.bias is not None,
}


def _of_layer(name: str) -> Read:
    """A parameter of nn.Transformer that it hands to its layers."""

    def read(layer: Any) -> Any:
        inner = [*layer.encoder.layers, *layer.decoder.layers][0]
        return _TRANSFORMER_LAYER[name](inner) if name in _TRANSFORMER_LAYER else inner.norm_first

    return read


def _repeated(*names: str) -> dict[str, Read]:
    return {name: _same_length(name) for name in names}


_OF_LAYERS = ("dim_feedforward", "dropout", "activation", "layer_norm_eps", "norm_first", "bias")
_POOLING: dict[str, Read] = {"stride": _if_other("stride", "kernel_size")}

_LINEAR_CROSS_ENTROPY: dict[str, Read] = {
    "in_features": lambda layer: layer.linear.in_features,
    "bias": lambda layer: layer.linear.bias is not None,
}

_READERS: dict[type[nn.Module], dict[str, Read]] = {
    nn.LinearCrossEntropyLoss: _LINEAR_CROSS_ENTROPY,
    nn.modules.conv._ConvNd: _repeated(
        "kernel_size", "stride", "padding", "dilation", "output_padding"
    ),
    nn.modules.padding._ReflectionPadNd: _repeated("padding"),
    nn.modules.padding._ReplicationPadNd: _repeated("padding"),
    nn.modules.padding._ConstantPadNd: _repeated("padding"),
    nn.modules.padding._CircularPadNd: _repeated("padding"),
    nn.AvgPool1d: {**_repeated("kernel_size", "padding"), "stride": lambda layer: _pool1d(layer)},
    nn.AvgPool2d: _POOLING,
    nn.AvgPool3d: _POOLING,
    nn.modules.pooling._MaxPoolNd: _POOLING,
    nn.MaxUnpool1d: {**_repeated("kernel_size", "padding"), "stride": lambda layer: _pool1d(layer)},
    nn.MaxUnpool2d: {**_repeated("kernel_size", "padding"), "stride": lambda layer: _pool1d(layer)},
    nn.MaxUnpool3d: {**_repeated("kernel_size", "padding"), "stride": lambda layer: _pool1d(layer)},
    nn.FractionalMaxPool2d: _repeated("kernel_size", "output_size", "output_ratio"),
    nn.FractionalMaxPool3d: _repeated("kernel_size", "output_size", "output_ratio"),
    nn.LayerNorm: {"normalized_shape": _only("normalized_shape")},
    nn.RMSNorm: {"normalized_shape": _only("normalized_shape")},
    nn.TripletMarginWithDistanceLoss: {"distance_function": _distance},
    nn.PairwiseDistance: {"p": lambda layer: layer.norm},
    nn.AdaptiveLogSoftmaxWithLoss: {"cutoffs": lambda layer: layer.cutoffs[:-1]},
    nn.MultiheadAttention: {
        "bias": lambda layer: layer.in_proj_bias is not None,
        "add_bias_kv": lambda layer: layer.bias_k is not None,
        "kdim": _if_other("kdim", "embed_dim"),
        "vdim": _if_other("vdim", "embed_dim"),
    },
    nn.TransformerEncoderLayer: _TRANSFORMER_LAYER,
    nn.TransformerDecoderLayer: _TRANSFORMER_LAYER,
    nn.TransformerEncoder: {"encoder_layer": lambda layer: layer.layers[0]},
    nn.TransformerDecoder: {"decoder_layer": lambda layer: layer.layers[0]},
    nn.Transformer: {
        **{name: _of_layer(name) for name in _OF_LAYERS},
        "num_encoder_layers": lambda layer: len(layer.encoder.layers),
        "num_decoder_layers": lambda layer: len(layer.decoder.layers),
    },
}


def _pool1d(layer: Any) -> Any:
    """The stride of a pooling whose constructor makes tuples of its numbers."""
    return None if layer.stride == layer.kernel_size else _same_length("stride")(layer)
