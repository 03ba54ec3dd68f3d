"""Where a round puts a value into a list: behind all else, or where it is made."""

from __future__ import annotations

from torch import fx

from unfoldify.emit.words_for_values import hinted
from unfoldify.recording.loops.loop import SYNTHETIC, Loop, chain


def is_put_at_once(value: fx.Node, loop: Loop) -> bool:
    """Whether the variable of a value becomes another one later in the round, as the user has it:
    `x = conv(x); skips.append(x); x = pool(x)`. A list that the rounds read grows behind all else.
    """
    if any(loop in chain(user.meta.get("loop")) for user in loop.collected[value].users):
        return False
    is_aside = value.target in SYNTHETIC or "inline" in value.meta
    if is_aside or value.meta.get("loop") is not loop or value in loop.carried.values():
        return False
    word = hinted(value)
    return word is not None and any(hinted(end) == word for end in loop.carried.values())
