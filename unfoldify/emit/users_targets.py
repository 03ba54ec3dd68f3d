"""Which of the names that the user's loop sets is whose: of a module, of an item, of the number."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import fx

from unfoldify.emit.words_for_values import item_word, singular
from unfoldify.recording.loops.loop import Module
from unfoldify.recording.source import LoopHead

ATTRIBUTE = re.compile(r"^(reversed\()?self\.[^()]*\)?$")  # `self.blocks[1:]`
KEYED = re.compile(r"\.(items|named_children|named_modules)\(\)$")  # a name and a module


@dataclass
class UsersTargets:
    """The names that are left to give, each with the text of what it goes over, if that is known."""

    index: str | None
    targets: list[str]
    iterables: list[str]  # one for each target, or one for all of them
    takes_apart: bool  # the one thing that the loop goes over gives all targets at once

    @classmethod
    def of(cls, head: LoopHead | None) -> UsersTargets:
        if head is None:
            return cls(None, [], [], takes_apart=False)
        targets = [target for target in head.targets if target]
        counted = head.iterable.startswith(("range(", "enumerate("))
        index = targets.pop(0) if counted and targets else None
        if head.iterable.startswith("range("):
            return cls(index, [], [], takes_apart=False)
        iterables, is_one = gone_over(head.iterable)
        if KEYED.search(head.iterable) and len(targets) == len(iterables) + 1:
            del targets[0]
        return cls(index, targets, iterables, takes_apart=is_one and len(targets) > 1)

    def of_module(self, module: Module) -> str | None:
        """The name for a round's module: the one over the list that it is of, else the next."""
        return self.taken(self.place_of(word_before(module.container)))

    def of_sequence(self, word: str | None) -> str | None:
        """The name for an item of a list, which the user may call so."""
        return self.taken(self.place_of(word))

    def place_of(self, word: str | None) -> int | None:
        """Which list goes by the word; if none does, the next that is no other attribute."""
        texts = list(enumerate(self.iterables))
        found = [i for i, text in texts if word in re.findall(r"\w+", text)]
        likely = [i for i, text in texts if not (ATTRIBUTE.search(text) or is_literal(text))]
        return next(iter([*found, *likely]), None)

    def taken(self, at: int | None) -> str | None:
        """A name that is not to give any more."""
        if at is None or at >= len(self.targets):
            return None
        if len(self.iterables) == len(self.targets):
            del self.iterables[at]
        return self.targets.pop(at)


def gone_over(text: str) -> tuple[list[str], bool]:
    """The lists that a loop goes over side by side, and whether it is one list of the user's."""
    try:
        iterable = ast.parse(text, mode="eval").body
    except SyntaxError:
        return [], False
    match iterable:
        case ast.Call(func=ast.Name("enumerate"), args=[inner, *_]):
            return gone_over(ast.unparse(inner))
        case ast.Call(func=ast.Name("zip"), args=args):
            return [ast.unparse(arg) for arg in args], False
    return [text], not KEYED.search(text)


def is_literal(text: str) -> bool:
    """Whether a loop goes over numbers or words that stand in its head."""
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return False
    return True


def word_before(path: str) -> str | None:
    """The last part of a path that is no number."""
    return next((part for part in reversed(path.split(".")) if part.isidentifier()), None)


def word_of_modules(module: Module) -> str:
    """`block` of `self.blocks`; `conv` of `self.conv1`, `self.conv2`, ..."""
    if all(label.isdigit() for label in module.labels):
        return singular(module.container)
    words = {label.rstrip("_0123456789") for label in module.labels}
    common = words.pop()
    return common if len(common) > 1 and not words else singular(module.container)


def word_of_sequence(sequence: fx.Node, names: Mapping[fx.Node, str]) -> str | None:
    """What the list is called in the file."""
    for node in (sequence, *sequence.all_input_nodes):
        if node in names:
            return names[node]
    return None


def item_words(held: str | None) -> Iterator[str]:
    """What an item of a list is called, if the list's own name says so: `skip` of `skips`."""
    word = item_word(held) if held is not None and held.rstrip("0123456789") != "values" else None
    if word is not None:
        yield word
