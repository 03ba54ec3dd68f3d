"""The patch layout: the user's own file, only what computes a contraction changed."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import textwrap
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from unfoldify.emit.build import save
from unfoldify.emit.patch.patch import Patched, patched
from unfoldify.errors import UsageError
from unfoldify.loading.load import load
from unfoldify.loading.target import parse_target
from unfoldify.options import Options
from unfoldify.verification.verify import verify

NUMBERS = count()
HEAD = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n\n\n"
EINOPS_HEAD = HEAD.replace(
    "from torch import nn", "from einops import rearrange\nfrom torch import nn"
)
KERNELS = {"mm", "bmm", "addmm", "baddbmm", "mv", "dot", "convolution", "linear", "einsum"}
BOTH = (False, True)


class Kernels(TorchDispatchMode):
    """Notes the contractions that torch computes itself."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.split("::")[-1]
        if name in KERNELS or "convolution" in name or "attention" in name:
            self.seen.add(name)
        return func(*args, **(kwargs or {}))


def imported(path: Path) -> ModuleType:
    name = f"patch_test_{next(NUMBERS)}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def patch(tmp_path: Path) -> Callable[..., tuple[Patched, nn.Module]]:
    """`patch(source, *inputs)` → the patched file, and the model that it was patched for."""

    def run(source: str | bytes, *args: Any, **options: Any) -> tuple[Patched, nn.Module]:
        path = tmp_path / f"model{next(NUMBERS)}.py"
        path.write_bytes(source if isinstance(source, bytes) else source.encode())
        torch.manual_seed(0)
        model: nn.Module = imported(path).Net()
        return patched(model, args, {}, BOTH, Options(layout="patch", **options), path), model

    return run


def check(result: Patched, model: nn.Module, *args: Any, style: str = "product") -> nn.Module:
    """The patched file computes what the original does, and by products and sums."""
    module = result.module(model)
    module.load_state_dict(model.state_dict(), strict=True)
    verification = verify(model, module, args, variants=())
    assert verification.ok, f"{verification.first_difference}\n{result.source}"
    if style == "product":
        with Kernels() as kernels:
            module(*args)
        assert not kernels.seen, result.source
    return module


def net(init: str, forward: str, arguments: str = "", names: str = "x") -> str:
    """A file with one class."""
    body = textwrap.indent(textwrap.dedent(init).strip(), " " * 8)
    lines = textwrap.indent(textwrap.dedent(forward).strip(), " " * 8)
    constructor = f"    def __init__(self{arguments}):\n        super().__init__()\n{body}\n\n"
    return f"class Net(nn.Module):\n{constructor}    def forward(self, {names}):\n{lines}\n"


# -- before and after ------------------------------------------------------------------------------


def changed(
    patch: Any, init: str, before: str, after: str, *args: torch.Tensor, arguments: str = ""
) -> None:
    """The forward `before` comes back as `after`, the rest as it was."""
    result, model = patch(HEAD + net(init, before, arguments), *args)
    assert result.source == EINOPS_HEAD + net(init, after, arguments)
    check(result, model, *args)


def test_a_layer_that_is_all_of_a_return(patch: Any) -> None:
    changed(
        patch,
        "self.fc = nn.Linear(4, 3)",
        "return self.fc(x)",
        """
        # fc
        w = rearrange(self.fc.weight, "o i -> i o")
        x = (rearrange(x, "b i -> b i 1") * w).sum(dim=-2)  # over i
        return x + self.fc.bias
        """,
        torch.randn(2, 4),
    )


def test_a_layer_inside_an_expression(patch: Any) -> None:
    changed(
        patch,
        "self.fc = nn.Linear(4, 4, bias=False)",
        """
        y = x.relu()
        y = y + torch.tanh(self.fc(x))  # the residual
        return y
        """,
        """
        y = x.relu()

        # fc
        w = rearrange(self.fc.weight, "o i -> i o")
        fc = (rearrange(x, "b i -> b i 1") * w).sum(dim=-2)  # over i

        y = y + torch.tanh(fc)  # the residual
        return y
        """,
        torch.randn(2, 4),
    )


