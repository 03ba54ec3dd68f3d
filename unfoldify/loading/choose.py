"""A user's module and TARGET's name → the class, instance or function that makes the model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from unfoldify.blame import shown
from unfoldify.errors import LoadError
from unfoldify.loading.candidates import Candidate, candidates, factories, instances, root_classes
from unfoldify.loading.target import Target

MANY = 12  # candidates in a message


@dataclass(frozen=True)
class Request:
    """What was asked, for messages that repeat it."""

    target: Target
    options: str
    module: ModuleType
    path: Path | None

    @property
    def place(self) -> str:
        return shown(self.path) if self.path and self.target.is_file else self.target.place

    def command(self, name: str | None = None, more: str = "") -> str:
        where = f"{self.target.place}:{name}" if name else str(self.target)
        return " ".join(part for part in ("unfoldify", where, self.options, more) if part)

    def listed(self, found: Sequence[Candidate]) -> str:
        width = max(len(str(candidate)) for candidate in found[:MANY])
        lines = [f"  {c!s:<{width}}   {self.command(c.name)}" for c in found[:MANY]]
        lines += [f"  and {len(found) - MANY} more"] if len(found) > MANY else []
        return "\n".join(lines)


def choose(request: Request) -> tuple[str, Any]:
    """What TARGET names, else what the conventions find."""
    if request.target.name is not None:
        return request.target.name, _named(request, request.target.name)
    module, found = request.module, candidates(request.module)
    model = vars(module).get("Model")
    if is_model_class(model) and "get_init_inputs" in vars(module):
        return "Model", model
    ready = instances(found)
    if len(ready) > 1:
        raise LoadError(
            f"{request.place} holds {len(ready)} models. Which one?\n{request.listed(ready)}"
        )
    if ready:
        return ready[0].name, ready[0].value
    roots = root_classes(module, found)
    buildable = [c for c in roots if not c.needs]
    if len(buildable) == 1:
        return buildable[0].name, buildable[0].value
    if len(roots) == 1 and "get_init_inputs" in vars(module):
        return roots[0].name, roots[0].value
    raise LoadError(_no_one_model(request, found, roots, buildable))


def _named(request: Request, name: str) -> Any:
    value: Any = request.module
    for part in name.split("."):
        if not hasattr(value, part):
            raise LoadError(_no_such_name(request, name))
        value = getattr(value, part)
    if isinstance(value, nn.Module) or is_model_class(value):
        return value
    if callable(value) and not isinstance(value, type):
        return value
    raise LoadError(
        f"{request.place}: {name} is {described(value)}, not a torch.nn.Module, a class of one "
        f"or a function that returns one.{_or_one_of(request)}"
    )


def is_model_class(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, nn.Module)


def described(value: Any) -> str:
    """ "the class Config", "a dict": what a value is, for a message."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def _no_such_name(request: Request, name: str) -> str:
    close = get_close_matches(name, [n for n in vars(request.module) if n[0] != "_"], n=1)
    meant = f"\nIs it {close[0]}?   {request.command(close[0])}" if close else ""
    return f"{request.place} has no {name}.{meant or _or_one_of(request)}"


def _or_one_of(request: Request) -> str:
    found = _worth_listing(request, candidates(request.module))
    return f"\nIt has:\n{request.listed(found)}" if found else ""


def _worth_listing(request: Request, found: Sequence[Candidate]) -> list[Candidate]:
    """What can be named as it is: instances, and classes and functions without arguments."""
    makers = factories(request.module, found)
    usable = [*instances(found), *(c for c in found if c.kind == "class"), *makers]
    return sorted((c for c in usable if not c.needs), key=lambda c: c.line)


def needs_arguments(request: Request, name: str, value: Any, needs: Iterable[str]) -> str:
    given = ", ".join(f"{need}=..." for need in needs)
    make = f"  def make_model():\n      return {name}({given})\n"
    fact = f"{request.place}: {name} cannot be built without {', '.join(needs)}.\n"
    if request.target.is_file:
        command = request.command("make_model")
        return f"{fact}Write in {request.place}\n{make}and name it: {command}"
    first = f"  from {request.target.place} import {name}\n\n"
    command = f"unfoldify my_model.py:make_model {request.options}".strip()
    return f"{fact}Write a file my_model.py\n{first}{make}and name it: {command}"


def _no_one_model(
    request: Request,
    found: Sequence[Candidate],
    roots: Sequence[Candidate],
    buildable: Sequence[Candidate],
) -> str:
    makers = [c for c in factories(request.module, found) if not c.needs]
    if buildable:
        functions = f"{len(makers)} function{'s' * (len(makers) > 1)} that may return a model"
        return (
            f"{request.place} has {len(buildable)} classes that no other class builds"
            f"{f', and {functions}' if makers else ''}. Which one?\n"
            f"{request.listed([*buildable, *makers])}"
        )
    if makers:
        return (
            f"{request.place}: no class can be built without arguments. Which function?\n"
            f"{request.listed(makers)}"
        )
    if roots:
        return needs_arguments(request, roots[-1].name, roots[-1].value, roots[-1].needs)
    if imported := _imported_classes(request.module):
        commands = "\n".join(f"  {request.command(name)}" for name in imported[:MANY])
        commands += f"\n  and {len(imported) - MANY} more" if len(imported) > MANY else ""
        return f"{request.place} only imports classes of models. Which one?\n{commands}"
    return (
        f"{request.place} defines no torch.nn.Module, and no function that returns one.\n"
        "Name what does: unfoldify other.py, or unfoldify package.module:Name"
    )


def _imported_classes(module: ModuleType) -> list[str]:
    return [
        name
        for name, value in vars(module).items()
        if is_model_class(value) and not value.__module__.startswith("torch.")
    ]
