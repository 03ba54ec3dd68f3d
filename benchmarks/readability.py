"""Lines and classes of what is written for the models of fixtures/golden, by this and other tools.

python benchmarks/readability.py [NAME ...]    the table, as markdown; pnnx where it is installed
"""

from __future__ import annotations

import ast
import re
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.goldens import GOLDEN, LAYOUTS, MODELS, example

Counts = tuple[int, int]  # lines and classes


def counted(text: str) -> Counts:
    """Lines that are not empty, and classes."""
    lines = [line for line in text.splitlines() if line.strip()]
    return len(lines), len(re.findall(r"^\s*class ", text, re.MULTILINE))


def original(path: Path, model: nn.Module) -> Counts:
    """The part of the user's file that is a model: its classes and functions."""
    source = path.read_text(encoding="utf-8")
    kept = [
        ast.get_source_segment(source, node) or ""
        for node in ast.parse(source).body
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not node.name.startswith("get_")
    ]
    return counted("\n".join(kept))


def by_fx(model: nn.Module, args: Any, kwargs: Any, folder: Path) -> str:
    """What torch.fx prints; it holds no constructor."""
    return torch.fx.symbolic_trace(model).code


def by_export(model: nn.Module, args: Any, kwargs: Any, folder: Path) -> str:
    """What torch.export and unflatten print: a module and a forward for every module's call."""
    program = torch.export.export(model.eval(), tuple(args), dict(kwargs))
    graphs = [
        part.graph
        for part in torch.export.unflatten(program).modules()
        if isinstance(getattr(part, "graph", None), torch.fx.Graph)
    ]
    modules = {id(graph): f"class Module:\n{graph.python_code('self').src}" for graph in graphs}
    return "\n".join(modules.values())


def by_pnnx(model: nn.Module, args: Any, kwargs: Any, folder: Path) -> str:
    import pnnx

    pnnx.export(model.eval(), str(folder / "model.pt"), tuple(args) or tuple(kwargs.values()))
    return (folder / "model_pnnx.py").read_text()


OTHERS: Mapping[str, Callable[..., str]] = {
    "torch.fx": by_fx,
    "export, unflatten": by_export,
    "pnnx": by_pnnx,
}


def by_another(tool: str, name: str) -> str:
    """`120 / 3`, or why there is nothing."""
    model, args, kwargs, _ = example(name)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return cell(counted(OTHERS[tool](model, args, kwargs, Path(folder))))
        except ImportError:
            return "not installed"
        except Exception as error:
            return f"fails ({type(error).__name__})"


def cell(counts: Counts) -> str:
    return f"{counts[0]} / {counts[1]}"


def main(names: list[str]) -> int:
    columns = ["original", *LAYOUTS, *OTHERS]
    print("| model |", " | ".join(columns), "|")
    print("|---" * (len(columns) + 1) + "|")
    for name in names or MODELS:
        model, _, _, path = example(name)
        row = [cell(original(path, model))]
        row += [cell(counted((GOLDEN / name / f"{each}.py").read_text())) for each in LAYOUTS]
        row += [by_another(tool, name) for tool in OTHERS]
        print(f"| {name} |", " | ".join(row), "|", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
