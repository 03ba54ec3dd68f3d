"""torch.fx in, torch.fx out: nets of all kinds, traced."""

import copy
import io
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from graph_checks import Kernels, assert_transforms, noted
from torch import Tensor, fx, nn
from torch.nn.utils import parametrizations

import unfoldify


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


class Convolutional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.bn = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=4, bias=False)
        self.fc = nn.Linear(4, 5)
        self.drop = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn(self.conv1(x)))
        x = x + self.conv2(x)
        return self.drop(self.fc(x.mean((2, 3))))


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(8, 24)
        self.proj = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        b, n, c = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
        own = ((q @ k.transpose(-2, -1)) * 4**-0.5).softmax(-1) @ v
        torchs = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.proj((own + torchs).transpose(1, 2).reshape(b, n, c))


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.randn(4, 3))
        self.emb = nn.Embedding(7, 3)
        self.register_buffer("kernel", torch.randn(2, 3, 3))

    def forward(self, t: Tensor, *, scale: float = 2.0, mask: Any = None) -> dict[str, Any]:
        x = self.emb(t)
        y = F.conv1d(x.transpose(1, 2), self.kernel, padding="same")
        z = torch.einsum("bno,oi->bni", F.linear(x, self.w) * scale, self.w)
        z = z.bmm(z.transpose(1, 2)).tanh()
        z = torch.baddbmm(z, z, z, alpha=0.5)
        first = torch.addmm(z[0], z[0], z[0]).mv(z[0, 0])
        return {
            "z": torch.matmul(z, z[0]),
            "parts": [torch.outer(first, first), None, (y,)],
            "dot": first.dot(first),
            "length": x.shape[1],
        }


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.emb = nn.Embedding(7, 4)
        self.fc = nn.Linear(4, 4)
        self.again = self.fc
        self.head = nn.Linear(4, 7, bias=False)
        self.head.weight = self.emb.weight

    def forward(self, t: Tensor) -> Tensor:
        return self.head(self.again(self.fc(self.emb(t)).relu()))


class Recurrent(nn.Module):
    def __init__(self, cls: Any, **options: Any) -> None:
        super().__init__()
        self.rnn = cls(3, 4, **options)

    def forward(self, x: Tensor) -> Any:
        return self.rnn(x)


class Cells(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.gru, self.rnn = nn.LSTMCell(3, 4), nn.GRUCell(3, 4), nn.RNNCell(3, 4)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> Any:
        h, c = self.lstm(x, (h, c))
        return self.gru(x, h) + self.rnn(x), c


class MultiHead(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(8, 2, dropout=0.2, batch_first=True)
        self.norm = nn.LayerNorm(8)

    def forward(self, x: Tensor) -> Any:
        y, weights = self.attn(x, x, x)
        z, none = self.attn(x, y, y, need_weights=False)
        return self.norm(y) + z, weights, none


class Encoder(nn.Module):
    def __init__(self, norm_first: bool = False) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, 0.1, batch_first=True, norm_first=norm_first)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, x: Tensor, mask: Any = None) -> Tensor:
        return self.encoder(x, mask)


class Translator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.both = nn.Transformer(8, 2, 1, 1, 16, 0.1, batch_first=True)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.both(x, y)


def stack(*layers: nn.Module) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(*layers)


RANDOM = torch.Generator().manual_seed(0)


def tokens(*shape: int) -> Tensor:
    return torch.randint(7, shape, generator=RANDOM)


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=RANDOM)


