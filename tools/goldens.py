"""Writes fixtures/golden again: for models of different kinds the file in each layout, and the report.

python tools/goldens.py [NAME ...]
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import unfoldify  # noqa: E402  (of this checkout, wherever the command is run)
from unfoldify.loading.load import load  # noqa: E402
from unfoldify.loading.target import parse_target  # noqa: E402

FIXTURES = ROOT / "fixtures"
GOLDEN = FIXTURES / "golden"
LAYOUTS = ("inline", "functions", "patch")


@dataclass(frozen=True)
class Golden:
    """A shipped model; where it is large, a small one of its class, or a small input."""

    file: str
    build: Callable[[ModuleType], nn.Module] | None = None
    args: tuple[Any, ...] | None = None


def small_vit(module: ModuleType) -> nn.Module:
    sizes = {"image_size": 32, "patch_size": 8, "num_classes": 10, "dim": 48, "dim_head": 12}
    model: nn.Module = module.ViT(**sizes, depth=3, heads=4, mlp_dim=96)
    return model


def narrow_generator(module: ModuleType) -> nn.Module:
    vars(module)["ngf"] = 4
    model: nn.Module = module.Generator()
    return model


MODELS: Mapping[str, Golden] = {
    "residual_net": Golden("residual_net.py"),
    "gpt": Golden("tiny_gpt.py"),
    "vit": Golden("vit_b16.py", small_vit, (torch.zeros(2, 3, 32, 32),)),
    "swin": Golden("swin.py"),
    "unet": Golden("unet.py", args=(torch.zeros(1, 1, 32, 32),)),
    "mobilenet": Golden("mobilenet.py", args=(torch.zeros(2, 3, 32, 32),)),
    "dcgan": Golden("dcgan.py", narrow_generator, (torch.zeros(2, 100, 1, 1),)),
    "wavenet": Golden("wavenet.py"),
    "seq2seq": Golden("seq2seq.py"),
    "lstm_tagger": Golden("lstm_tagger.py"),
    "convnext": Golden("convnext.py"),
    "mamba": Golden("mamba.py"),
    "moe": Golden("moe.py"),
}


def example(name: str) -> tuple[nn.Module, tuple[Any, ...], dict[str, Any], Path]:
    """The model, what it is called with, and its file."""
    golden = MODELS[name]
    loaded = load(parse_target(str(FIXTURES / golden.file)))
    model, args, kwargs = loaded.model, loaded.args, loaded.kwargs
    torch.manual_seed(0)
    if golden.build is not None:
        model = golden.build(sys.modules[type(model).__module__])
    if golden.args is not None:
        args, kwargs = tuple(torch.randn_like(x) for x in golden.args), {}
    return model, args, kwargs, FIXTURES / golden.file


def written(name: str) -> Iterator[tuple[str, str]]:
    """(file name, text) of all that belongs to a model."""
    model, args, kwargs, path = example(name)
    for layout in LAYOUTS:
        result = unfoldify.unfoldify(model, args, kwargs, layout=layout, source_path=path)
        assert not result.constants, "a golden is one file"
        yield f"{layout}.py", result.source
        if layout == "inline":
            yield "report.txt", "\n".join(steady(str(result.report))) + "\n"


def steady(report: str) -> Iterator[str]:
    """The report's lines without what differs from machine to machine: how large an error is below
    its bound, and checks beyond the first of each mode, which a slow machine leaves out.
    """
    seen: set[tuple[str, ...]] = set()
    for line in report.splitlines():
        check = re.match(r"  (evaluation|training) +(float\d+)", line)
        if check is not None:
            if check.groups() in seen:
                continue
            seen.add(check.groups())
        bound = "<1e-4" if "float32" in line else "<1e-9"
        line = re.sub(r"\bequal(?=,|$)", f"within {bound}", line) if check else line
        text = re.sub(r"\b\de-\d\d\b", bound, line).replace("within <", "within ")
        yield re.sub(r"    0$", bound, text).rstrip()


def main(names: list[str]) -> int:
    warnings.simplefilter("ignore")
    for name in names or MODELS:
        folder = GOLDEN / name
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in written(name):
            (folder / file).write_text(text, encoding="utf-8")
        print(name, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
