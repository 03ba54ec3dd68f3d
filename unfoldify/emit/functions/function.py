"""A function at the top of the file, as the target of the calls that forwards make of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(eq=False)
class Function:
    """`word` is what it would be called; its name is settled when the names in the file are known."""

    word: str
    name: str = ""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{self.word} is written, not run")

    @property
    def __name__(self) -> str:
        return self.word

    def settle(self) -> None:
        """Bring the calls of the function into their last form, now that all of them are known."""
        raise NotImplementedError
