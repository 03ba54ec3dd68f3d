"""What a class and a forward say of themselves: the user's words, and which modules are meant."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator

from torch import nn

from unfoldify.emit.prose import fitted
from unfoldify.merge import Kind, Merged
from unfoldify.recording.layers import is_torch_class
from unfoldify.reporting.fold import folded

LONGEST = 12  # lines; of a longer docstring the first paragraph is kept
MOST_NAMES = 4
SECTIONS = r"^\s*(?:Args|Arguments|Parameters|Inputs?|Returns?|Shapes?)\b|^\s*[:@]param|^\s*>>>"
WIDTH = 92  # of a docstring that stands eight columns deep


def class_docstring(kind: Kind, merged: Merged) -> list[ast.stmt]:
    """The user's docstring; where one class became several, which of its modules this one is for."""
    cls = type(kind.module)
    parts = [] if is_torch_class(cls) else [users_words(vars(cls).get("__doc__"))]
    parts += modules_meant(kind, merged)
    return docstring("\n\n".join(part for part in parts if part))


def method_docstring(module: nn.Module, label: str) -> list[ast.stmt]:
    """The docstring of the user's own forward; of another method, what it says in general."""
    cls = type(module)
    own = next((c for c in cls.__mro__ if label in vars(c)), nn.Module)
    if is_torch_class(own) or own is nn.Module:
        return []
    text = getattr(vars(own)[label], "__doc__", None)
    return docstring(users_words(text) if label == "forward" else summary(text))


def summary(text: object) -> str:
    """What a docstring says before it comes to the arguments."""
    told = users_words(text).strip().partition("\n\n")[0]
    return re.split(SECTIONS, told, maxsplit=1, flags=re.MULTILINE)[0].strip()


def users_words(text: object) -> str:
    if not isinstance(text, str):
        return ""
    clean = inspect.cleandoc(text).strip()
    if clean.count("\n") >= LONGEST:
        clean = clean.partition("\n\n")[0].strip()
    return f"\n{clean}" if "\n" in clean and text.lstrip(" \t").startswith("\n") else clean


def modules_meant(kind: Kind, merged: Merged) -> Iterator[str]:
    """`7 of the 9 Block modules: blocks.0-2,4,5,7,8.`"""
    fellows = [other for other in merged.kinds if type(other.module) is type(kind.module)]
    total = sum(len(other.instances) for other in fellows)
    if len(fellows) == 1:
        return
    names = [name for name, _ in folded((i.path, None, None) for i in kind.instances)]
    told = ", ".join(f"`{name}`" for name in names[:MOST_NAMES])
    more = " and others" if len(names) > MOST_NAMES else ""
    count = len(kind.instances)
    label = type(kind.module).__name__
    yield f"{count} of the {total} {label} modules: {told}{more}."


def docstring(text: str) -> list[ast.stmt]:
    """The statement; nothing where there is nothing to say, or where it could not stand in quotes."""
    text = "\n".join(line.rstrip() for line in text.splitlines())
    text = "\n".join(fitted(text.splitlines(), WIDTH))
    later = [line for line in text.splitlines()[1:] if line]
    if later and all(line.startswith(" ") for line in later):
        text = f"\n{text}"  # or the margin of what follows the first line would be lost
    text = f"{text}\n" if text.startswith("\n") else text
    if not text.strip() or '"""' in text or "\\" in text or "\t" in text:
        return []
    return [ast.Expr(ast.Constant(text))]
