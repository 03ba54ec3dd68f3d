"""The arguments of an emitted forward, and what it raises where one of them is missing."""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass, field

from unfoldify.emit.fixed_arguments import is_plain
from unfoldify.emit.lines import constant, name
from unfoldify.recording.body import Body, Parameter

NONE = ast.Constant(None)


@dataclass
class Signature:
    """`self, x, n=3, y=None, *, mask`: what is asked for, part by part.

    A tensor after a number must stay in its place, and Python wants a default there: `late` names
    those whose `None` stands for "not given".
    """

    args: list[ast.arg] = field(default_factory=lambda: [ast.arg("self")])
    defaults: list[ast.expr] = field(default_factory=list)
    vararg: ast.arg | None = None
    keyword_only: list[ast.arg] = field(default_factory=list)
    keyword_defaults: list[ast.expr | None] = field(default_factory=list)
    late: list[str] = field(default_factory=list)

    def add(self, label: str, default: ast.expr | None, *, by_keyword: bool) -> None:
        if by_keyword:
            self.keyword_only.append(ast.arg(label))
            self.keyword_defaults.append(default)
            return
        self.args.append(ast.arg(label))
        if default is None and self.defaults:
            self.late.append(label)
            default = NONE
        if default is not None:
            self.defaults.append(default)

    def arguments(self) -> ast.arguments:
        return ast.arguments(
            *([], self.args, self.vararg, self.keyword_only, self.keyword_defaults),
            *(None, self.defaults),
        )


def signature(body: Body, names: tuple[str, ...], *, is_root: bool) -> ast.arguments:
    """The arguments that the example gave, in the original's order; a part's are its own names."""
    if not is_root:
        return ast.arguments(
            [], [ast.arg("self"), *(ast.arg(label) for label in names)], None, [], [], None, []
        )
    return _of_root(body).arguments()


def presence_checks(body: Body) -> list[ast.stmt]:
    """For each argument whose `None` stands for "not given", Python's own error."""
    checks: list[ast.stmt] = []
    for label in _of_root(body).late:
        test = ast.Compare(name(label), [ast.Is()], [NONE])
        message = ast.Constant(f"forward() missing 1 required argument: {label!r}")
        checks.append(ast.If(test, [ast.Raise(ast.Call(name("TypeError"), [message], []))], []))
    return checks


def _of_root(body: Body) -> Signature:
    original = list(inspect.signature(body.module.forward).parameters)
    given = {parameter.name: parameter for parameter in body.parameters}
    original += [label for label in given if label not in original]  # what `**kwargs` took
    found = Signature()
    gap = False  # an argument was left at its default: those after it are given by keyword
    for label in original:
        parameter = given.get(label)
        if parameter is None:
            gap = True
        elif parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            found.vararg = ast.arg(label)
            gap = True
        else:
            by_keyword = gap or parameter.kind is inspect.Parameter.KEYWORD_ONLY
            found.add(label, _default(parameter), by_keyword=by_keyword)
    return found


def _default(parameter: Parameter) -> ast.expr | None:
    """A flag or number of the example; a tensor has none."""
    if parameter.node is None and is_plain(parameter.value):
        return constant(parameter.value)
    return None
