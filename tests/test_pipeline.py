"""The whole way of a model through the tool: what may be asked for, and what comes out."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import unfoldify
from unfoldify import errors
from unfoldify.rules import RULES, Rule

CONTRACTIONS = {
    "convolution", "_convolution", "mm", "bmm", "addmm", "baddbmm", "addbmm", "addmv", "mv", "dot", "linear",
    "matmul", "einsum", "scaled_dot_product_attention", "mkldnn_convolution", "_thnn_fused_lstm_cell",
}  # fmt: skip


class Net(nn.Module):
    """A convolution, a loop of linear layers, an attention and a product."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.blocks = nn.ModuleList([nn.Linear(8, 8) for _ in range(2)])
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        x = self.conv(x).flatten(2).transpose(1, 2)
        for block in self.blocks:
            x = x + block(x).relu()
        x = F.scaled_dot_product_attention(x, x, x)
        return self.head(x) @ self.head.weight


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return Net().eval()


@pytest.fixture
def image() -> torch.Tensor:
    return torch.randn(1, 3, 5, 5, generator=torch.Generator().manual_seed(0))


class Kernels(TorchDispatchMode):
    """Remembers the names of the kernels that run."""

    def __init__(self):
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.add(func._schema.name.removeprefix("aten::"))
        return func(*args, **(kwargs or {}))


def code(result: unfoldify.Result) -> str:
    """The file without its docstring, which tells how it came about."""
    return ast.unparse(ast.Module(ast.parse(result.source).body[1:], []))


def kernels(module: nn.Module, x: torch.Tensor) -> set[str]:
    with Kernels() as watch:
        module(x)
    return watch.names


def test_product_style_dispatches_no_contraction(model: nn.Module, image: torch.Tensor) -> None:
    result = unfoldify.unfoldify(model, image)
    assert kernels(model, image) & CONTRACTIONS  # the watch sees those of the original
    assert not kernels(result.module, image) & CONTRACTIONS
    torch.testing.assert_close(result.module(image), model(image))


def test_einsum_style_names_its_axes(model: nn.Module, image: torch.Tensor) -> None:
    result = unfoldify.unfoldify(model, image, style="einsum")
    assert "'b n i, o i -> b n o')" in code(result)
    assert "'... m n, n p -> ... m p')" in code(result)
    assert "F.conv2d" not in result.source


def test_torch_dialect_needs_no_einops(model: nn.Module, image: torch.Tensor) -> None:
    for style in ("product", "einsum"):
        result = unfoldify.unfoldify(model, image, style=style, dialect="torch")
        assert imported(result.source) <= {"torch"}
        assert "rearrange" not in code(result)


def imported(source: str) -> set[str]:
    """The packages that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


def test_imports_of_the_file(model: nn.Module, image: torch.Tensor) -> None:
    assert imported(unfoldify.unfoldify(model, image).source) == {"torch", "einops"}


@pytest.mark.parametrize("wildcard", ["blocks.*", "linear"])
def test_skip_leaves_layers_as_calls(model: nn.Module, image: torch.Tensor, wildcard: str) -> None:
    result = unfoldify.unfoldify(model, image, skip=[wildcard])
    assert "block(x)" in code(result)
    assert "self.conv(x)" not in code(result)
    assert ("self.head(x)" in code(result)) == (wildcard == "linear")


def test_only_rewrites_nothing_else(model: nn.Module, image: torch.Tensor) -> None:
    result = unfoldify.unfoldify(model, image, only=["head"])
    assert {row.name for row in result.report.layers} == {"head"}
    assert "self.conv(x)" in code(result)


def test_a_name_that_no_layer_has_is_told(model: nn.Module, image: torch.Tensor) -> None:
    result = unfoldify.unfoldify(model, image, only=["conv", "haed"], skip=["blocks.*"])
    assert result.report.unmatched == ("haed",)
    assert "--only, --skip: no layer and no kind is called haed" in str(result.report)
    assert "with some of its layers written out." in result.source
    result = unfoldify.unfoldify(model, image, skip=["recurrent"])  # a kind, whether here or not
    assert not result.report.unmatched
    assert "no layer and no kind" not in str(result.report)


def test_the_header_names_what_was_spelled_out(model: nn.Module, image: torch.Tensor) -> None:
    source = unfoldify.unfoldify(model, image).source
    first = source[: source.index("\n\n")].replace("\n", " ")
    assert first.endswith(
        "with every convolution, linear layer, attention and matrix product written out."
    )


def test_letters_of_the_users_equations_are_not_explained() -> None:
    class Net(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return torch.einsum("bkw,bkh->bwh", x, y)

    for layout in ("inline", "functions"):
        inputs = (torch.randn(2, 3, 4), torch.randn(2, 3, 5))
        source = unfoldify.unfoldify(Net(), inputs, layout=layout).source
        assert source.startswith('"""Net, with every einsum written out.\n\nLoads')


def test_also_spells_out_what_is_asked_for() -> None:
    model = nn.Sequential(nn.Conv1d(2, 3, 2), nn.MaxPool1d(2))
    x = torch.randn(1, 2, 9)
    assert "self[1](input)" in unfoldify.unfoldify(model, x).source
    result = unfoldify.unfoldify(model, x, also=["pooling"])
    assert "self[1](input)" not in result.source
    assert "pooling" in {row.kind for row in result.report.layers}


