"""`transform` on graphs from everywhere: exported, compiled, made by make_fx, split, nested."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from graph_checks import Kernels, assert_same_state, assert_transforms
from torch import Tensor, fx, nn
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.passes.shape_prop import ShapeProp
from torch.fx.passes.split_module import split_module

import unfoldify


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.bn = nn.BatchNorm2d(4)
        self.fc = nn.Linear(4, 8)
        self.attn = nn.MultiheadAttention(8, 2, batch_first=True)
        self.drop = nn.Dropout(0.3)
        self.register_buffer("runs", torch.zeros(()))

    def forward(self, x: Tensor, mask: Any = None) -> dict[str, Any]:
        y = self.bn(self.conv(x)).flatten(2).transpose(1, 2)
        y = self.drop(self.fc(y))
        z, _ = self.attn(y, y, y, need_weights=False)
        self.runs.add_(1)
        return {"z": z @ z.transpose(1, 2), "y": (y, None)}


def exported(net: nn.Module, *args: Any, **options: Any) -> fx.GraphModule:
    return torch.export.export(net, args, **options).module()


FREE = {"x": {0: torch.export.Dim("b", min=2, max=9), 2: torch.export.Dim("h", min=2, max=32)}}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("strict", [False, True])
def test_exported(training: bool, strict: bool) -> None:
    original = exported(
        Net().train(training), torch.randn(4, 3, 6, 5), dynamic_shapes=FREE, strict=strict
    )
    result = unfoldify.transform(original)  # the graph knows its shapes
    assert result.meta["unfoldify"].declined == ()
    assert not original.get_buffer("runs").any()
    assert_same_state(result, original)
    for shape in ((4, 3, 6, 5), (3, 3, 7, 5)):
        x = torch.randn(shape)
        state = {name: value.clone() for name, value in original.state_dict().items()}
        torch.manual_seed(1)
        want = original(x)
        original.load_state_dict(state)
        torch.manual_seed(1)
        with Kernels() as kernels:
            got = result(x)
        torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)
        assert got["y"][1] is None
        assert kernels.seen == set()
    with pytest.raises(AssertionError, match="Guard failed"):
        result(torch.randn(4, 3, 6, 9))
    with pytest.raises(NotImplementedError, match="train"):
        result.train()


def test_exported_and_decomposed() -> None:
    program = torch.export.export(Net().eval(), (torch.randn(4, 3, 6, 5),))
    assert_transforms(program.run_decompositions().module(), (torch.randn(4, 3, 6, 5),), example=())


def test_new_nodes_of_an_exported_graph_note_their_values() -> None:
    original = exported(Net().eval(), torch.randn(4, 3, 6, 5), dynamic_shapes=FREE)
    result = unfoldify.transform(original)
    nodes = {n.name: n for n in result.graph.nodes}
    kept = {n.name: n for n in original.graph.nodes}
    assert {n.name for n in nodes.values() if "val" not in n.meta} <= {"_guards_fn", "output"}
    product = nodes["conv2d_mul"].meta["val"]
    assert [isinstance(size, torch.SymInt) for size in product.shape[:4]] == [
        True,
        False,
        False,
        True,
    ]
    assert nodes["conv2d"].meta["val"] is kept["conv2d"].meta["val"]
    layer = list(nodes["conv2d_mul"].meta["nn_module_stack"].values())[-1][0]
    assert layer == "conv"
    assert nodes["conv2d_mul"].meta["stack_trace"] == kept["conv2d"].meta["stack_trace"]


def test_layers_of_an_exported_graph_can_be_chosen() -> None:
    original = exported(Net().eval(), torch.randn(4, 3, 6, 5))
    result = unfoldify.transform(original, only=["fc"])
    assert [(g.layer, g.kind) for g in result.meta["unfoldify"].groups] == [("fc", "linear")]


def test_exported_recurrent_layers() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(3, 4, 2, batch_first=True)
            self.gru = nn.GRU(4, 4)

        def forward(self, x: Tensor) -> Any:
            return self.gru(self.lstm(x)[0])

    x = torch.randn(3, 5, 3)
    assert_transforms(exported(Both().eval(), x), (x,), example=())


def test_branches_and_regions_without_gradients() -> None:
    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            with torch.no_grad():
                y = self.a(x)
            return torch.cond(
                x.sum() > 0, self.b, lambda v: torch.mm(v, torch.mm(torch.t(v), v)), (y,)
            )

    original = exported(Branches().eval(), torch.ones(3, 4))
    result = unfoldify.transform(original)
    assert len(result.meta["unfoldify"].groups) == 4
    for x in (torch.ones(3, 4), -torch.ones(3, 4)):
        torch.testing.assert_close(result(x), original(x))


@pytest.mark.parametrize("mode", ["real", "symbolic"])
@pytest.mark.parametrize("with_example", [False, True])
def test_made_by_make_fx(mode: str, with_example: bool) -> None:
    net, x = Net().eval(), torch.randn(4, 3, 6, 5)

    def function(x: Tensor) -> Any:
        found = net(x)
        return found["z"], found["y"][0]

    original = make_fx(function, tracing_mode=mode, _allow_non_fake_inputs=True)(x)
    assert any("flash_attention" in str(n.target) for n in original.graph.nodes)
    result = unfoldify.transform(original, (x,) if with_example else ())
    assert result.meta["unfoldify"].declined == ()
    for inputs in (x, torch.randn(6, 3, 6, 5)) if mode == "symbolic" else (x,):
        with Kernels() as kernels:
            got = result(inputs)
        torch.testing.assert_close(got, original(inputs), rtol=1e-4, atol=1e-5)
        assert kernels.seen == set()


@pytest.mark.slow
@pytest.mark.parametrize("dynamic", [False, True])
def test_as_a_backend_of_compile(dynamic: bool) -> None:
    seen: list[fx.GraphModule] = []

    def backend(graph: fx.GraphModule, inputs: Any) -> Any:
        result = unfoldify.transform(graph, inputs)
        without = unfoldify.transform(graph)
        assert len(without.meta["unfoldify"].groups) == len(result.meta["unfoldify"].groups)
        seen.append(result)

        def run(*args: Any) -> Any:
            with Kernels() as kernels:
                outputs = result(*args)
            assert kernels.seen == set()
            return outputs

        return run

    torch.compiler.reset()
    net = Net().eval()
    compiled = torch.compile(net, backend=backend, dynamic=dynamic)
    for batch in (4, 6):
        x = torch.randn(batch, 3, 6, 5)
        torch.testing.assert_close(compiled(x), net(x), rtol=1e-4, atol=1e-5)
    assert [g.layer for g in seen[0].meta["unfoldify"].groups] == ["conv", "fc", "attn", ""]


def test_shapes_that_shape_prop_noted() -> None:
    original = fx.symbolic_trace(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())).eval()
    ShapeProp(original).propagate(torch.randn(2, 3, 8, 8))
    result = unfoldify.transform(original)
    x = torch.randn(1, 3, 6, 7)
    torch.testing.assert_close(result(x), original(x))
    assert all("tensor_meta" in n.meta for n in result.graph.nodes)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.w = nn.Parameter(torch.randn(4, 4))
        self.drop = nn.Dropout(0.1)

    def forward(self, x: Tensor, scale: float = 1.0) -> Any:
        y = torch.einsum("bchw,cd->bdhw", self.conv(x), self.w)
        return self.drop(y * scale), x.mean()


class Branchy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x) if x.sum() > 0 else x


class Modal(Branchy):
    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(self.conv(x), 0.5, self.training)


class Whole(fx.Tracer):
    """A tracer that keeps blocks whole."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        own = isinstance(m, (Block, Branchy))
        return own or super().is_leaf_module(m, module_qualified_name)