def test_numbers_that_the_constructor_decides_are_read_from_the_layer(patch: Any) -> None:
    changed(
        patch,
        "self.conv = nn.Conv2d(3, 4, 3, stride, padding=1)",
        "return self.conv(x).relu()",
        """
        # conv: 3x3, padding 1
        x = F.pad(x, (1, 1, 1, 1))
        x = x.unfold(2, 3, self.conv.stride[0]).unfold(3, 3, self.conv.stride[1])
        x = rearrange(x, "b c_in h_out w_out kh kw -> b 1 c_in h_out w_out kh kw")
        w = rearrange(self.conv.weight, "c_out c_in kh kw -> c_out c_in 1 1 kh kw")
        x = (x * w).sum(dim=(2, 5, 6))  # over c_in, kh, kw
        x = x + rearrange(self.conv.bias, "c_out -> c_out 1 1")

        return x.relu()
        """,
        torch.randn(2, 3, 6, 7),
        arguments=", stride=2",
    )


def test_a_bias_that_the_constructor_decides_is_asked_for(patch: Any) -> None:
    changed(
        patch,
        "self.fc = nn.Linear(4, 4, bias=bias)",
        """
        x = self.fc(x)  # projected
        return x
        """,
        """
        # fc
        w = rearrange(self.fc.weight, "o i -> i o")
        x = (rearrange(x, "b i -> b i 1") * w).sum(dim=-2)  # over i
        if self.fc.bias is not None:
            x = x + self.fc.bias  # projected

        return x
        """,
        torch.randn(2, 4),
        arguments=", bias=True",
    )


def test_operators_and_attention(patch: Any) -> None:
    changed(
        patch,
        "self.scale = 0.3",
        """
        scores = (x @ x.transpose(1, 2)) * self.scale
        return scores @ x
        """,
        """
        # matmul
        a = rearrange(x, "b m n -> b m n 1")
        b = rearrange(x.transpose(1, 2), "b n p -> b 1 n p")
        scores = (a * b).sum(dim=-2)  # over n

        scores = scores * self.scale

        # matmul
        a = rearrange(scores, "b m n -> b m n 1")
        b = rearrange(x, "b n p -> b 1 n p")
        return (a * b).sum(dim=-2)  # over n
        """,
        torch.randn(2, 5, 4),
    )


def test_a_sequential_that_is_written_out(patch: Any) -> None:
    changed(
        patch,
        "self.mlp = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 4, bias=False))",
        "return x + self.mlp(x)",
        """
        # mlp.0
        w = rearrange(self.mlp[0].weight, "o i -> i o")
        mlp = (rearrange(x, "b i -> b i 1") * w).sum(dim=-2)  # over i
        mlp = mlp + self.mlp[0].bias

        mlp = self.mlp[1](mlp)

        # mlp.2
        w = rearrange(self.mlp[2].weight, "o i -> i o")
        mlp = (rearrange(mlp, "b i -> b i 1") * w).sum(dim=-2)  # over i

        return x + mlp
        """,
        torch.randn(2, 4),
    )


# -- nothing else changes --------------------------------------------------------------------------

QUIET = net("self.norm = nn.LayerNorm(4)", "return self.norm(x)   # spaces").replace(
    "spaces", "spaces   "
)


@pytest.mark.parametrize(
    "source",
    [
        (HEAD + QUIET).encode(),
        (HEAD + QUIET).replace("\n", "\r\n").encode(),
        (HEAD + QUIET).replace("        ", "\t\t").replace("    ", "\t").encode(),
        b"\xef\xbb\xbf" + (HEAD + QUIET).encode(),
        ("# -*- coding: latin-1 -*-\n# Übergröße\n" + HEAD + QUIET).encode("latin-1"),
        (HEAD + QUIET.rstrip("\n")).encode(),
    ],
    ids=["plain", "crlf", "tabs", "bom", "latin-1", "no-newline"],
)
def test_a_file_without_contractions_comes_back_byte_for_byte(
    patch: Any, source: bytes, tmp_path: Path
) -> None:
    result, _ = patch(source, torch.randn(2, 4))
    save(result.source, {}, tmp_path / "saved.py")
    assert (tmp_path / "saved.py").read_bytes() == source


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_line_ends_and_tabs_are_the_files_own(patch: Any, newline: str) -> None:
    source = HEAD + net("self.fc = nn.Linear(4, 4, bias=b)", "x = self.fc(x)\nreturn x", ", b=True")
    source = (
        source.replace("        ", "\t\t").replace("    ", "\t").replace("return x", "return x  ")
    )
    source = source.replace("\n", newline)
    result, model = patch(source.encode(), torch.randn(2, 4))
    assert result.source.replace(newline, "").count("\n") == 0
    assert f"\t\t\tx = x + self.fc.bias{newline}" in result.source
    assert f"\t\treturn x  {newline}" in result.source
    check(result, model, torch.randn(2, 4))


