"""Names for what a module does where its calls do several things: `forward`, `forward_denorm`."""

from __future__ import annotations

import keyword
from collections.abc import Collection, Iterator

from torch import nn

from unfoldify.emit.numbered import numbered
from unfoldify.recording.body import Body


def method_name(body: Body, first: Body | None, taken: Collection[str]) -> str:
    """`forward` for what comes first; for others the argument that makes the difference, in a word."""
    if first is None:
        return "forward"
    words = [f"forward_{word}" for word in differences(body, first)]
    free = (name for name in words if is_free(name, body.module) and name not in taken)
    found = next(free, None)
    return found or next(name for name in numbered(["forward"]) if name not in taken)


def differences(body: Body, first: Body) -> Iterator[str]:
    """What one call was given that the other was not: `denorm`, `reverse`, `with_mask`."""
    for name, value in body.flags.items():
        if value != first.flags.get(name):
            yield value.lower() if isinstance(value, str) else name if value else f"without_{name}"
    ours, theirs = given(body), given(first)
    yield from (f"with_{name}" for name in ours if name not in theirs)
    yield from (f"without_{name}" for name in theirs if name not in ours)


def given(body: Body) -> list[str]:
    """The names of the tensors that a call hands over."""
    return [p.name for p in body.parameters if p.node is not None and not p.lifted]


def is_free(name: str, module: nn.Module) -> bool:
    """Whether a method may have the name."""
    return name.isidentifier() and not keyword.iskeyword(name) and not hasattr(module, name)
