"""Functions of the library in the torch dialect: einops' calls as methods of tensors."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache
from typing import Any

import einops
import torch
from einops.parsing import ParsedExpression
from torch import fx, nn

from unfoldify.emit.expressions import Expressions
from unfoldify.emit.format import format_expression
from unfoldify.lowering.dialect import speak_torch
from unfoldify.recording.values import describe
from unfoldify.rules.dialect_torch import _lettered as lettered

SIZE = 2  # of every axis, where one has to be known to run a call


def in_torch(text: str) -> str:
    """A function without einops; each pattern stays as a comment above its line."""
    while (call := next(einops_calls(text), None)) is not None:
        lines = text.splitlines(keepends=True)
        pattern = str(pattern_of(call))
        start, end = place(lines, call.lineno, call.col_offset), place(lines, *ends(call))
        line = lines[call.lineno - 1]
        indent = line[: len(line) - len(line.lstrip())]
        above = sum(map(len, lines[: call.lineno - 1]))
        comment = f"{indent}# {pattern}\n" if line.lstrip()[:1] not in ")]" else ""
        text = text[:above] + comment + text[above:start] + translated(call) + text[end:]
    return text


def einops_calls(text: str) -> Any:
    """The calls of einops, the innermost first."""
    found = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("rearrange", "einsum")
    ]
    return iter(sorted(found, key=lambda node: (node.end_lineno or 0, node.end_col_offset or 0)))


def pattern_of(call: ast.Call) -> Any:
    return next(a.value for a in call.args if isinstance(a, ast.Constant) and "->" in str(a.value))


def ends(node: ast.expr) -> tuple[int, int]:
    return node.end_lineno or 0, node.end_col_offset or 0


def place(lines: list[str], line: int, column: int) -> int:
    return sum(map(len, lines[: line - 1])) + column


def translated(call: ast.Call) -> str:
    """One call in torch's words."""
    pattern = str(pattern_of(call))
    tensors = [ast.unparse(arg) for arg in call.args if not isinstance(arg, ast.Constant)]
    if isinstance(call.func, ast.Name) and call.func.id == "einsum":
        return f'torch.einsum("{equation(pattern)}", {", ".join(tensors)})'
    if "..." in pattern:
        return f"{tensors[0]}{inserted(pattern)}"
    sizes = {str(keyword.arg): ast.unparse(keyword.value) for keyword in call.keywords}
    fill = {"tensor": tensors[0], **{f"size_{name}": text for name, text in sizes.items()}}
    return filled(methods(pattern, tuple(sizes)), fill)


def equation(pattern: str) -> str:
    """`w c, b c -> b w` → "wc,bc->bw\""""
    letters: dict[str, str] = {}
    operands, result = pattern.split("->")
    terms = [lettered(term, letters) for term in operands.split(",")]
    return ",".join(terms) + "->" + lettered(result, letters)


def inserted(pattern: str) -> str:
    """`... i -> ... i 1` as `.unsqueeze(-1)`: where the result has ones that the operand has not."""
    right = pattern.split("->")[1].split()
    at = [index - len(right) for index, axis in enumerate(right) if axis == "1"]
    return "".join(f".unsqueeze({index})" for index in reversed(at))


@cache
def methods(pattern: str, names: tuple[str, ...]) -> str:
    """A pattern's calls on `tensor`, its sizes as `size_g`."""
    graph = fx.Graph()
    node = graph.placeholder("tensor")
    node.meta["val"] = describe(torch.empty(shape_of(pattern), device="meta"))
    sizes: dict[str, Any] = {}
    for name in names:
        sizes[name] = graph.placeholder(f"size_{name}")
        sizes[name].meta["value"] = SIZE
    result = graph.call_function(einops.rearrange, (node, pattern), sizes)
    example = torch.empty(shape_of(pattern))
    result.meta["val"] = describe(einops.rearrange(example, pattern, **dict.fromkeys(names, SIZE)))
    output = graph.output(result)
    speak_torch(graph)
    labels = {n: str(n.target) for n in graph.nodes if n.op == "placeholder"}
    return format_expression(Expressions(nn.Module(), labels).value(output.args[0]))


def shape_of(pattern: str) -> tuple[int, ...]:
    """A shape that a pattern fits, every axis of it of one size."""
    composition = ParsedExpression(pattern.split("->")[0]).composition
    return tuple(SIZE ** len(group) for group in composition)


def filled(text: str, words: Mapping[str, str]) -> str:
    """An expression with others in the places of names."""

    class Fill(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return ast.parse(words[node.id], mode="eval").body if node.id in words else node

    return format_expression(Fill().visit(ast.parse(text, mode="eval").body))