def test_modules_that_a_tracer_kept_whole() -> None:
    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = Block()

        def forward(self, x: Tensor) -> Tensor:
            y, mean = self.a(x, scale=2.0)
            z, _ = self.a(y)
            return z + mean

    outer = Outer()
    original = fx.GraphModule(outer, Whole().trace(outer)).eval()
    assert_transforms(original, (torch.randn(2, 4, 5, 5),), (torch.randn(3, 4, 6, 6),))


@pytest.mark.parametrize("cls", [Branchy, Modal])
def test_modules_that_cannot_be_looked_into_stay_calls(cls: type[nn.Module]) -> None:
    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.fc = cls(), nn.Linear(5, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.inner(x))

    outer = Outer()
    original = fx.GraphModule(outer, Whole().trace(outer))
    result = unfoldify.transform(original, torch.randn(2, 4, 5, 5))
    for training in (True, False):
        for x in (torch.ones(2, 4, 5, 5), -torch.ones(2, 4, 5, 5)):
            torch.manual_seed(1)
            want = original.train(training)(x)
            torch.manual_seed(1)
            torch.testing.assert_close(result.train(training)(x), want)
    (declined,) = result.meta["unfoldify"].declined
    assert declined.layer == "inner"
    assert declined.reason == "torch.fx cannot trace it, or it does something else in training"
    assert [g.layer for g in result.meta["unfoldify"].groups] == ["fc"]