NETS: dict[str, tuple[Callable[[], nn.Module], tuple[Tensor, ...], tuple[Tensor, ...]]] = {
    "convolutions": (Convolutional, (normal(2, 3, 8, 8),), (normal(3, 3, 9, 10),)),
    "attention": (Attention, (normal(2, 5, 8),), (normal(3, 7, 8),)),
    "functions": (Functional, (tokens(2, 5),), (tokens(3, 6),)),
    "shared weights": (Shared, (tokens(2, 5),), (tokens(3, 6),)),
    "cells": (
        Cells,
        (normal(5, 3), normal(5, 4), normal(5, 4)),
        (normal(2, 3), normal(2, 4), normal(2, 4)),
    ),
    "multi-head": (MultiHead, (normal(2, 5, 8),), (normal(3, 7, 8),)),
    "encoder": (Encoder, (normal(2, 5, 8),), (normal(3, 7, 8),)),
    "pre-norm": (lambda: Encoder(True), (normal(2, 5, 8),), (normal(3, 7, 8),)),
    "encoder and decoder": (
        Translator,
        (normal(2, 5, 8), normal(2, 3, 8)),
        (normal(3, 7, 8), normal(3, 4, 8)),
    ),
    "lstm": (lambda: Recurrent(nn.LSTM), (normal(5, 2, 3),), (normal(7, 3, 3),)),
    "gru": (
        lambda: Recurrent(nn.GRU, num_layers=2, bidirectional=True, batch_first=True, dropout=0.3),
        (normal(5, 2, 3),),
        (normal(7, 3, 3),),
    ),
    "rnn": (
        lambda: Recurrent(nn.RNN, nonlinearity="relu", bias=False),
        (normal(5, 2, 3),),
        (normal(7, 3, 3),),
    ),
    "transposed": (
        stack(nn.ConvTranspose2d(3, 4, 2, 2), nn.ConvTranspose2d(4, 4, 4, 2, 1, groups=2)),
        (normal(2, 3, 4, 4),),
        (normal(1, 3, 5, 3),),
    ),
    "volumes": (
        stack(
            nn.Conv3d(2, 4, 3, padding=1, padding_mode="circular"),
            nn.ReLU(inplace=True),
            nn.Conv3d(4, 4, (1, 3, 2), stride=(1, 2, 1)),
        ),
        (normal(2, 2, 4, 6, 5),),
        (normal(1, 2, 5, 7, 6),),
    ),
}


@pytest.mark.parametrize("style", ["product", "einsum"])
@pytest.mark.parametrize("net", NETS)
def test_values_and_gradients_at_two_sizes(net: str, style: str) -> None:
    make, args, others = NETS[net]
    assert_transforms(fx.symbolic_trace(make()).eval(), args, others, style=style)


@pytest.mark.parametrize("net", ["convolutions", "multi-head", "encoder", "gru"])
def test_dropout_follows_the_mode_after_the_transformation(net: str) -> None:
    make, args, others = NETS[net]
    traced = fx.symbolic_trace(make()).eval()
    result = unfoldify.transform(traced, args)
    for training in (True, False):
        traced.train(training)
        result.train(training)
        torch.manual_seed(1)
        want = traced(*others)
        torch.manual_seed(1)
        torch.testing.assert_close(result(*others), want, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(result(*others), result(*others))
    assert not torch.equal(*(next(iter(flat(result.train()(*others)))) for _ in range(2)))


def flat(value: Any) -> list[Tensor]:
    return [value] if isinstance(value, Tensor) else [t for v in value or () for t in flat(v)]


def test_a_graph_without_contractions_comes_back_equal_node_by_node() -> None:
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bn = nn.BatchNorm1d(3)

        def forward(self, x: Tensor, y: Any = None, *rest: Any, **named: Any) -> Any:
            return self.bn(x).relu() + x.mean(), None, {"y": y}

    traced = fx.symbolic_trace(Plain())
    result = unfoldify.transform(traced)
    assert result is not traced
    assert noted(result) == noted(traced)
    assert result.code == traced.code


def test_nothing_wanted_leaves_the_graph_as_it_is() -> None:
    traced = fx.symbolic_trace(Convolutional())
    result = unfoldify.transform(traced, torch.randn(2, 3, 8, 8), only="attention")
    assert noted(result) == noted(traced)


def test_names_notes_and_defaults_stay() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, image: Tensor, scale: float = 2.0) -> Tensor:
            return torch.tanh(self.conv(image) * scale)

    traced = fx.symbolic_trace(Net())
    for node in traced.graph.nodes:
        node.meta["stack_trace"] = f"line of {node.name}"
        node.meta["mine"] = node.name
    result = assert_transforms(traced, (torch.randn(1, 3, 5, 5),))
    nodes = {node.name: node for node in result.graph.nodes}
    assert [n for n in nodes if not n.startswith("conv")] == [
        n.name for n in traced.graph.nodes if n.name != "conv"
    ]
    assert nodes["scale"].args == (2.0,)
    assert nodes["conv"].target is not None
    assert nodes["conv"].op == "call_function"
    for name, node in nodes.items():
        origin = "conv" if name.startswith("conv") else name
        assert node.meta["mine"] == origin
        assert node.meta["stack_trace"] == f"line of {origin}"
    assert {"conv_weight", "conv_bias", "conv_unfold", "conv_mul", "conv_sum"} <= nodes.keys()