def test_imports_that_are_there_are_used(patch: Any) -> None:
    names = "from einops import rearrange as r\nfrom torch import nn\nfrom torch.nn import functional as nnf"
    head = f"import torch\n{names}\n\n\n"
    source = head + net("self.conv = nn.Conv1d(3, 4, 3, padding=1)", "return self.conv(x)")
    result, model = patch(source, torch.randn(2, 3, 9))
    assert result.source.startswith(head)
    assert "nnf.pad(x" in result.source
    assert "= r(x" in result.source
    check(result, model, torch.randn(2, 3, 9))


# -- other ways to build the model -----------------------------------------------------------------

LAYERS = """
self.a = nn.Conv2d(4, 4, k, stride=s, padding=p)
self.b = nn.Conv2d(4, 4, k, s, p, dilation=d, groups=g, bias=bias)
self.c = nn.Conv2d(4, 4, 3, 1, 1, padding_mode=mode)
self.t = nn.ConvTranspose2d(4, 4, k, s, p, groups=g)
self.fc = nn.Linear(width, 5, bias=bias)
self.chain = nn.Sequential(*[nn.Linear(5, 5) for _ in range(depth)], nn.ReLU())
self.each = nn.ModuleList([nn.Conv2d(4, 4, n, padding=n // 2) for n in range(1, 2 * depth, 2)])
self.skip = nn.Conv2d(4, 4, 1) if g > 1 else nn.Identity()
"""
ARGUMENTS = ', k=3, s=1, p=1, d=1, g=1, bias=True, mode="zeros", width=9, depth=2'
FORWARD = """
x = self.t(self.c(self.b(self.a(x)))) + self.skip(x).mean()
for layer in self.each:
    x = F.relu(layer(x))
return self.chain(self.fc(x[..., :width_of(self.fc)]))
"""


@pytest.mark.parametrize(
    "arguments",
    [
        {"k": 1, "p": 0},
        {"s": 2, "p": 2, "width": 3},
        {"k": (3, 1), "p": (0, 1), "g": 2, "width": 7},
        {"k": 2, "d": 2, "bias": False, "width": 5},
        {"mode": "circular", "depth": 4},
        {"depth": 1},
    ],
    ids=str,
)
def test_other_arguments_still_work(tmp_path: Path, arguments: dict[str, Any]) -> None:
    source = (
        HEAD
        + "def width_of(layer):\n    return layer.in_features\n\n\n"
        + net(LAYERS, FORWARD, ARGUMENTS)
    )
    path = tmp_path / "model.py"
    path.write_text(source)
    module = imported(path)
    model, x = module.Net(), torch.randn(2, 4, 9, 9)
    result = patched(model, [x], {}, BOTH, Options(layout="patch"), path)
    check(result, model, x)
    (tmp_path / "patched.py").write_text(result.source)
    original, other = (
        module.Net(**arguments).double(),
        imported(tmp_path / "patched.py").Net(**arguments).double(),
    )
    other.load_state_dict(original.state_dict(), strict=True)
    x = torch.randn(3, 4, 11, 12, dtype=torch.float64)
    torch.testing.assert_close(other(x), original(x), rtol=1e-11, atol=1e-11)


# -- wherever a call may stand ---------------------------------------------------------------------