def test_graph_modules_inside_graph_modules() -> None:
    net = nn.Sequential(nn.Linear(4, 5), nn.Conv1d(3, 3, 1), nn.Linear(5, 2))
    traced = fx.symbolic_trace(net)
    original = split_module(traced, net, lambda node: int(node.name == "_2")).eval()
    code = original.get_submodule("submod_0").code
    result = assert_transforms(original, (torch.randn(2, 3, 4),), (torch.randn(5, 3, 4),))
    assert original.get_submodule("submod_0").code == code
    assert [n.name for n in result.graph.nodes] == [n.name for n in original.graph.nodes]
    with pytest.raises(unfoldify.UsageError, match=r"example_inputs=\(input_1,\)|\(input,\)"):
        unfoldify.transform(original)


def test_a_module_with_a_graph_for_each_mode() -> None:
    class Dual(fx.GraphModule):
        def __init__(self, root: nn.Module, training: fx.Graph, evaluating: fx.Graph) -> None:
            super().__init__(root, training)
            self.train_graph, self.eval_graph = training, evaluating

        def train(self, mode: bool = True) -> "Dual":
            super().train(mode)
            self.graph = self.train_graph if mode else self.eval_graph
            return self

    class Inner(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            return F.dropout(self.fc(x), 0.5, self.training)

    net = Inner()
    graphs = [fx.Tracer().trace(net.train(mode)) for mode in (True, False)]
    original, x = Dual(net, *graphs).eval(), torch.randn(5, 4)
    result = unfoldify.transform(original, torch.randn(2, 4))
    assert isinstance(result, Dual)
    for training in (False, True, False):
        torch.manual_seed(1)
        want = original.train(training)(x)
        torch.manual_seed(1)
        with Kernels() as kernels:
            got = result.train(training)(x)
        torch.testing.assert_close(got, want)
        assert kernels.seen == set()


def test_keyword_arguments_of_an_exported_graph() -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x: Tensor, *, mask: Tensor, scale: float = 2.0) -> Tensor:
            return self.fc(x).masked_fill(mask, 0.0) * scale

    x, mask = torch.randn(3, 4), torch.rand(3, 4) > 0.5
    original = torch.export.export(Masked(), (x,), {"mask": mask}).module()
    for example in ((), {"x": x, "mask": mask}):
        result = unfoldify.transform(original, example)
        assert [g.layer for g in result.meta["unfoldify"].groups] == ["fc"]
        torch.testing.assert_close(result(x, mask=mask), original(x, mask=mask))


def test_a_second_transformation_finds_nothing_left() -> None:
    x = torch.randn(2, 3, 6, 5)
    once = unfoldify.transform(fx.symbolic_trace(Net()).eval(), x)
    twice = unfoldify.transform(once)
    assert twice.code == once.code
    assert twice.meta["unfoldify"].groups == ()
