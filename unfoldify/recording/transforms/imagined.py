"""A batch of one item, mapped as if there were a second: what is done with each is then a loop.

The second item is the first once more, and what comes of it is left out of what the run goes on
with. Where the two are no loop after all, the model is recorded again without it.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from torch import Tensor

from unfoldify.recording.body import Body

_IMAGINE: ContextVar[bool] = ContextVar("_IMAGINE", default=True)


@contextmanager
def only_real_items() -> Iterator[None]:
    """No item is imagined inside."""
    token = _IMAGINE.set(False)
    try:
        yield
    finally:
        _IMAGINE.reset(token)


def with_second(recorder: Any, items: tuple[Tensor, ...]) -> list[Tensor]:
    """The items that `unbind` gave, and if it is one alone a second."""
    if len(items) != 1 or not _IMAGINE.get():
        return list(items)
    (first,) = items
    source = recorder.value_node(first).args[0]
    with recorder.pause():
        second = first.clone()
    node = recorder.add("call_function", operator.getitem, (source, 1), {})
    node.meta.update(item=1, imagined=True)
    recorder.bind(second, node)
    source.meta["length"] = 2
    return [first, second]


def without_second(recorder: Any, stacked: Tensor, axis: int) -> Tensor:
    """What the run goes on with, of the result of both items."""
    with recorder.pause():
        real = stacked.narrow(axis, 0, 1)
    recorder.bind(real, recorder.value_node(stacked))
    return real


def has_imagined(body: Body) -> bool:
    """Whether an item that does not exist is still used by name."""
    return any(
        "imagined" in node.meta or ("body" in node.meta and has_imagined(node.meta["body"]))
        for node in body.graph.nodes
    )
