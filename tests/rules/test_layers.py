"""torch's own inputs of its layers: every call that a layer makes goes through its rule."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from agreement import both_styles, gradients_of, tensors
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.testing._internal.common_modules import module_db

from unfoldify.rules import LAYERS, ON_REQUEST, RULES

EVERY = {**RULES, **{f: r for rows in ON_REQUEST.values() for f, r in rows.items()}}
NAMES = (
    "Linear", "Bilinear", "Conv", "Lazy", "MultiheadAttention", "Transformer", "RNN", "LSTM", "GRU",
    "Pool", "Norm", "Softmax", "Softmin", "LogSoftmax", "Unfold", "Fold", "Shuffle", "Flatten",
    "Embedding",
)  # fmt: skip
OTHERS = (
    "Loss",
    "Unpool",
    "EmbeddingBag",
    "Fractional",
    "Adaptive_LogSoftmax",
    "AdaptiveLogSoftmax",
)
MODULES = {
    info.name: info
    for info in module_db
    if any(name in info.name for name in NAMES) and not any(name in info.name for name in OTHERS)
}


class Spelled(TorchFunctionMode):
    """Answers every call that has a rule by its rule."""

    def __init__(self, style: str) -> None:
        super().__init__()
        self.style, self.calls = style, 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func not in EVERY:
            return func(*args, **(kwargs or {}))
        self.calls += 1
        with torch._C.DisableTorchFunction():
            return EVERY[func].function(*args, **(kwargs or {}), style=self.style)


@pytest.mark.slow
@both_styles
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", MODULES)
@pytest.mark.filterwarnings("ignore")
def test_module_samples(name: str, training: bool, style: str) -> None:
    info = MODULES[name]
    inputs = info.module_inputs_func(
        info, device="cpu", dtype=torch.float64, requires_grad=True, training=training
    )
    calls = 0
    for sample in inputs:
        construct = sample.constructor_input
        torch.manual_seed(0)
        layer = info.module_cls(*construct.args, **construct.kwargs).to(torch.float64)
        layer.train(training)
        forward = sample.forward_input
        want = _answer(layer, forward.args, forward.kwargs)
        spelled = Spelled(style)
        with spelled:
            got = _answer(layer, forward.args, forward.kwargs)
        calls += spelled.calls
        torch.testing.assert_close(got[0], want[0], equal_nan=True)
        torch.testing.assert_close(got[1], want[1], equal_nan=True)
    assert calls > 0


def _answer(layer: nn.Module, args: Any, kwargs: Any) -> tuple[Any, Any]:
    """What a layer answers, and the gradients of its inputs and parameters; buffers stay."""
    buffers = {name: buffer.clone() for name, buffer in layer.named_buffers()}
    torch.manual_seed(0)
    result = layer(*args, **kwargs)
    leaves = [x for x in (*tensors(args), *tensors(list(kwargs.values()))) if x.is_leaf]
    with torch._C.DisableTorchFunction():
        gradients = gradients_of(result, [*leaves, *layer.parameters()])
        with torch.no_grad():
            for name, buffer in layer.named_buffers():
                buffer.copy_(buffers[name])
    return result, gradients


@both_styles
@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(3, 4, 3, padding=2, padding_mode="circular"),
        nn.Conv2d(3, 4, 3, padding="same", padding_mode="reflect"),
        nn.Conv2d(3, 4, 3, padding=1, padding_mode="replicate", bias=False),
        nn.LazyConv2d(4, 3),
        nn.LazyConvTranspose2d(4, 4, stride=2),
        nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3)),
        nn.utils.parametrizations.spectral_norm(nn.Conv2d(3, 4, 3)),
    ],
)
def test_layers_of_other_kinds(layer: nn.Module, style: str) -> None:
    layer = layer.double().eval()
    x = torch.randn(2, 3, 6, 6, dtype=torch.float64)
    want, mode = layer(x), Spelled(style)
    with mode:
        got = layer(x)
    torch.testing.assert_close(got, want)
    assert mode.calls > 0


@both_styles
@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_a_transformer_is_walked_through(norm_first: bool, activation: str, style: str) -> None:
    torch.manual_seed(0)
    model = nn.Transformer(
        8, 2, 1, 1, 16, dropout=0.0, activation=activation, batch_first=True, norm_first=norm_first
    ).double()
    source, target = torch.randn(2, 5, 8).double(), torch.randn(2, 4, 8).double()
    padding = torch.zeros(2, 5, dtype=torch.bool)
    padding[1, 3:] = True
    masks = {
        "tgt_mask": model.generate_square_subsequent_mask(4, dtype=torch.float64),
        "src_key_padding_mask": padding,
        "memory_key_padding_mask": padding,
    }
    want, mode = model(source, target, **masks), Spelled(style)
    with mode:
        got = model(source, target, **masks)
    torch.testing.assert_close(got, want)
    assert mode.calls > 9


def test_layers_that_are_spelled_out_whole_take_what_the_layers_take() -> None:
    import inspect

    for layer, rule in LAYERS.items():
        own = list(inspect.signature(layer.forward).parameters)[1:]
        taken = list(inspect.signature(rule.function).parameters)[1:]
        assert taken == [*own, "style"]