def test_layers_stay_where_they_were() -> None:
    traced = fx.symbolic_trace(Convolutional())
    result = unfoldify.transform(traced, torch.randn(2, 3, 8, 8))
    assert result.get_submodule("conv1") is traced.get_submodule("conv1")
    assert not [n for n in result.graph.nodes if n.op == "call_module" and n.target == "conv1"]
    assert [n.target for n in result.graph.nodes if n.op == "call_module"] == ["bn", "drop"]


def test_counters_and_random_streams_stay_as_they_were() -> None:
    traced = fx.symbolic_trace(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout()))
    x = torch.randn(2, 3, 6, 6)
    before, stream = [b.clone() for b in traced.buffers()], torch.get_rng_state()
    result = unfoldify.transform(traced, x)
    assert torch.equal(stream, torch.get_rng_state())
    assert all(torch.equal(b, then) for b, then in zip(traced.buffers(), before, strict=True))
    assert result.training


def test_a_layer_that_is_too_large_as_a_product_is_an_einsum() -> None:
    traced = fx.symbolic_trace(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(4, 4))).eval()
    x = torch.randn(2, 3, 6, 6)
    result = unfoldify.transform(traced, x, max_intermediate="5KiB")
    conv, linear = result.meta["unfoldify"].groups
    assert (conv.style, conv.why) == ("einsum", "the product would take 13.5 KiB")
    assert (linear.style, linear.why) == ("product", "")
    torch.testing.assert_close(result(x), traced(x))


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ({"only": "conv"}, ["2", "3"]),
        ({"skip": ["conv"]}, ["0", "1", "3"]),
        ({"only": ["0"]}, ["1", "2", "3"]),
        ({"also": ["norm"]}, []),
    ],
)
def test_what_is_spelled_out_can_be_chosen(options: dict[str, Any], left: list[str]) -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Linear(4, 4), nn.LayerNorm(4))
    x = torch.randn(2, 3, 8, 8)
    traced = fx.symbolic_trace(net).eval()
    result = unfoldify.transform(traced, x, **options)
    assert [n.target for n in result.graph.nodes if n.op == "call_module"] == left
    torch.testing.assert_close(result(x), traced(x))


def test_parametrized_weights_are_computed_as_before() -> None:
    net = nn.Sequential(
        parametrizations.weight_norm(nn.Conv1d(3, 4, 3, padding="same")),
        parametrizations.spectral_norm(nn.Linear(6, 5)),
        parametrizations.orthogonal(nn.Linear(5, 5)),
        torch.nn.utils.weight_norm(nn.Linear(5, 4)),
    )
    traced, x = fx.symbolic_trace(net).eval(), torch.randn(2, 3, 6)
    result = unfoldify.transform(traced, x)
    torch.testing.assert_close(result(x), traced(x))
    kept = [n.target for n in result.graph.nodes if n.op == "call_module"]
    assert kept == ["1.parametrizations.weight"]  # its power iteration runs in training only
    before = traced.get_buffer("1.parametrizations.weight.0._u").clone()
    result.train()(x)
    assert not torch.equal(before, result.get_buffer("1.parametrizations.weight.0._u"))


