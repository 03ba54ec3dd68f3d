"""The shipped models, by one command each: verified, alone in the world, and within their means."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.shipped_models import FIXTURES, measure
from unfoldify.cli import main

QUICK = ["residual_net", "tiny_gpt", "matmul_model", "conv_norm_model"]
LARGE = ["resnet50", "gpt2", "vit_b16", "unet"]
SMALL = sorted({file.stem for file in FIXTURES.glob("*.py")} - {*QUICK, *LARGE})

ALONE = '''
import sys
import torch
from importlib import import_module
from torch.utils._python_dispatch import TorchDispatchMode

KERNELS = ("conv", "mm", "bmm", "addmm", "baddbmm", "linear", "attention", "einsum", "bilinear")


class Watch(TorchDispatchMode):
    """Remembers the names of the kernels that ran."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.add(func._schema.name.removeprefix("aten::").strip("_"))
        return func(*args, **(kwargs or {}))


style, original_folder, name, written = sys.argv[1:]
sys.path.insert(0, written)
torch.manual_seed(0)
emitted_file = import_module(f"{name}_unfolded")
packages = {module.partition(".")[0] for module in sys.modules}
assert not packages & {"unfoldify", "safetensors", "rich"}, packages

sys.path.insert(0, original_folder)
from unfoldify.loading.load import load
from unfoldify.loading.target import parse_target

loaded = load(parse_target(f"{original_folder}/{name}.py"))
original = loaded.model.double().eval()
torch.manual_seed(0)
emitted = getattr(emitted_file, type(original).__name__)().double().eval()
assert list(emitted.state_dict()) == list(original.state_dict())
emitted.load_state_dict(original.state_dict(), strict=True)


def double(x):
    return x.double() if isinstance(x, torch.Tensor) and x.is_floating_point() else x


args = [double(x) for x in loaded.args]
kwargs = {name: double(x) for name, x in loaded.kwargs.items()}
with torch.no_grad():
    wanted = original(*args, **kwargs)
    with Watch() as watch:
        found = emitted(*args, **kwargs)
torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)
if style == "product":
    contractions = {n for n in watch.names if any(n == k or k in n.split("_") for k in KERNELS)}
    assert not contractions, contractions
'''


def check_written_file(name: str, style: str, folder: Path) -> None:
    """In a process of its own and another folder, it equals the original."""
    subprocess.run(
        [sys.executable, "-c", ALONE, style, str(FIXTURES), name, str(folder)],
        check=True,
        cwd=folder.parent,
    )


@pytest.mark.parametrize("style", ["product", "einsum"])
@pytest.mark.parametrize(
    "name", [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SMALL)]
)
def test_small_models(name: str, style: str, tmp_path: Path) -> None:
    (folder := tmp_path / "written").mkdir()
    command = [f"{FIXTURES / name}.py", "--style", style, "-o", str(folder), "--quiet"]
    assert main(command) == 0
    check_written_file(name, style, folder)


@pytest.mark.slow
@pytest.mark.parametrize("style", ["product", "einsum"])
@pytest.mark.parametrize("name", LARGE)
def test_large_models_within_their_means(name: str, style: str) -> None:
    measured = measure(FIXTURES / f"{name}.py", "--style", style)
    assert measured.code == 0, measured.words
    assert measured.peak_bytes < 8 * 2**30
    assert measured.cpu_seconds < 2 * 120  # two minutes on two cores
