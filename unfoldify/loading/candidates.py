"""A user's module → the model that its author means, or the list of what it could be."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from torch import nn
from torch.nn.modules.module import _forward_unimplemented

CONVENTIONS = ("get_inputs", "get_init_inputs", "example_inputs")
TYPE_CHECKS = ("isinstance", "issubclass", "super")
Kind = Literal["class", "instance", "function"]


@dataclass(frozen=True)
class Candidate:
    """Something in the user's module that is, or could return, a model."""

    name: str
    kind: Kind
    value: Any
    line: int
    needs: tuple[str, ...] = ()  # arguments that it cannot be called without

    def __str__(self) -> str:
        needs = f" needs {', '.join(self.needs)}" if self.needs else ""
        return f"{self.name} ({self.kind}, line {self.line}){needs}"


def candidates(module: ModuleType) -> tuple[Candidate, ...]:
    """Everything in the module that TARGET could name, in the order of the file."""
    lines = _definition_lines(module)
    found = [
        Candidate(
            name, kind, value, lines.get(name, 1), required(value) if kind != "instance" else ()
        )
        for name, value in vars(module).items()
        if (kind := _kind(value, name, module)) is not None
    ]
    return tuple(sorted(found, key=lambda candidate: candidate.line))


def instances(found: Iterable[Candidate]) -> list[Candidate]:
    """The module-level instances that can be meant: whole models, each once.

    Not parts of another instance, and not a loss or activation kept beside a model.
    """
    found = list(found)
    whole = {id(c.value): c for c in reversed([c for c in found if c.kind == "instance"])}
    parts = {id(part) for c in whole.values() for part in c.value.modules() if part is not c.value}
    models = [c for c in reversed(whole.values()) if id(c.value) not in parts]
    real = [c for c in models if not _is_helper(c)]
    return real if real or any(c.kind == "class" for c in found) else models


def root_classes(module: ModuleType, found: Iterable[Candidate]) -> list[Candidate]:
    """The classes with a forward that no other class of the file builds."""
    classes = [c for c in found if c.kind == "class" and has_forward(c.value)]
    uses = _uses(module)
    names = {c.name for c in classes}
    built = {name for user in names for name in _reachable(user, uses) & names if name != user}
    return [c for c in classes if c.name not in built] or classes


def factories(module: ModuleType, found: Iterable[Candidate]) -> list[Candidate]:
    """The functions that may return a model: they return, and get hold of a class of the file."""
    found = list(found)
    classes = {c.name for c in found if c.kind == "class"}
    uses, returning = _uses(module), _returning(module)
    functions = [c for c in found if c.kind == "function" and c.name in returning]
    return [c for c in functions if not classes or _reachable(c.name, uses) & classes]


def has_forward(cls: type[nn.Module]) -> bool:
    return getattr(cls, "forward", None) is not _forward_unimplemented


def required(function: Callable[..., Any]) -> tuple[str, ...]:
    """The parameters without a default."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return ()
    return tuple(
        p.name
        for p in parameters
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    )


def _kind(value: Any, name: str, module: ModuleType) -> Kind | None:
    if isinstance(value, nn.Module):
        return "instance"
    if getattr(value, "__module__", None) != module.__name__ or name.startswith("__"):
        return None
    if getattr(value, "__name__", None) != name:  # an object, or a second name of what is listed
        return None
    if isinstance(value, type):
        return "class" if issubclass(value, nn.Module) else None
    return "function" if inspect.isfunction(value) and name not in CONVENTIONS else None


def _is_helper(candidate: Candidate) -> bool:
    """A layer of torch.nn without weights, such as `criterion = nn.CrossEntropyLoss()`."""
    layer = candidate.value
    return (
        type(layer).__module__.startswith("torch.nn.")
        and not any(True for _ in layer.children())
        and not any(True for _ in layer.parameters())
    )


def _definition_lines(module: ModuleType) -> dict[str, int]:
    return {name: statement.lineno for name, statement in _statements(module) if name is not None}


def _uses(module: ModuleType) -> Mapping[str, set[str]]:
    """Module-level name → the names that its definition takes hold of, type checks left out.

    What is given to a class, as in `ResNet(BasicBlock, ...)`, is used by that class.
    """
    uses: dict[str, set[str]] = {}
    for name, statement in _statements(module):
        if name is not None:
            uses.setdefault(name, set()).update(_mentions(statement))
        for call in ast.walk(statement):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
                given = [*call.args, *(keyword.value for keyword in call.keywords)]
                names = {value.id for value in given if isinstance(value, ast.Name)}
                uses.setdefault(call.func.id, set()).update(names)
    return uses


def _returning(module: ModuleType) -> set[str]:
    """The functions that return something: not the `test()` that people leave in their files."""
    return {
        name
        for name, function in _statements(module)
        if name is not None
        and any(isinstance(node, ast.Return) and node.value for node in ast.walk(function))
    }


def _statements(module: ModuleType) -> Iterator[tuple[str | None, ast.stmt]]:
    """The statements at the top of the module, each with the name that it defines."""
    file = getattr(module, "__file__", None)
    if file is None or not file.endswith(".py"):
        return
    waiting: list[ast.stmt] = list(ast.parse(Path(file).read_bytes()).body)
    while waiting:
        statement = waiting.pop(0)
        if isinstance(statement, ast.If) and "__main__" in ast.dump(statement.test):
            continue  # not run on import
        if isinstance(statement, ast.If | ast.Try | ast.With):
            waiting[:0] = [s for s in ast.iter_child_nodes(statement) if isinstance(s, ast.stmt)]
        elif isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield statement.name, statement
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for target in targets:
                yield (target.id if isinstance(target, ast.Name) else None), statement


def _mentions(node: ast.AST) -> set[str]:
    """Outer names read in `node`, except as a type: annotations, bases, isinstance, super."""
    if isinstance(node, ast.Name):
        return {node.id}
    if isinstance(node, ast.Call) and getattr(node.func, "id", None) in TYPE_CHECKS:
        return set()
    skipped = {"annotation", "returns", "bases"}
    mentions: set[str] = set()
    for field, value in ast.iter_fields(node):
        if field not in skipped:
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    mentions |= _mentions(child)
    return mentions - _own_names(node)


def _own_names(node: ast.AST) -> set[str]:
    """The arguments and variables of a function, which hide outer names."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return set()
    inner = list(ast.walk(node))
    arguments = {one.arg for one in inner if isinstance(one, ast.arg)}
    return arguments | {
        one.id for one in inner if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
    }


def _reachable(start: str, uses: Mapping[str, set[str]]) -> set[str]:
    """Names that are used by `start`, or by what it uses, however far."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        new = uses.get(waiting.pop(), set()) - seen
        seen |= new
        waiting.extend(new)
    return seen