def test_a_layer_with_hooks_stays_a_call_and_says_why() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 3))
    net[0].register_forward_hook(lambda module, args, result: result * 2)
    traced, x = fx.symbolic_trace(net), torch.randn(2, 3)
    result = unfoldify.transform(traced, x)
    torch.testing.assert_close(result(x), traced(x))
    (declined,) = result.meta["unfoldify"].declined
    assert declined.layer == "0"
    assert declined.reason == "it has hooks, which run when the layer itself is called"


def test_changes_in_place() -> None:
    class InPlace(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)
            self.register_buffer("seen", torch.zeros(4, 4))

        def forward(self, x: Tensor) -> Any:
            y = self.fc(x)
            y.view(-1).add_(1)
            y.addmm_(x, x.t() @ x)
            self.seen.add_(x.t().mm(x))
            return y.matmul(x[0]) + (self.seen**2).sum(), y.T.mm(y)

    traced, x = fx.symbolic_trace(InPlace()), torch.randn(5, 4)
    result = unfoldify.transform(traced, x)
    assert not traced.get_buffer("seen").any()
    with torch.no_grad():
        want = traced(x)
        traced.get_buffer("seen").zero_()
        with Kernels() as kernels:
            got = result(x)
    torch.testing.assert_close(got, want)
    assert kernels.seen == set()


def test_values_that_only_data_tells() -> None:
    class Data(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Any:
            hits = (self.fc(x) > 0).nonzero()
            return self.fc(hits.float() @ x[:2]) * x.sum().item(), hits.shape[0]

    traced = fx.symbolic_trace(Data())
    assert_transforms(traced, (torch.randn(5, 4),), (torch.randn(7, 4),))


def test_an_example_without_data() -> None:
    traced = fx.symbolic_trace(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())).eval()
    result = unfoldify.transform(traced, torch.empty(2, 3, 8, 8, device="meta"))
    x = torch.randn(1, 3, 6, 7)
    torch.testing.assert_close(result(x), traced(x))