def test_a_product_too_large_becomes_an_einsum_that_says_why(
    model: nn.Module, image: torch.Tensor
) -> None:
    result = unfoldify.unfoldify(model, image, max_intermediate="4KiB")
    styles = {row.name: row.style for row in result.report.layers}
    assert styles["conv"] == "einsum"
    assert "einsum(" in code(result)
    line = next(row.reason for row in result.report.layers if row.name == "conv")
    assert line == "the product would take 21.1 KiB"
    assert line in result.source  # the reader of the file is told, too


def test_the_same_bytes_twice(model: nn.Module, image: torch.Tensor) -> None:
    first = unfoldify.unfoldify(model, image).source
    assert unfoldify.unfoldify(model, image).source == first


def test_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    """Nothing depends on the order of sets or on addresses."""
    script = (
        "import sys, torch, unfoldify; from torch import nn; torch.manual_seed(0);"
        "net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2));"
        "sys.stdout.write(unfoldify.unfoldify(net, torch.ones(2, 3)).source)"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parent.parent)},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


class Noise(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(40, 40)
        self.register_buffer("table", torch.randn(40, 40), persistent=False)

    def forward(self, x):
        return self.fc(x) * self.table


def test_constants_too_large_for_the_file_lie_beside_it(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model, x = Noise(), torch.randn(40, 40)
    result = unfoldify.unfoldify(model, x)
    result.save(tmp_path / "noise.py")
    assert {path.name for path in tmp_path.iterdir()} == {"noise.py", "noise.safetensors"}
    script = "import torch; from noise import Noise; torch.save(Noise().table, 'found.pt')"
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
    assert torch.equal(torch.load(tmp_path / "found.pt"), model.table)


def test_a_broken_rule_is_caught(
    model: nn.Module, image: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = RULES[F.linear]

    def broken(x, weight, bias=None, *, style="product"):
        return rule.function(x, weight, bias, style=style) * 1.000001

    rows = {**RULES, F.linear: Rule(broken, rule.kind, rule.describe)}
    monkeypatch.setattr("unfoldify.options.RULES", rows)
    with pytest.raises(unfoldify.VerificationError, match="Net: ") as failure:
        unfoldify.unfoldify(model, image)
    assert failure.value.exit_code == 1
    assert not failure.value.result.report.verification.ok
    unchecked = unfoldify.unfoldify(model, image, check=False)
    assert unchecked.report.verification is None


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"style": "loops"}, "style: wanted one of product, einsum, found 'loops'"),
        ({"dialect": "jax"}, "dialect: wanted one of einops, torch, found 'jax'"),
        ({"layout": "flat"}, "layout: wanted one of inline, functions, patch, found 'flat'"),
        ({"only": [3]}, "only, skip: wanted layer names or kinds"),
        ({"also": ["conv"]}, "also: wanted kinds among pooling, norm"),
    ],
)
def test_what_does_not_exist_is_refused(asked: dict[str, object], message: str) -> None:
    with pytest.raises(unfoldify.UsageError) as refusal:
        unfoldify.unfoldify(nn.Linear(2, 2), torch.ones(1, 2), **asked)
    assert str(refusal.value).startswith(message)


class Fails(nn.Module):
    def forward(self, x):
        raise ValueError("no such thing")


def test_a_model_that_does_not_run_names_its_line() -> None:
    with pytest.raises(unfoldify.UnfoldifyError) as refusal:
        unfoldify.unfoldify(Fails(), torch.ones(1))
    assert "test_pipeline.py" in str(refusal.value)
    assert '`raise ValueError("no such thing")`' in str(refusal.value)
    assert "ValueError: no such thing" in str(refusal.value)


def test_every_error_on_purpose_has_one_base() -> None:
    for error in (unfoldify.CaptureError, unfoldify.UsageError, unfoldify.LoadError):
        assert issubclass(error, unfoldify.UnfoldifyError)
    assert errors.CaptureError.exit_code == 3


class Dilated(nn.Module):
    """Its layer becomes a class of tensors alone: the numbers of its windows are arguments."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        conv = nn.Conv1d(4, 4, 7, dilation=dilation, padding=3 * dilation)
        self.conv = nn.utils.weight_norm(conv)

    def forward(self, x):
        return x + self.conv(x).tanh()


@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm`")
def test_the_text_is_the_one_that_was_verified() -> None:
    """Blocks that differ in one number, from which several others follow, share a class."""
    model = nn.Sequential(*(Dilated(dilation) for dilation in (1, 3, 9))).eval()
    model = nn.Sequential(model, *(Dilated(dilation) for dilation in (1, 3, 9))).eval()
    result = unfoldify.unfoldify(model, torch.randn(2, 4, 30))
    names: dict[str, type[nn.Module]] = {}
    exec(compile(result.source, "written", "exec"), names)  # type: ignore[arg-type]
    again = names["Sequential"]()
    again.load_state_dict(model.state_dict())
    x = torch.randn(3, 4, 41)
    torch.testing.assert_close(again.eval()(x), model(x))
