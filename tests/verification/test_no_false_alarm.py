"""What must not be called a difference."""

from __future__ import annotations

import collections
import dataclasses
import random
import re
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from unfoldify.verification.verify import Verification, verify


class Net(nn.Module):
    """Two linear layers and a body; `product` writes the layers as products."""

    def __init__(self, body: Callable[..., Any], product: bool = False) -> None:
        super().__init__()
        self.one = nn.Linear(6, 6)
        self.two = nn.Linear(6, 6)
        self.bn = nn.BatchNorm1d(6)
        self.body = body
        self.product = product

    def linear(self, x: Tensor, layer: nn.Linear) -> Tensor:
        if not self.product:
            return layer(x)
        return (x[..., None] * layer.weight.T).sum(dim=-2) + layer.bias

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.body(self, *args, **kwargs)


def both(body: Callable[..., Any], *args: Any, **kwargs: Any) -> Verification:
    torch.manual_seed(0)
    return verify(Net(body), Net(body, product=True), args, kwargs)


def equal(body: Callable[..., Any], *args: Any, **kwargs: Any) -> Verification:
    verification = both(body, *args, **kwargs)
    assert verification.ok, str(verification)
    assert verification.checks[0].precision == "float64"
    return verification


def x(*shape: int) -> Tensor:
    return torch.randn(*(shape or (5, 6)), generator=torch.Generator().manual_seed(1))


class Pair(NamedTuple):
    first: Tensor
    second: Tensor | None


@dataclasses.dataclass
class Output:
    logits: Tensor
    loss: Tensor | None = None


class ModelOutput(collections.OrderedDict):
    """As in transformers: fields that are None are not among the items."""

    __module__ = "somewhere"

    def __getattr__(self, name: str) -> Any:
        return self[name]


BODIES: dict[str, Callable[..., Any]] = {
    "plain": lambda m, x: m.linear(x, m.one),
    "no tensors in the call": lambda m, x: F.relu(m.linear(torch.ones(2, 6), m.one)),
    "argmax": lambda m, x: m.linear(x, m.one).argmax(dim=-1),
    "topk and its indices": lambda m, x: m.linear(x, m.one).topk(3, dim=-1),
    "exact ties": lambda m, x: m.linear(x[:1] * 0 + 1, m.one).expand(4, 6).argmax(dim=0),
    "ties but for rounding": lambda m, x: (
        m.linear(x, m.one) + (m.linear(x, m.two) - m.linear(x, m.two) - m.linear(x, m.one))
    ).argmax(dim=-1),
    "dead relus": lambda m, x: F.relu(m.linear(x, m.one) - 1e6),
    "relu of what is zero but for rounding": lambda m, x: F.relu(
        F.layer_norm(m.linear(x, m.one)[:, :1], (1,)) + m.linear(x, m.two)
    ),
    "gradients that are zero but for rounding": lambda m, x: m.bn(m.linear(x, m.one)),
    "softmax, blind to a constant": lambda m, x: (
        m.linear(x, m.one).sum(-1, True).expand(5, 6).softmax(-1)
    ),
    "random numbers": lambda m, x: m.linear(x + torch.randn_like(x), m.one) + torch.rand(6),
    "numpy's and Python's random numbers": lambda m, x: (
        m.linear(x, m.one) * (float(np.random.rand()) + random.random())
    ),
    "dropout": lambda m, x: F.dropout(m.linear(x, m.one), 0.5, m.training),
    "dropout that is always on, of another layout": lambda m, x: F.dropout(
        m.linear(x, m.one).T, 0.5
    ),
    "integers and booleans": lambda m, x: (m.linear(x, m.one) > 0, x.long(), 3, "a", None, True),
    "NaN at the same places": lambda m, x: m.linear(x, m.one).log(),
    "-inf where masked": lambda m, x: m.linear(x, m.one).masked_fill(x > 0, float("-inf")),
    "softmax of a row without anything": lambda m, x: (
        m.linear(x, m.one).masked_fill(torch.ones(6) > 0, float("-inf")).softmax(-1)
    ),
    "empty": lambda m, x: (m.linear(x[:0], m.one), x[:0]),
    "no gradient": lambda m, x: m.linear(x, m.one).detach(),
    "inputs unchanged": lambda m, x: (x, m.linear(x, m.one)),
    "views of one tensor": lambda m, x: (lambda y: (y, y[0], y.T))(m.linear(x, m.one)),
    "a scalar": lambda m, x: m.linear(x, m.one).sum(),
    "complex": lambda m, x: torch.fft.fft(m.linear(x, m.one)),
    "named tuple": lambda m, x: Pair(m.linear(x, m.one), None),
    "dataclass": lambda m, x: Output(m.linear(x, m.one)),
    "nested": lambda m, x: {"a": [m.linear(x, m.one), (x, None)], 3: {}},
    "casts": lambda m, x: m.linear(x.half().float(), m.one).to(torch.bfloat16).sum(dim=0),
    "autocast": lambda m, x: autocast(m, x),
    "numpy": lambda m, x: m.linear(x, m.one).detach().numpy(),
    "an item": lambda m, x: m.linear(x, m.one) * m.linear(x, m.two).mean().item(),
    "checkpoint": lambda m, x: checkpoint(m.linear, x, m.one, use_reentrant=False),
    "re-entrant checkpoint": lambda m, x: checkpoint(m.linear, x, m.one, use_reentrant=True),
    "inference": lambda m, x: torch.no_grad()(m.linear)(x, m.one),
    "writes to its input": lambda m, x: m.linear(x.mul_(2), m.one),
    "sparse": lambda m, x: m.linear(x, m.one).relu().to_sparse(),
    "keeps what it saw": lambda m, x: remember(m, m.linear(x, m.one)),
    "exponential growth": lambda m, x: chaos(m, x),
    "very small": lambda m, x: m.linear(x, m.one) * 1e-30,
    "very large": lambda m, x: m.linear(x, m.one) * 1e30,
}


