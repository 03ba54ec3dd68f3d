"""`self.conv.padding[0]`, read again and again → `p = self.conv.padding[0]`, above its first use."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator

from unfoldify.emit.lines import assign, name
from unfoldify.emit.numbered import numbered

LETTERS = {"kernel_size": "k", "stride": "s", "padding": "p", "dilation": "d"}
AXES = {
    1: ("",),
    2: ("h", "w"),
    3: ("d", "h", "w"),
}  # how many numbers there are → what they are of
Key = tuple[str, int]  # `self.conv.padding`, and which of its numbers


class LayerNumber(ast.expr):
    """`self.conv.padding[0]`: a number that a layer has for one of its `rank` axes."""

    _fields = ("whole",)

    def __init__(self, whole: ast.Attribute, axis: int, rank: int) -> None:
        super().__init__()
        self.whole, self.axis, self.rank = whole, axis, rank

    @property
    def key(self) -> Key:
        return ast.unparse(self.whole), self.axis

    @property
    def layer(self) -> str:
        return ast.unparse(self.whole.value)

    @property
    def is_of_self(self) -> bool:
        """Whether it is read in front of a loop as well as in it."""
        return self.layer.startswith("self")

    def spelled(self) -> ast.expr:
        return ast.Subscript(self.whole, ast.Constant(self.axis), ast.Load())


def with_names(lines: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements in which a number that they read of a layer twice has a name.

    All numbers of a layer get theirs above the first statement that reads one.
    """
    taken = {node.id for line in lines for node in ast.walk(line) if isinstance(node, ast.Name)}
    found = [[n for n in ast.walk(line) if isinstance(n, LayerNumber)] for line in lines]
    every = [number for numbers in found for number in numbers]
    counts = Counter(number.key for number in every)
    last = {number.key: at for at, numbers in enumerate(found) for number in numbers}
    wanted = {n.key: n for n in every if counts[n.key] > 1 and n.is_of_self}
    names: dict[Key, str] = {}
    for at, line in enumerate(lines):
        layers = {number.layer for number in found[at]}
        new = [n for key, n in sorted(wanted.items()) if n.layer in layers and key not in names]
        for whole in dict.fromkeys(number.key[0] for number in new):
            numbers = [number for number in new if number.key[0] == whole]
            live = {word for key, word in names.items() if last[key] >= at}
            words = list(words_for(numbers, live | taken))
            names |= {number.key: word for number, word in zip(numbers, words, strict=True)}
            yield from assignments(numbers, words)
        yield Named(names).visit(line)


def words_for(numbers: list[LayerNumber], taken: set[str]) -> Iterator[str]:
    """`k` for the first number alone, `kh` and `kw` for those of several axes."""
    for number in numbers:
        label = number.whole.attr
        along = AXES[number.rank][number.axis] if len(numbers) > 1 or number.axis else ""
        letter = LETTERS.get(label, label)
        yield next(word for word in numbered([letter + along, label + along]) if word not in taken)


def assignments(numbers: list[LayerNumber], words: list[str]) -> Iterable[ast.stmt]:
    """`kh, kw = self.conv.kernel_size`, or one of them alone."""
    if len(numbers) == numbers[0].rank > 1:
        targets = ast.Tuple([ast.Name(word, ast.Store()) for word in words], ast.Store())
        return [assign(targets, numbers[0].whole)]
    return [assign(word, n.spelled()) for n, word in zip(numbers, words, strict=True)]


class Named(ast.NodeTransformer):
    """Puts in the names, and spells out what has none."""

    def __init__(self, names: dict[Key, str]) -> None:
        self.names = names

    def visit_LayerNumber(self, node: LayerNumber) -> ast.expr:
        word = self.names.get(node.key)
        return node.spelled() if word is None else name(word)
