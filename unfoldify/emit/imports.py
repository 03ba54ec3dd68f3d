"""The imports of a file, and other names for them where an argument of the model has theirs."""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Iterator, Mapping, Sequence

from unfoldify.emit.lines import dotted

EINOPS = ("einsum", "pack", "rearrange", "reduce", "repeat", "unpack")
EINOPS_LAYERS = ("EinMix", "Rearrange", "Reduce")
# how a forward names what one of its arguments hides
OTHERS: Mapping[str, str] = {
    **{call: f"einops_{call}" for call in EINOPS},
    "torch": "torch_",
    "F": "functional",
    "math": "math_",
    "random": "random_",
}


def imports(text: str) -> str:
    """The imports that a text needs, sorted as isort would."""
    used = set(free_names(symtable.symtable(text, "file", "exec")))
    standard = [f"import {word}" for word in ("builtins", "json", "math", "random") if word in used]
    standard += [f"import {w} as {OTHERS[w]}" for w in ("math", "random") if OTHERS[w] in used]
    if "OrderedDict" in used:
        standard.append("from collections import OrderedDict")
    if "dataclass" in used:
        standard.append("from dataclasses import dataclass")
    if "CONSTANTS" in used:
        standard.append("from pathlib import Path")
    if "NamedTuple" in used:
        standard.append("from typing import NamedTuple")
    plain = [
        line
        for word, line in (
            ("torch", "import torch"),
            ("torch_", "import torch as torch_"),
            ("F", "import torch.nn.functional as F"),
            ("functional", "import torch.nn.functional as functional"),
        )
        if word in used
    ]
    calls = [call for call in EINOPS if call in used]
    layers = [layer for layer in EINOPS_LAYERS if layer in used]
    plain += [f"from einops import {', '.join(calls)}"] if calls else []
    plain += [f"from einops import {c} as {OTHERS[c]}" for c in EINOPS if OTHERS[c] in used]
    plain += [f"from einops.layers.torch import {', '.join(layers)}"] if layers else []
    plain += ["from torch import nn"] if "nn" in used else []
    return "\n\n".join("\n".join(block) for block in (standard, plain) if block)


def free_names(table: symtable.SymbolTable) -> Iterator[str]:
    """The names that a file reads and that no function of it sets for itself."""
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (symbol.is_global() or table.get_type() == "module"):
            yield symbol.get_name()
    for inner in table.get_children():
        yield from free_names(inner)


def unhidden(lines: Sequence[ast.stmt], arguments: Mapping[str, str]) -> list[ast.stmt]:
    """Lines in which arguments have their own names again (`rearrange_` → `rearrange`), and what
    these hide another one.
    """
    hidden = {own: OTHERS.get(own, own) for own in arguments.values()}
    hidden |= {own: f"builtins.{own}" for own in hidden if own in dir(builtins)}

    class Rename(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            if node.id in arguments:
                return ast.Name(arguments[node.id], node.ctx)
            return dotted(hidden[node.id]) if node.id in hidden else node

    return [Rename().visit(line) for line in lines]
