"""Arrays that a forward returns: `scores.detach().cpu().numpy()`.

An array that a tensor hands out, and that is returned as it is, is that call. What numpy makes of
it no mode of torch sees, and an array shares the tensor's memory: the call may stand where the
array is returned.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from unfoldify.errors import CaptureError
from unfoldify.recording.source import Position, parsed, site, users_place


@dataclass(frozen=True)
class Handed:
    """An array, the tensor that handed it out, and the line that asked for it."""

    array: Any
    tensor: Tensor
    arguments: Mapping[str, Any]  # of `.numpy(force=True)`
    positions: tuple[Position, ...]


def is_of_numpy(value: Any) -> bool:
    """An array, or one of numpy's numbers that are none of Python's."""
    return type(value).__module__ == "numpy" and not isinstance(value, (bool, int, float, complex))


def handed(name: str, result: Any, args: Any, kwargs: Any, where: Any) -> Handed | None:
    """What is known of the result of `x.numpy()`, or of `np.asarray(x)`, which calls `__array__`."""
    if not is_of_numpy(result) or name not in ("numpy", "__array__"):
        return None
    given = {key: value for key, value in kwargs.items() if value is not None}
    rest = [value for value in args[1:] if value is not None]
    if rest or (name == "__array__" and given):
        return None
    return Handed(result, args[0], given, where)


def refuse_array(value: Any, found: Handed | None) -> CaptureError:
    """The message for an array or a number that numpy has made itself."""
    kind = "array" if type(value).__name__ == "ndarray" else type(value).__name__
    where = users_place(found.positions) if found is not None else ""
    of = "of this array" if where else "while the model ran"
    return CaptureError(
        f"{where}forward returns a numpy {kind} that numpy made {of}: no call of torch made it, so it "
        "cannot be written down.\nReturn the tensor, or what .numpy() gives as it is, and let "
        "whoever calls the model go on from there; or compute it with torch."
    )


def is_only_returned(positions: tuple[Position, ...]) -> bool:
    """Whether the user's line does nothing with an array but to return it, as far as can be read."""
    found = site(positions[0]) if positions else None
    file = parsed(found.filename) if found is not None else None
    if found is None or file is None or found.expression is None:
        return False
    above = list(around(found.expression, file.parents))
    match next((node for node in above if isinstance(node, ast.stmt)), None):
        case ast.Assign(targets=[ast.Name(id=word) as target], value=found.expression):
            function = next((node for node in above if isinstance(node, ast.FunctionDef)), target)
            names = (node for node in ast.walk(function) if isinstance(node, ast.Name))
            uses = [name for name in names if name.id == word and name is not target]
            return all(is_part_of_return(name, file.parents) for name in uses)
    return is_part_of_return(found.expression, file.parents)


def is_part_of_return(node: ast.expr, parents: Mapping[ast.AST, ast.AST]) -> bool:
    """Whether an expression is returned as it is, maybe in a tuple, a dict or an object."""
    for outer in around(node, parents):
        if isinstance(outer, ast.Return):
            return True
        is_called = isinstance(outer, ast.Call) and outer.func is node
        if is_called or not isinstance(
            outer, (ast.Tuple, ast.List, ast.Dict, ast.Call, ast.keyword)
        ):
            return False
    return False


def around(node: ast.AST, parents: Mapping[ast.AST, ast.AST]) -> Iterator[ast.AST]:
    """What a piece of the file stands in, from the inside."""
    while node in parents:
        node = parents[node]
        yield node
