"""The source of a user's autograd functions, made to stand in a file of its own.

A class is copied word for word, with what its file has and the emitted one has not: helpers of the
same file are copied too, numbers are assigned, torch's names are written out, annotations go.
"""

from __future__ import annotations

import ast
import builtins
import dis
import inspect
import linecache
import sys
import textwrap
from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from torch import Tensor

from unfoldify.emit.constants import constant_expression
from unfoldify.emit.numbered import numbered
from unfoldify.errors import CaptureError

READY = {"torch": "torch", "math": "math", "torch.nn": "nn", "torch.nn.functional": "F"}
# what numpy and math have in common, by the same names: enough where np is asked for numbers
COMMON = {
    "sqrt",
    "exp",
    "log",
    "log2",
    "log10",
    "sin",
    "cos",
    "tan",
    "tanh",
    "pi",
    "e",
    "inf",
    "nan",
}
Edit = tuple[int, int, str]  # from one character of the text to another, and what is there instead


def autograd_sources(classes: Iterable[type]) -> list[str]:
    """The blocks of text that define the classes, each after what it needs."""
    blocks: dict[str, str] = {}
    made: dict[str, type] = {}  # classes that functions make, each time with other values
    for cls in classes:
        if made.setdefault(cls.__qualname__, cls) is not cls and "<locals>" in cls.__qualname__:
            raise CaptureError(
                f"{cls.__qualname__}, an autograd.Function, is made anew with other values around it "
                "in each call, and a file has it once.\nDefine it outside the function, and hand "
                "the values over as arguments of apply."
            )
        define(cls, blocks, cls)
    return list(blocks.values())


def define(item: Any, blocks: dict[str, str], user: type) -> None:
    """Add the text of a class or function, behind the texts of what it uses."""
    if item.__name__ in blocks:
        return
    try:
        text = textwrap.dedent(inspect.getsource(item)).rstrip()
    except OSError:  # a named tuple, say, or what another function has made
        raise unwritten(item.__name__, item, user) from None
    tree = ast.parse(text).body[0]
    known = vars(sys.modules[item.__module__]) | closure(item)
    blocks[item.__name__] = ""  # whoever calls itself is known already
    words = {name for name in used_names(item, tree) if name in known}
    spelled = {
        name: "math"
        if is_numpys_mathematics(name, known[name], tree)
        else name_here(name, known[name], blocks, user)
        for name in sorted(words)
    }
    del blocks[item.__name__]
    blocks[item.__name__] = edited(text, tree, spelled)


def closure(item: Any) -> dict[str, Any]:
    """What a function, or the methods of a class, know of the function around them."""
    found: dict[str, Any] = {}
    for function in functions(item):
        found.update(inspect.getclosurevars(function).nonlocals)
    return found


def used_names(item: Any, tree: ast.stmt) -> set[str]:
    """The global names that run with a class or function: of its code, its bases, its decorators."""
    found = {name for f in functions(item) for name in global_names(f.__code__)}
    heads: list[ast.AST] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            heads += [*node.bases, *node.decorator_list]
        elif isinstance(node, ast.FunctionDef):
            heads += [
                *node.decorator_list,
                *node.args.defaults,
                *filter(None, node.args.kw_defaults),
            ]
    for head in heads:
        found |= {node.id for node in ast.walk(head) if isinstance(node, ast.Name)}
    return {name for name in found if not hasattr(builtins, name)}


def functions(item: Any) -> Iterator[FunctionType]:
    """A function itself, or the methods of a class."""
    held = vars(item).values() if isinstance(item, type) else [item]
    for value in held:
        function = inspect.unwrap(getattr(value, "__func__", value))
        if isinstance(function, FunctionType):
            yield function