PLACES = {
    "a conditional expression": "return self.fc(x) if x.sum() < 1e9 else self.other(x)",
    "a comprehension": "return sum([self.fc(t) for t in (x, x + 1)])",
    "a lambda": "f = lambda t: self.fc(t) + 1\nreturn f(x)",
    "and, or": "return (x.sum() < 1e9 and self.fc(x)) + (None or self.other(x))",
    "the test of a loop": "while self.fc(x).sum() > 1e9:\n    x = x - 1\nreturn self.other(x)",
    "if, elif": (
        "if self.fc(x).sum() > 9e9:\n    x = -x\nelif self.other(x).sum() > 9e9:\n    x = x + 2\nreturn x"
    ),
    "one line": "if True: x = self.fc(x); y = self.other(x)\nreturn y",
    "an inner function": "def inner(t):\n    return self.fc(t)\nreturn inner(x)",
    "a walrus": "if (y := self.fc(x)) is not None:\n    return y + self.other(y)",
    "what is looped over": "for t in self.fc(x).unbind(0):\n    x = x + t\nreturn x",
    "an attribute": "self.seen = self.fc(x)\nreturn self.seen + x",
    "two targets": "a = b = self.fc(x)\nc: torch.Tensor = self.other(a)\nreturn b + c",
    "an augmented assignment": "x = x + 1\nx += self.fc(x)\nx *= self.other(x)\nreturn x",
    "try": "try:\n    x = torch.tanh(self.fc(x))\nexcept ValueError:\n    pass\nreturn x",
    "an item of a dictionary": 'return {"a": self.fc(x), "b": [self.other(x), x]}',
    "keywords": "return self.fc(input=x) + self.other(x)",
    "spread arguments": "args = [x]\nreturn self.fc(*args)",
    "an attribute by its name": 'return getattr(self, "fc")(x) + self.other.forward(x)',
    "the names of a tuple": "w, b = x.shape\nrearrange = 2\nreturn self.fc(x) * w * b * rearrange",
}


@pytest.mark.parametrize("forward", PLACES.values(), ids=PLACES)
def test_places(patch: Any, forward: str) -> None:
    init = "self.fc = nn.Linear(4, 4)\nself.other = nn.Linear(4, 4)"
    x = torch.randn(2, 4)
    check(*patch(HEAD + net(init, forward), x), x)


def test_changes_in_place_and_random_numbers_keep_their_order(patch: Any) -> None:
    init = """
    self.relu = nn.ReLU(inplace=True)
    self.fc = nn.Linear(4, 4)
    self.first, self.second = nn.Dropout(0.5), nn.Dropout(0.5)
    """
    forward = """
    x = x * 1.0
    y = self.relu(x) + self.fc(x)
    z = self.first(y) + self.fc(self.second(y))
    return z * 2 + self.fc(z.tanh_()) + self.fc(self.second(z)) * self.first(z)
    """
    x = torch.randn(2, 4)
    check(*patch(HEAD + net(init, forward), x), x)


def test_functions_of_the_users_keep_their_names(patch: Any) -> None:
    functions = "def linear(x):\n    return x + 1\n\n\ndef apply(x):\n    return linear(x)\n\n\n"
    init = "self.fc = nn.Linear(4, 4)\nself.chain = nn.Sequential(*[nn.Linear(4, 4)])"
    x = torch.randn(2, 4)
    result, model = patch(
        HEAD + functions + net(init, "return apply(self.chain([self.fc(t) for t in [x]][0]))"), x
    )
    assert "return apply(apply_layer(self.chain, [linear_layer(t, " in result.source
    check(result, model, x)


# -- layers of several contractions ----------------------------------------------------------------

