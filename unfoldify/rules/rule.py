"""What a row of the table is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Spellings = tuple[Callable[..., Any], ...]
Style = Literal["product", "einsum"]


class Decline(Exception):  # noqa: N818  (it is no error: the call stays as it is)
    """This call cannot be spelled out, for a reason that reaches the report."""


def nothing_special(*args: Any, **kwargs: Any) -> str:
    """The description of a call whose arguments tell nothing beyond their shapes."""
    return ""


@dataclass(frozen=True)
class Rule:
    """How one torch function is spelled out.

    `function` has the parameters of its torch counterpart and `style`; `kind` is the word of
    --only, --skip and the report; `describe` takes the arguments of the call and says what is
    special about it ("3x3, stride 2, padding 1").
    """

    function: Callable[..., Any]
    kind: str
    describe: Callable[..., str] = nothing_special


def check_style(style: str) -> None:
    """Raises where `style` is no style."""
    if style not in ("product", "einsum"):
        raise ValueError(f"style: wanted 'product' or 'einsum', found {style!r}")
