"""Which call of which of the user's functions a recorded call was made in.

A code position says where a call stands; the lines of a function that is called twice stand in one
place. What tells its calls apart is the frame that each of them runs in.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field, is_dataclass
from types import CodeType, FrameType
from typing import Any

from unfoldify.recording.machinery import is_machinery

MOST_PARTS = 16  # of a value that have words of their own


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a function, as long as it ran.

    `words` are what the function calls the tensors and numbers that it was given, in order.
    """

    code: CodeType
    words: list[str] = field(default_factory=list)
    numbers: dict[str, int | float] = field(default_factory=dict)  # those that are plain


def given_to(frame: FrameType) -> Iterator[tuple[str, Any]]:
    """What a function was given, or finds around it: each value with a word for it."""
    code = frame.f_code
    count = code.co_argcount + code.co_kwonlyargcount
    flags = (inspect.CO_VARARGS, inspect.CO_VARKEYWORDS)
    count += sum(bool(code.co_flags & flag) for flag in flags)
    known = frame.f_locals
    for name in (*code.co_varnames[:count], *code.co_freevars):
        if name in known:
            yield from parts(name, known[name])


def parts(word: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A value, or what it holds: `x1` and `x2` of a list `xs`, `mean` of `stats["mean"]`."""
    if type(value) in (list, tuple):
        stem = word[:-1] if word.endswith("s") and len(word) > 1 else word
        yield from ((f"{stem}{at + 1}", item) for at, item in enumerate(value[:MOST_PARTS]))
    elif type(value) is dict:
        yield from ((str(key), item) for key, item in list(value.items())[:MOST_PARTS])
    elif is_dataclass(value) and hasattr(value, "__dict__") and not isinstance(value, type):
        yield from list(vars(value).items())[:MOST_PARTS]
    else:
        yield word, value


class RunningCalls:
    """The calls that are running, by their frames.

    The address of a frame is used again once the frame is gone, so those that were seen last are
    held until others are.
    """

    def __init__(self) -> None:
        self.calls: dict[FrameType, Call] = {}  # the outermost first

    def update(self, innermost: FrameType, outermost: CodeType) -> dict[FrameType, Call]:
        """Forget the calls that have ended; answers those that have begun inside `outermost`."""
        begun: list[FrameType] = []
        frame: FrameType | None = innermost
        while frame is not None and frame not in self.calls:
            if frame.f_code is outermost:
                frame = None
                break
            if not is_machinery(frame.f_code.co_filename):
                begun.append(frame)
            frame = frame.f_back
        while self.calls and next(reversed(self.calls)) is not frame:
            self.calls.popitem()
        news = {each: Call(each.f_code) for each in reversed(begun)}
        self.calls.update(news)
        return news

    def until(self, boundary: frozenset[CodeType], innermost: FrameType) -> Iterator[Call]:
        """The calls that led to a place, the innermost first: one for each of its positions."""
        frame: FrameType | None = innermost
        while frame is not None and frame.f_code not in boundary:
            if frame in self.calls:
                yield self.calls[frame]
            frame = frame.f_back

    def forget(self) -> None:
        self.calls.clear()
