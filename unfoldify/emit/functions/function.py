"""A function at the top of the file, as the target of the calls that forwards make of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from unfoldify.emit.numbered import numbered


@dataclass(eq=False)
class Function:
    """`word` is what it would be called; its name is settled when the names in the file are known."""

    word: str
    name: str = ""
    longer: str = ""  # what it would be called beside another of its word
    defaults: Mapping[str, Any] = field(default_factory=dict)  # of parameters that calls give
    calls_modules: bool = False  # whether its calls keep their order

    def names(self) -> Iterator[str]:
        """What to call it, if that is free: its word, the longer one, numbers."""
        return numbered([word for word in (self.word, self.longer) if word])

    def spelled(self) -> ast.expr:
        """What is called."""
        return ast.Name(self.name, ast.Load())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{self.word} is written, not run")

    @property
    def __name__(self) -> str:
        return self.word

    def settle(self) -> None:
        """Bring the calls of the function into their last form, now that all of them are known."""
        raise NotImplementedError


class FunctionCall(ast.Call):
    """A call that gives every number, so that calls that differ in numbers alone are alike; those
    that are at their defaults everywhere go when the instances of a class are known.
    """

    defaults: Mapping[str, Any] = {}

    @classmethod
    def of(
        cls, function: Function, args: list[ast.expr], keywords: list[ast.keyword]
    ) -> FunctionCall:
        call = cls(function.spelled(), args, keywords)
        call.defaults = function.defaults
        return call


def without_defaults(calls: list[FunctionCall]) -> list[ast.Call]:
    """Calls of one place, without numbers that are at the default in all of them."""
    first = calls[0]
    kept = [
        index
        for index, keyword in enumerate(first.keywords)
        if keyword.arg not in first.defaults
        or any(number(c.keywords[index].value) != first.defaults[str(keyword.arg)] for c in calls)
    ]
    return [ast.Call(c.func, c.args, [c.keywords[index] for index in kept]) for c in calls]


def number(value: ast.expr) -> Any:
    """The number, or tuple of numbers, of an argument."""
    if isinstance(value, ast.Tuple):
        return tuple(number(item) for item in value.elts)
    return value.value if isinstance(value, ast.Constant) else None
