"""What is to be written above a statement."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from unfoldify.emit.patch.rulebook import Form


@dataclass(frozen=True)
class Stage:
    """One layer of a place: its lines, or, where it has no contraction, its call."""

    title: str  # of the lines: the layer, or the function
    form: Form | None
    layer: str = ""
    function: str = ""  # that is called with the layer, where the layer itself is not


@dataclass(frozen=True)
class Rewritten:
    """One place that is spelled out above its statement; an nn.Sequential is several stages."""

    place: ast.expr
    stages: tuple[Stage, ...]
    word: str | None = None  # a name for the result

    @property
    def forms(self) -> list[Form]:
        return [stage.form for stage in self.stages if stage.form is not None]

    @property
    def arguments(self) -> list[ast.expr]:
        """What the place computes its operands from."""
        if isinstance(self.place, ast.BinOp):
            return [self.place.left, self.place.right]
        assert isinstance(self.place, ast.Call)
        return [
            self.place.func,
            *self.place.args,
            *(keyword.value for keyword in self.place.keywords),
        ]