def test_an_argument_that_is_none_in_the_example_stays_none() -> None:
    traced, x = fx.symbolic_trace(Encoder()).eval(), torch.randn(2, 5, 8)
    result = unfoldify.transform(traced, x)
    with pytest.raises(ValueError, match="transformed for None") as caught:
        result(x, torch.zeros(5, 5))
    assert str(caught.value) == (
        "mask: this graph was transformed for None, found Tensor.\n"
        "Transform the original again with this value among the example_inputs"
    )
    mask = torch.full((5, 5), float("-inf")).triu(1)
    other = torch.full((5, 5), float("-inf")).tril(-1)
    result = unfoldify.transform(traced, (x, mask))
    torch.testing.assert_close(result(x, mask), traced(x, mask), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(result(x, other), traced(x, other), rtol=1e-4, atol=1e-5)


def test_arguments_by_name() -> None:
    traced = fx.symbolic_trace(Functional())
    assert_transforms(traced, (tokens(2, 5),), example={"t": tokens(2, 5), "scale": 2.0})


# -- what can be done with the result --------------------------------------------------------------

RESULTS = {
    **{name: NETS[name] for name in ("convolutions", "attention", "multi-head", "lstm")},
    "transposed": NETS["transposed"],
}


@pytest.mark.parametrize("dialect", ["torch", "einops"])
@pytest.mark.parametrize("net", RESULTS)
def test_copied_pickled_saved_and_traced_again(net: str, dialect: str) -> None:
    make, args, others = RESULTS[net]
    traced = fx.symbolic_trace(make()).eval()
    result = unfoldify.transform(traced, args, dialect=dialect)
    file = io.BytesIO()
    torch.save(result, file)
    file.seek(0)
    for again in (
        copy.deepcopy(result),
        pickle.loads(pickle.dumps(result)),
        torch.load(file, weights_only=False),
        fx.symbolic_trace(result),
    ):
        for inputs in (args, others):
            torch.testing.assert_close(again(*inputs), traced(*inputs), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("net", ["convolutions", "attention", "lstm", "transposed"])
@pytest.mark.filterwarnings("ignore")  # torch calls TorchScript deprecated
def test_scripted(net: str) -> None:
    make, args, others = RESULTS[net]
    traced = fx.symbolic_trace(make()).eval()
    scripted = torch.jit.script(unfoldify.transform(traced, args))
    for inputs in (args, others):
        torch.testing.assert_close(scripted(*inputs), traced(*inputs), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["torch", "einops"])
def test_compiled_and_exported_whole(dialect: str) -> None:
    make, args, others = RESULTS["convolutions"]
    traced = fx.symbolic_trace(make()).eval()
    result = unfoldify.transform(traced, args, dialect=dialect)
    torch.compiler.reset()
    compiled = torch.compile(result, backend="eager", fullgraph=True)
    for inputs in (args, others):
        torch.testing.assert_close(compiled(*inputs), traced(*inputs), rtol=1e-4, atol=1e-5)
    exported = torch.export.export(result, args).module()
    torch.testing.assert_close(exported(*args), traced(*args), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dialect", ["torch", "einops"])
def test_mapped_and_differentiated_forward(dialect: str) -> None:
    make, args, _ = RESULTS["attention"]
    traced = fx.symbolic_trace(make()).eval()
    result = unfoldify.transform(traced, args, dialect=dialect)
    many = torch.stack([*args, *args])
    want = torch.stack([traced(*args)] * 2)
    torch.testing.assert_close(torch.func.vmap(result)(many), want, rtol=1e-4, atol=1e-5)
    tangent = (torch.ones_like(args[0]),)
    value, slope = torch.func.jvp(result, args, tangent)
    step = 1e-3
    moved = result(args[0] + step) - result(args[0] - step)
    torch.testing.assert_close(value, traced(*args), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(slope, moved / (2 * step), rtol=1e-1, atol=1e-2)


# -- messages --------------------------------------------------------------------------------------


def message(*args: Any, **options: Any) -> str:
    with pytest.raises(unfoldify.UsageError) as caught:
        unfoldify.transform(*args, **options)
    return str(caught.value)


def test_messages() -> None:
    traced = fx.symbolic_trace(Convolutional())
    assert message(traced) == (
        "transform: the shape of `x`, which `conv1` takes, is not known.\n"
        "Pass an example of what the graph is called with: example_inputs=(x,)"
    )
    assert message(nn.Linear(3, 4)) == (
        "transform: wanted a torch.fx.GraphModule, found Linear.\n"
        "Make one with torch.fx.symbolic_trace(net) or torch.export.export(net, inputs).module(), "
        "or write the module itself again with unfoldify.unfoldify(net, inputs)"
    )
    assert message(torch.export.export(nn.Linear(3, 4), (torch.randn(2, 3),))) == (
        "transform: wanted a torch.fx.GraphModule, found an ExportedProgram.\n"
        "Its graph is in exported.module(): transform(exported.module())"
    )
    assert message(traced, (torch.randn(2, 3), 1)) == (
        "example_inputs: wanted 1 value (x), found 2: 2x3 float32, 1"
    )
    assert message(traced, {"y": 1}) == (
        "example_inputs: wanted x, found y: missing a required argument: 'x'"
    )
    assert message(traced, torch.randn(2, 5, 8, 8)).startswith(
        "example_inputs: the graph does not run on them: RuntimeError: Given groups=1"
    )
    assert message(traced, torch.randn(2, 5, 8, 8)).endswith("It was given 2x5x8x8 float32")
    assert message(traced, style="sum") == "style: wanted one of product, einsum, found 'sum'"