def global_names(code: CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF"):
            yield str(instruction.argval)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from global_names(inner)


def name_here(name: str, value: Any, blocks: dict[str, str], user: type) -> str:
    """What a global of the user's file is called in the emitted one; its text is added if need be."""
    if isinstance(value, ModuleType):
        found = READY.get(value.__name__) or (value.__name__ if is_torchs(value.__name__) else None)
    elif (text := constant_text(value)) is not None:
        found = next(
            label
            for label in numbered([name])  # another may have another value under the name
            if blocks.setdefault(label, f"{label} = {text}") == f"{label} = {text}"
        )
    elif isinstance(value, (type, FunctionType)) and not is_torchs(value.__module__):
        found = value.__name__
        if value.__module__ in sys.modules and linecache.getlines(inspect.getfile(value)):
            define(value, blocks, user)
    elif isinstance(value, MethodType) and isinstance(value.__self__, type):  # f = Other.apply
        cls = value.__self__
        found = f"{name_here(cls.__name__, cls, blocks, user)}.{value.__name__}"
    else:
        found = place_of(value)
    if found is None:
        raise unwritten(name, value, user)
    return found


def constant_text(value: Any) -> str | None:
    """A number, a text, or `torch.tensor([0.0, 0.5, 1.0])`: a few numbers or many with a rule."""
    if isinstance(value, (bool, int, float, str, type(None))):
        return repr(value)
    if type(value) is not Tensor or value.requires_grad:
        return None
    found = constant_expression(value)
    return None if found is None else ast.unparse(found.ast)


def unwritten(name: str, value: Any, user: type) -> CaptureError:
    return CaptureError(
        f"{user.__name__}, an autograd.Function, uses {name} ({type(value).__name__}) of its file, "
        "which cannot be written into another.\nHand it over as an argument of apply, or "
        "write the function with torch calls."
    )


def is_numpys_mathematics(name: str, value: Any, tree: ast.stmt) -> bool:
    """Whether a name is numpy, and all that is taken of it is in `math` too: `np.sqrt(d)`."""
    if not isinstance(value, ModuleType) or value.__name__ != "numpy":
        return False
    taken = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == name
    ]
    uses = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == name]
    return len(taken) == len(uses) and all(node.attr in COMMON for node in taken)


def is_torchs(module: str | None) -> bool:
    return str(module).split(".")[0] == "torch"


def place_of(value: Any) -> str | None:
    """Where torch keeps something, by the shortest path: `torch.autograd.Function`."""
    label, home = getattr(value, "__name__", None), getattr(value, "__module__", None)
    if label is None or not is_torchs(home):
        return None
    parts = str(home).split(".")
    for count in range(1, len(parts) + 1):
        holder = sys.modules.get(".".join(parts[:count]))
        if getattr(holder, label, None) is value:
            return ".".join([*parts[:count], label])
    return None


# -- the text --------------------------------------------------------------------------------------


def edited(text: str, tree: ast.stmt, spelled: dict[str, str]) -> str:
    """The text with other names for its globals, and without annotations; comments stay."""
    data = text.encode()
    starts = [0]
    for line in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def span(node: Any) -> tuple[int, int]:
        first = starts[node.lineno - 1] + node.col_offset
        return first, starts[node.end_lineno - 1] + node.end_col_offset

    edits: list[Edit] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation is not None:
            begin = starts[node.lineno - 1] + node.col_offset + len(node.arg.encode())
            edits.append((begin, span(node.annotation)[1], ""))
        elif isinstance(node, ast.FunctionDef) and node.returns is not None:
            begin, end = span(node.returns)
            edits.append((len(data[: data.rindex(b"->", 0, begin)].rstrip()), end, ""))
    gone = [(begin, end) for begin, end, _ in edits]
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and spelled.get(node.id, node.id) != node.id:
            first, last = span(node)
            if not any(begin <= first and last <= end for begin, end in gone):
                edits.append((first, last, spelled[node.id]))
    for begin, end, new in sorted(edits, reverse=True):
        data = data[:begin] + new.encode() + data[end:]
    return data.decode()