def autocast(m: Net, x: Tensor) -> Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return m.linear(x, m.one).float()


def remember(m: Net, y: Tensor) -> Tensor:
    m.seen = getattr(m, "seen", 0) + 1
    m.last = y
    return y * m.seen


def chaos(m: Net, x: Tensor) -> Tensor:
    for _ in range(60):
        x = torch.sin(8 * m.linear(x, m.one))
    return x


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_equal(body: Callable[..., Any]) -> None:
    equal(body, x())


def test_what_is_not_stable_is_said() -> None:
    notes = equal(BODIES["exponential growth"], x()).notes
    assert re.sub(r"\d\.?\d*e[+-]\d+", "#", notes[0]) == (
        "not stable in the original: output, one.weight, one.bias and 1 more; where weights and"
        " inputs move by # of themselves, it moves by up to #, and that much was allowed for"
    )


def test_what_proves_nothing_is_said() -> None:
    assert (
        "output is zero everywhere: its comparison proves nothing"
        in equal(BODIES["dead relus"], x()).notes
    )
    assert (
        "output is nowhere finite: its comparison proves nothing"
        in equal(BODIES["softmax of a row without anything"], x()).notes
    )
    assert (
        "no gradients: no output of the original depends on anything that has one"
        in equal(BODIES["inference"], x()).notes
    )


def test_a_written_input_is_said_where_only_one_does_it() -> None:
    def body(m: Net, x: Tensor) -> Tensor:
        return m.linear(x * 2 if m.product else x.mul_(2), m.one)

    given = x()
    before = given.clone()
    assert equal(body, given).notes == (
        "the original changes its argument args[0] in place, the rewritten model does not",
    )
    assert torch.equal(given, before)