WHOLE = {
    "attention": (
        """
        self.attn = nn.MultiheadAttention(8, 2, batch_first=True)
        self.cross = nn.MultiheadAttention(8, 2, kdim=4, vdim=4, add_bias_kv=True, add_zero_attn=True)
        """,
        """
        a, w = self.attn(x, x, x)
        b = self.attn(x, x, x, need_weights=False)[0]
        mask = torch.zeros(5, 7, dtype=torch.bool).triu(1)
        c, _ = self.cross(a.transpose(0, 1), y, y, attn_mask=mask)
        return a + b + c.transpose(0, 1), w
        """,
        ((2, 5, 8), (7, 2, 4)),
    ),
    "recurrent": (
        """
        self.lstm = nn.LSTM(4, 6, 2, bidirectional=True, proj_size=3, dropout=0.2)
        self.gru = nn.GRU(6, 5, batch_first=True, bias=False)
        self.rnn = nn.RNN(5, 4, nonlinearity="relu")
        self.cell, self.lstm_cell = nn.GRUCell(4, 4), nn.LSTMCell(4, 4)
        """,
        """
        x, (h, c) = self.lstm(x)
        x, s = self.rnn(self.gru(x)[0])
        y = self.lstm_cell(self.cell(x[1], self.cell(y)))
        return x, s, h, c, y, self.gru(x.repeat(1, 1, 2)[:, 0, :6])
        """,
        ((5, 3, 4), (3, 4)),
    ),
    "transformer": (
        """
        layer = nn.TransformerEncoderLayer(8, 2, 16, norm_first=True, activation="gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.decoder = nn.TransformerDecoderLayer(8, 2, 16, batch_first=True)
        """,
        "return self.decoder(y, self.encoder(x))",
        ((2, 5, 8), (2, 4, 8)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", WHOLE)
def test_layers_of_several_contractions(patch: Any, kind: str) -> None:
    init, forward, shapes = WHOLE[kind]
    inputs = [torch.randn(shape) for shape in shapes]
    check(*patch(HEAD + net(init, forward, names="x, y"), *inputs), *inputs)


def test_classes_derived_from_layers_and_closures(patch: Any) -> None:
    classes = """
class Causal(nn.Conv1d):
    def forward(self, x):
        return super().forward(F.pad(x, (2, 0)))


class Standardized(nn.Conv1d):
    def forward(self, x):
        return self._conv_forward(x, self.weight - self.weight.mean(), self.bias)


def make(width):
    class Inner(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(width, width)

        def forward(self, x):
            return self.fc(x) + width

    return Inner()


"""
    init = """
    self.a, self.b = Causal(4, 4, 3), Standardized(4, 4, 3, padding=1)
    self.inner = make(8)
    parts = self.parts = nn.ModuleDict({"fc": nn.Linear(8, 8), "act": nn.GELU()})
    self.f = lambda x: parts.act(parts.fc(x))
    """
    x = torch.randn(2, 4, 8)
    check(
        *patch(
            HEAD + classes.lstrip("\n") + net(init, "return self.f(self.inner(self.b(self.a(x))))"),
            x,
        ),
        x,
    )


@pytest.mark.parametrize("style", ["product", "einsum"])
def test_styles(patch: Any, style: str) -> None:
    init = (
        "self.conv = nn.Conv2d(4, 4, k, groups=g)\nself.chain = nn.Sequential(*[nn.Linear(6, 5)])"
    )
    source = HEAD + net(init, "return self.chain(self.conv(x) @ x[:, :, 2:, :6])", ", k=3, g=2")
    x = torch.randn(2, 4, 8, 8)
    result, model = patch(source, x, style=style)
    assert ("einsum(" in result.source) == (style == "einsum")
    check(result, model, x, style=style)


@pytest.mark.parametrize("style", ["product", "einsum"])
def test_the_torch_dialect_needs_no_einops(patch: Any, style: str) -> None:
    init = (
        "self.conv = nn.Conv2d(4, 4, k, groups=g)\nself.chain = nn.Sequential(*[nn.Linear(6, 5)])"
    )
    forward = (
        "y = [self.chain(t) for t in (x[..., 2:],)][0]\nreturn self.conv(x) @ y.transpose(2, 3)"
    )
    init += "\nself.both, self.up = nn.Bilinear(6, 6, 3), nn.ConvTranspose2d(4, 4, k, 2, groups=g)"
    forward = forward.replace(
        "return", "z = self.both(x[..., 2:], x[..., 2:]), self.up(x)\nreturn z,"
    )
    x = torch.randn(2, 4, 8, 8)
    source = HEAD + net(
        init, forward.replace("[..., 2:],)][0]", "[..., 2:],)][0][..., :3]"), ", k=3, g=2"
    )
    source = source.replace(
        "self.conv(x) @ y.transpose(2, 3)", "self.conv(x)[..., :3] @ y.transpose(2, 3)"
    )
    result, model = patch(source, x, dialect="torch", style=style)
    assert "einops" not in result.source
    check(result, model, x, style=style)


# -- what cannot be patched ------------------------------------------------------------------------


def test_a_class_of_another_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "patch_blocks.py").write_text(
        HEAD + net("self.fc = nn.Linear(4, 4)", "return self.fc(x)")
    )
    source = (
        "import patch_blocks\n"
        + HEAD
        + net("self.block = patch_blocks.Net()", "return self.block(x)")
    )
    path = tmp_path / "patch_user.py"
    path.write_text(source.replace("class Net", "class User"))
    model = imported(path).User()
    with pytest.raises(UsageError) as error:
        patched(model, [torch.randn(2, 4)], {}, BOTH, Options(layout="patch"), path)
    assert str(error.value) == (
        "patch_blocks.py:12: Net computes linear, and --layout patch changes patch_user.py alone "
        "(Net in patch_blocks.py).\nUse --layout inline, or move Net into patch_user.py."
    )


def test_a_model_that_torch_alone_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "patch_alone.py"
    path.write_text(HEAD + "Net = nn.Sequential(nn.Linear(4, 4), nn.ReLU())\n")
    with pytest.raises(UsageError) as error:
        patched(imported(path).Net, [torch.randn(2, 4)], {}, BOTH, Options(layout="patch"), path)
    assert str(error.value) == (
        "patch_alone.py: torch calls the layers of Sequential, no forward of the file does: there is "
        "nothing to patch.\nUse --layout inline."
    )


def test_a_model_without_a_file() -> None:
    with pytest.raises(UsageError) as error:
        patched(nn.Linear(4, 4), [torch.randn(2, 4)], {}, BOTH, Options(layout="patch"))
    assert str(error.value) == (
        "layout='patch': Linear has no source file that could be patched.\n"
        "Define it in a file, or use layout='inline'."
    )


@pytest.mark.parametrize(
    ("init", "forward", "reason"),
    [
        (
            "self.fc = nn.Linear(4, 4)\nself.fc.register_forward_hook(lambda m, i, o: o * 2)",
            "return self.fc(x)",
            "the layer has hooks, which would not run",
        ),
        (
            "self.fc = nn.Linear(4, 4)",
            "return sum(map(self.fc, [x]))",
            "`sum` calls the layer, which is not called itself",
        ),
    ],
)
def test_calls_that_stay_say_why(patch: Any, init: str, forward: str, reason: str) -> None:
    source = HEAD + net(init, forward)
    result, _ = patch(source, torch.randn(2, 4))
    assert result.source == source
    assert [(each.layer, each.reason) for each in result.left] == [("fc", reason)]


# -- the library and the shipped models ------------------------------------------------------------

SHIPPED = sorted((Path(__file__).parents[2] / "fixtures").glob("*.py"))
LARGE = {
    "gpt2",
    "resnet50",
    "vit_b16",
    "unet",
    "dcgan",
    "mobilenet",
    "wavenet",
    "swin",
    "conv3d_net",
}


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(p, id=p.stem, marks=[pytest.mark.slow] if p.stem in LARGE else [])
        for p in SHIPPED
    ],
)
def test_shipped_models(path: Path) -> None:
    loaded = load(parse_target(str(path)))
    options = Options(layout="patch", max_intermediate=1 << (24 if path.stem in LARGE else 30))
    result = patched(loaded.model, loaded.args, loaded.kwargs, BOTH, options, path)
    assert not result.left
    original = path.read_text().splitlines()
    kept = [line for line in original if line in result.source.splitlines()]
    assert len(kept) >= 0.7 * len(original)
    training = path.stem not in LARGE
    module = result.module(loaded.model)
    verification = verify(
        loaded.model,
        module,
        loaded.args,
        loaded.kwargs,
        variants=(),
        training=training,
        max_seconds=30,
    )
    assert verification.ok, verification.first_difference
    assert inspect.getsource(type(loaded.model)) in path.read_text()
