"""What one call leaves to the next in plain attributes: a step that is counted, a rate that falls, the
last state.

Where a call reads such an attribute before it sets it, it stays an attribute in the file. A size or a
map that is only put there for others to see does not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from torch import Tensor, fx, nn

from unfoldify.recording.dead import has_effect
from unfoldify.recording.numbers.deferring import Deferring
from unfoldify.recording.numbers.traced import Traced
from unfoldify.recording.paths import joined

LASTING = "lasting"  # of a node that reads or sets such an attribute: its path


def may_last(model: nn.Module, changed: Collection[str], *, flags: bool) -> frozenset[str]:
    """Of the attributes that a call has changed, by their paths: those that hold a number or a tensor.

    With `flags`, also those that are True or False. What one module of a class has changed, others of
    that class would: a rate of 0 stays 0.
    """
    names = {path.rpartition(".")[2] for path in changed}
    held = {
        joined(path, name): (type(module), name)
        for path, module in model.named_modules()
        for name, value in vars(module).items()
        if name in names
        and (flags or not isinstance(value, bool))
        and any(True for _ in written(name, value))
    }
    of_class = {held[path] for path in changed if path in held}
    return frozenset(path for path, kind in held.items() if kind in of_class)


def written(name: str, value: object) -> Iterator[tuple[str, Any]]:
    """What a file keeps of an attribute, under which name: of a tuple of tensors each of them."""
    if is_written(value):
        yield name, value
    elif isinstance(value, (tuple, list)) and all(isinstance(item, Tensor) for item in value):
        yield from ((f"{name}_{index}", item) for index, item in enumerate(value))


def is_written(value: object) -> bool:
    """Whether a file can begin with a value and set another one."""
    return is_number(value) or isinstance(value, (Tensor, Traced, Deferring))


def is_number(value: object) -> bool:
    return type(value) in (bool, int, float)


def drop_unread(graph: fx.Graph) -> None:
    """Attributes that are set, and read for nothing but that, need not be set."""
    effects = [node for node in graph.nodes if has_effect(node)]
    setting = [node for node in effects if node.target is setattr and LASTING in node.meta]
    while setting:
        ends = [node for node in effects if node not in setting]
        read = {node.meta[LASTING] for node in reads_for(ends)}
        wanted = [node for node in setting if node.meta[LASTING] in read]
        if not wanted:
            break
        setting = [node for node in setting if node not in wanted]
    for node in setting:
        graph.erase_node(node)


def reads_for(ends: list[fx.Node]) -> Iterator[fx.Node]:
    """The nodes that read a lasting attribute, and lead to one of the ends."""
    waiting, seen = list(ends), set(ends)
    while waiting:
        node = waiting.pop()
        if node.op == "get_attr" and LASTING in node.meta:
            yield node
        new = [each for each in node.all_input_nodes if each not in seen]
        seen.update(new)
        waiting.extend(new)


def comes_from(node: fx.Node) -> str | None:
    """The path of the lasting attribute from which a number was computed, if one was."""
    if "val" in node.meta:
        return None
    if LASTING in node.meta and node.op == "get_attr":
        return str(node.meta[LASTING])
    return next(filter(None, map(comes_from, node.all_input_nodes)), None)


def still_read(constants: Mapping[str, Any], graphs: Iterator[fx.Graph]) -> dict[str, Any]:
    """The constants without the numbers that no graph reads."""
    read = {node.meta.get(LASTING) for graph in graphs for node in graph.nodes}
    return {path: held for path, held in constants.items() if not is_number(held) or path in read}
