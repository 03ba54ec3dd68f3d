"""Which variable holds which value, and until when."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field

from torch import fx


@dataclass(eq=False)
class Variables:
    """The variables of one forward, handed out from its first statement to its last.

    A name is used again once the value that it holds is dead.
    """

    reserved: frozenset[str]
    last: dict[fx.Node, int]  # value → the last statement that reads it
    movable: frozenset[fx.Node]  # values that may be renamed after the fact
    wanted: Callable[[fx.Node], str | None]  # the variable that the user gave a value to
    names: dict[fx.Node, str] = field(default_factory=dict)
    holders: dict[str, fx.Node] = field(default_factory=dict)

    def is_free(self, name: str, at: int) -> bool:
        """Whether a statement may give the name to its value."""
        holder = self.holders.get(name)
        return name not in self.reserved and (holder is None or self.last.get(holder, -1) <= at)

    def give(
        self,
        node: fx.Node,
        wishes: Iterable[str],
        at: int,
        heir_of: fx.Node | None = None,
        but: Collection[str] = (),
    ) -> None:
        """The first of the wishes that is free, or that the value inherits from another."""
        self.make_way(node, at)
        held = None if heir_of is None else self.names[heir_of]
        if held is not None and self.holders.get(held) is not heir_of:
            held = None  # something else has the name since
        free = (w for w in numbered(wishes) if w == held or (self.is_free(w, at) and w not in but))
        self.take(node, next(free))

    def take(self, node: fx.Node, name: str) -> None:
        """The name is the node's from here on."""
        self.names[node] = name
        self.holders[name] = node

    def make_way(self, node: fx.Node, at: int) -> None:
        """The user's variable holds another value now; the one before, which is read later still
        (from a list, say), goes by a number.
        """
        word = self.wanted(node)
        if word is None or word in self.reserved or self.is_free(word, at):
            return
        holder = self.holders[word]
        if holder in self.movable and self.wanted(holder) == word:
            unused = (name for name in numbered([f"{word}1"]) if name not in self.holders)
            self.take(holder, next(name for name in unused if name not in self.reserved))
            del self.holders[word]


def numbered(wishes: Iterable[str]) -> Iterator[str]:
    """The wishes, then the first of them with a number."""
    first = None
    for wish in wishes:
        first = first or wish
        yield wish
    base = (first or "x").rstrip("0123456789")
    count = 2
    while True:
        yield f"{base}{count}"
        count += 1
