"""A tensor as the shortest honest expression that makes it again, to the last bit.

>>> import torch
>>> from unfoldify.emit.format import format_expression
>>> found = constant_expression(torch.full((4, 4), -torch.inf).triu(1)[None])
>>> print(format_expression(found.ast))
torch.full((4, 4), float("-inf")).triu(diagonal=1)[None]
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

import torch
from torch import Tensor

from .search import spelled

__all__ = ["Expression", "constant_expression"]

_LARGEST = 1 << 27  # numbers; beyond this, even looking takes long


@dataclass(frozen=True)
class Expression:
    """An expression and the modules that it uses besides torch: `math`."""

    ast: ast.expr
    imports: frozenset[str]


def constant_expression(tensor: Tensor) -> Expression | None:
    """The shortest expression found that gives a tensor's values, dtype and shape; or None.

    Whatever is returned was run, under torch's own defaults, and compared bit by bit. The device
    and whether a gradient is required are not part of it. Tensors without values (meta, fake) or
    of another layout than the strided one have no expression.
    """
    if type(tensor) not in (Tensor, torch.nn.Parameter) or tensor.is_quantized:
        return None
    if tensor.layout != torch.strided or tensor.is_meta or tensor.numel() > _LARGEST:
        return None
    plain = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with torch.device("cpu"), torch.no_grad():
            text = spelled(plain)
    finally:
        torch.set_default_dtype(before)
    if text is None:
        return None
    found = ast.parse(text, mode="eval").body
    names = {node.id for node in ast.walk(found) if isinstance(node, ast.Name)}
    return Expression(found, frozenset(names & {"math"}))