def test_an_original_that_is_never_the_same() -> None:
    def body(m: Net, x: Tensor) -> Tensor:
        return m.linear(x, m.one) * time.perf_counter_ns()

    verification = both(body, x())
    assert not verification.ok
    assert verification.first_difference == (
        "nothing could be compared: the original differs between two runs under one seed"
        " (output, one.weight, one.bias, args[0])"
    )


def test_an_original_that_fails() -> None:
    verification = both(lambda m, x: m.linear(x.view(7), m.one), x())
    assert not verification.ok
    assert verification.first_difference == (
        "nothing could be compared: the original fails: RuntimeError: shape '[7]' is invalid for"
        f" input of size 30 (test_no_false_alarm.py:{_line('x.view(7)')})"
    )


def _line(text: str) -> int:
    with open(__file__) as file:
        return next(i for i, line in enumerate(file, 1) if text in line)


def test_a_backward_that_fails_in_the_original() -> None:
    class Forward(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: Any, *grads: Tensor) -> Tensor:
            raise NotImplementedError("no backward")

    notes = equal(lambda m, x: Forward.apply(m.linear(x, m.one)), x()).notes
    assert len(notes) == 1
    assert notes[0].startswith(
        "no gradients: the original's backward fails: NotImplementedError: no backward ("
    )


def test_a_model_that_insists_on_float32() -> None:
    def body(m: Net, x: Tensor) -> Tensor:
        if x.dtype is not torch.float32:
            raise TypeError("float32 only")
        return m.linear(x, m.one).relu()

    verification = both(body, x())
    assert verification.ok, str(verification)
    assert {check.precision for check in verification.checks} == {"float32"}
    assert verification.checks[0].gradients is not None
    wrong = verify(Net(body), Net(lambda m, x: body(m, x) * 1.001, product=True), (x(),))
    assert not wrong.ok


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_models_of_other_types(dtype: torch.dtype) -> None:
    def body(m: Net, x: Tensor) -> Tensor:
        return m.linear(F.relu(m.bn(m.linear(x, m.one))), m.two)

    pair = Net(body).to(dtype), Net(body, product=True).to(dtype)
    verification = verify(*pair, (x().to(dtype),))
    assert verification.ok, str(verification)
    assert verification.checks[-1].precision == str(dtype).removeprefix("torch.")
    wrong = verify(pair[0], Net(lambda m, x: body(m, x).float(), True).to(dtype), (x().to(dtype),))
    assert str(wrong.first_difference).startswith(
        f"output has dtype {dtype} in the original and torch.float32 in the rewritten model"
        if dtype is not torch.float64
        else f"output has dtype {dtype} in the original"
    ) or (dtype is torch.float64 and wrong.ok)


def test_a_model_that_writes_to_its_weights() -> None:
    def body(m: Net, x: Tensor) -> Tensor:
        with torch.no_grad():
            m.one.weight.clamp_(-0.1, 0.1)
        return m.linear(x, m.one)

    equal(body, x())

    def careless(m: Net, x: Tensor) -> Tensor:
        m.bn.weight.requires_grad_(False)
        return m.linear(x, m.one) * m.bn.weight.mul_(0.5)

    equal(careless, x())


def test_arguments_of_every_kind() -> None:
    def body(m: Net, pair: Any, *, batch: Any, flag: bool, name: str, n: int, none: None) -> Tensor:
        assert flag
        assert name == "a"
        assert none is None
        return m.linear(pair[0] + batch["keys"][0] * n, m.one)

    given = {"batch": {"keys": [x(), 3]}, "flag": True, "name": "a", "n": 2, "none": None}
    verification = equal(body, (x(), None), **given)
    assert verification.checks[0].inputs == "args[0][0]: 5x6, batch['keys'][0]: 5x6"


