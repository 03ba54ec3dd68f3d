"""Writes docs/gallery.md: every layer and call that is spelled out, in each of its forms.

    python -m tools.gallery               # every form is verified, which takes a minute or two
    python -m tools.gallery --unchecked   # the text alone, for looking at a change of the words

The text is the tool's own: a small model for each entry is rewritten, and its forward is shown.
"""

from __future__ import annotations

import ast
import linecache
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import unfoldify
from tools.gallery_entries import CHAPTERS, Entry

TARGET = Path(__file__).parents[1] / "docs" / "gallery.md"
FORMS = (
    ("product", "product", "einops"),
    ("einsum", "einsum", "einops"),
    ("product, plain torch", "product", "torch"),
)
PREFACE = """\
# Gallery

How each layer and call reads once it is spelled out: as a product and a sum, as an einsum over the
same windows, and as a product in plain torch (`--dialect torch`), where the einops pattern stands
above the calls that do the same, and a bias that torch calls optional is said to be there, for
`torch.jit.script`. Each was verified equal to the original when this page was made.

This page is written by the tool: `python -m tools.gallery` makes it again.

| axis | is |
|---|---|
| `b` | batch |
| `i`, `o` | input and output features |
| `c_in`, `c_out`, `c` | input and output channels, channels |
| `n`, `n_in`, `n_out` | length of a sequence |
| `h_in`, `w_in`, `h_out`, `w_out` | height and width of the input and the output |
| `k`, `kh`, `kw` | kernel size |
| `g` | group of channels |
| `h`, `n_q`, `n_k`, `d` | head, queries, keys, features of a head |
"""


@dataclass(frozen=True)
class Form:
    """One way to write an entry: its name and the lines of its forward."""

    name: str
    text: str


def main() -> None:
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(page(check="--unchecked" not in sys.argv[1:]), encoding="utf-8")


def page(*, check: bool) -> str:
    """The whole page."""
    blocks = [PREFACE]
    for title, entries in CHAPTERS:
        blocks.append(f"## {title}\n")
        for entry in entries:
            blocks.append(section(entry, check=check))
    return "\n".join(blocks)


def section(entry: Entry, *, check: bool) -> str:
    """One entry: the call, then its forms."""
    model = original(entry)
    forms = [
        Form(name, spelled(entry, model, style, dialect, check=check))
        for name, style, dialect in FORMS
    ]
    lines = [f"### {entry.title}\n"]
    if entry.note:
        lines.append(f"{entry.note}\n")
    lines.append(f"```python\n{entry.call}\n```\n")
    for name, text in merged(forms):
        lines.append(f"*{name}*\n")
        lines.append(f"```python\n{text}\n```\n")
    return "\n".join(lines)


def merged(forms: list[Form]) -> Iterator[tuple[str, str]]:
    """Forms of one text under one heading."""
    texts = list(dict.fromkeys(form.text for form in forms))
    for text in texts:
        yield " and ".join(form.name for form in forms if form.text == text), text


def original(entry: Entry) -> nn.Module:
    """The model of an entry, from source text, so that its words are known."""
    names = ", ".join(entry.inputs)
    init = "".join(f"        self.{name} = {made}\n" for name, made in entry.layers.items())
    source = (
        "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n\n\n"
        "class Example(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n"
        f"{init}\n"
        f"    def forward(self, {names}):\n"
        f"        return {entry.expression}\n"
    )
    filename = f"<gallery: {entry.title}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {"__name__": "gallery"}
    exec(compile(source, filename, "exec"), namespace)
    model: nn.Module = namespace["Example"]()
    return model


def spelled(entry: Entry, model: nn.Module, style: str, dialect: str, *, check: bool) -> str:
    """The body of the forward that is written for an entry."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        inputs = {name: example(spec) for name, spec in entry.inputs.items()}
    result = unfoldify.unfoldify(
        model, (), inputs, style=style, dialect=dialect, also=entry.also, check=check
    )
    if result.report.declined:
        raise ValueError(f"{entry.title}: {result.report.declined}")
    return forward_of(result.source)


def example(spec: str) -> Tensor:
    """`2x3x8` or `2x5 bool`"""
    shape, _, dtype = spec.partition(" ")
    sizes = [int(size) for size in shape.split("x")]
    if dtype == "bool":
        mask: Tensor = torch.ones(sizes, dtype=torch.bool).tril()
        return mask
    return torch.randint(5, sizes) if dtype == "int" else torch.randn(sizes)


def forward_of(source: str) -> str:
    """The lines of forward, without its head."""
    tree = ast.parse(source)
    (cls,) = (n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Example")
    forward = next(n for n in cls.body if isinstance(n, ast.FunctionDef) and n.name == "forward")
    assert forward.end_lineno is not None
    lines = source.splitlines()[forward.lineno : forward.end_lineno]
    return textwrap.dedent("\n".join(lines)).strip()


if __name__ == "__main__":
    main()