def test_one_tensor_for_three_arguments_stays_one() -> None:
    def body(m: Net, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        assert q is k is v
        return m.linear(q, m.one)

    given = x()
    equal(body, given, given, given)


def test_a_cache_object_may_be_left_out() -> None:
    class Cache:
        def __init__(self, keys: Tensor) -> None:
            self.keys = keys

    def body(m: Net, x: Tensor) -> Any:
        y = m.linear(x, m.one)
        return {"y": y} if m.product else {"y": y, "cache": Cache(y)}

    equal(body, x())

    def changed(m: Net, x: Tensor) -> Any:
        y = m.linear(x, m.one)
        return {"y": y, "cache": Cache(y * 2 if m.product else y)}

    assert str(both(changed, x()).first_difference).startswith("output['cache'].keys differs by ")


def test_a_dataclass_stands_for_a_class_of_the_same_name() -> None:
    @dataclasses.dataclass
    class Mine:
        logits: Tensor
        loss: Tensor | None = None

    Mine.__name__ = "ModelOutput"

    def body(m: Net, x: Tensor) -> Any:
        y = m.linear(x, m.one)
        return Mine(y) if m.product else ModelOutput(logits=y)

    equal(body, x())


def test_modules_of_torch_with_fused_paths() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    encoder = nn.TransformerEncoder(layer, 2)
    padding = torch.zeros(3, 5, dtype=torch.bool)
    padding[0, 3:] = True
    kwargs = {"src_key_padding_mask": padding}
    verification = verify(encoder, nn.TransformerEncoder(layer, 2), (x(3, 5, 8),), kwargs)
    assert verification.ok, str(verification)
    assert verification.sentence == (
        "Checked against the original in float64, outputs and gradients,"
        " for src: 3x5x8, src_key_padding_mask: 3x5 and src: 4x7x8, src_key_padding_mask: 4x7,"
        " in evaluation and training."
    )


@pytest.mark.parametrize(
    ("layer", "given"),
    [
        (lambda: nn.LSTM(6, 4, num_layers=2, dropout=0.5, bidirectional=True), x(4, 6)),
        (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(6, 4)), x(4, 6)),
        (lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(6, 4)), x(4, 6)),
        (lambda: nn.utils.weight_norm(nn.Linear(6, 4)), x(4, 6)),
        (lambda: nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.RReLU()), x(4, 6)),
        (lambda: nn.InstanceNorm1d(6, affine=True, track_running_stats=True), x(2, 6, 5)),
        (lambda: torch.jit.script(nn.Sequential(nn.Linear(6, 4))), x(4, 6)),
        (lambda: nn.EmbeddingBag(7, 3), torch.randint(7, (4, 6))),
        (lambda: nn.Embedding(7, 3, padding_idx=0, max_norm=0.1), torch.randint(7, (4, 6))),
        (lambda: nn.MultiheadAttention(6, 2, dropout=0.5, bias=False), (x(4, 6),) * 3),
        (lambda: nn.AdaptiveMaxPool2d(3, return_indices=True), x(2, 3, 7, 7)),
        (lambda: nn.FractionalMaxPool2d(2, output_size=3), x(2, 3, 7, 7)),
        (lambda: nn.Sequential(nn.Dropout2d(), nn.FeatureAlphaDropout()), x(2, 3, 7, 7)),
    ],
)
def test_a_layer_is_equal_to_another_of_its_kind(
    layer: Callable[[], nn.Module], given: Tensor | tuple[Tensor, ...]
) -> None:
    args = given if isinstance(given, tuple) else (given,)
    verification = verify(layer(), layer(), args)
    assert verification.ok, str(verification)


class Statistics(nn.Module):
    """Running statistics that come as inputs, of which torch has no gradient."""

    def forward(self, x: torch.Tensor, mean: torch.Tensor, var: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.batch_norm(x, mean, var)


def test_inputs_that_may_have_no_gradient() -> None:
    inputs = torch.randn(2, 3, 4), torch.randn(3), torch.rand(3)
    report = verify(Statistics(), Statistics(), inputs)
    assert report.ok
    assert any(check.outputs is not None for check in report.checks)
