"""Files of small random models, as text: nested modules, shared blocks, every operator, odd names."""

from __future__ import annotations

import ast
import random
import textwrap
from dataclasses import dataclass, field

from torch import nn

WIDTH = 4
HEAD = '''"""A model of {seed}."""

import math

import torch
import torch.nn.functional as F
from torch import nn

'''
TAIL = """

def get_inputs():
    return [torch.randn(2, 3, {width})]
"""
# as somebody might call things: keywords of Python's, builtins, modules, functions of the file
NAMES = ["fc", "linear", "conv2d", "rearrange", "einsum", "F", "torch", "nn", "math", "w", "q", "x"]
NAMES += ["weights", "größe", "_hidden", "__inner", "self_", "list", "max", "type", "match", "l"]
NAMES += ["O", "matmul", "out", "input", "id", "Block", "Net", "scores", "len", "getattr", "data"]
MODULES = {"F", "torch", "nn", "math", "len", "getattr"}  # a forward that calls them needs them
LAYERS = ["nn.Linear({w}, {w})", "nn.Linear({w}, {w}, bias=False)", "nn.LayerNorm({w})"]
LAYERS += ["nn.GELU()", "nn.Conv1d(3, 3, 3, padding=1)", "nn.Identity()", "nn.Dropout(0.1)"]
LAYERS += ["nn.Sequential(nn.Linear({w}, 8), nn.ReLU(), nn.Linear(8, {w}))"]
METHODS = ["tanh()", "sin()", "abs()", "softmax(-1)", "clamp(min=-1, max=1)", "pow(2)", "neg()"]
METHODS += ["transpose(1, 2).transpose(1, 2)", "flip(-1)", "add(1)", "view(*{x}.shape)"]
OPERATORS = ["{a} + {b}", "{a} - {b}", "{a} * {b}", "{a} / ({b} * {b} + 1)", "{a} - ({b} - {a})"]
OPERATORS += ["-{a} ** 2 + {b}", "(-{a}) ** 2", "2 * {a} - 1", "1 - {a} * math.sqrt(2)", "{a} @ w_"]
OPERATORS += ["torch.where(({a} > 0) & ~({b} < 0), {a}, {b})", "{a} * 8**-0.5", "F.gelu({a})"]
OPERATORS += ["{a} @ ({b}.transpose(-2, -1) @ {b})", "F.silu({a}) * {b}", "{a} % 2 + {b}"]


@dataclass
class Writer:
    """Draws one file."""

    seed: int
    draw: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)

    def file(self) -> str:
        classes = [self.module("Block", []), self.module("Net", ["Block"])]
        text = HEAD.format(seed=self.seed) + "\n\n".join(classes) + TAIL.format(width=WIDTH)
        ast.parse(text)
        return text

    def module(self, name: str, blocks: list[str]) -> str:
        drawn = self.draw.sample(NAMES, self.draw.randint(1, 4))
        # a layer called `type` would be hidden by the method of nn.Module
        attributes = [f"{name}_" if hasattr(nn.Module, name) else name for name in drawn]
        init = [f"self.w_ = nn.Parameter(torch.randn({WIDTH}, {WIDTH}))"]
        calls: list[str] = []
        for attribute in attributes:
            kind = self.draw.randrange(6)
            if calls and kind == 0:
                init.append(f"self.{attribute} = {self.draw.choice(calls)}  # the same once more")
            elif blocks and kind < 3:
                init.append(f"self.{attribute} = {self.draw.choice(blocks)}()")
            else:
                init.append(f"self.{attribute} = {self.draw.choice(LAYERS).format(w=WIDTH)}")
            calls.append(f"self.{attribute}")
        if blocks and self.draw.random() < 0.7:
            init.append("self.blocks = nn.ModuleList(Block() for _ in range(3))")
        lines = [f"class {name}(nn.Module):", '    """Drawn."""', "", "    def __init__(self):"]
        lines += [f"        {line}" for line in ["super().__init__()", *init]]
        argument = self.draw.choice([n for n in NAMES if n not in MODULES and n[0] != "_"])
        lines += ["", f"    def forward(self, {argument}):"]
        body = self.forward(argument, calls, has_blocks="self.blocks" in init[-1])
        return "\n".join([*lines, textwrap.indent("\n".join(body), " " * 8)]) + "\n"

    def forward(self, argument: str, calls: list[str], *, has_blocks: bool) -> list[str]:
        values, lines = [argument], ["w_ = self.w_"]
        for _ in range(self.draw.randint(2, 7)):
            lines += self.statement(values, calls)
        if has_blocks:
            value = self.draw.choice(values)
            lines += [
                "# one after the other",
                "for block in self.blocks:",
                f"    {value} = block({value})",
            ]
        if self.draw.random() < 0.4:
            value = self.draw.choice(values)
            lines += ["", "if self.training:", f"    {value} = {value} + 1"]
        return [*lines, f"return {self.expression(values)}"]

    def statement(self, values: list[str], calls: list[str]) -> list[str]:
        """One statement; a value that it gives is one more to go on with."""
        target = self.draw.choice([name for name in NAMES if name not in MODULES])
        kind = self.draw.randrange(7)
        lines = ["# " + self.draw.choice(["mix", "as in the paper", "x = 1", "W/H"])] * (kind == 0)
        lines += [""] * (kind == 1)
        if kind == 2 and len(values) > 1:
            both = self.draw.sample(values, 2)
            return [*lines, f"{both[0]}, {both[1]} = {both[1]}, {both[0]} + 1"]
        if kind == 3:
            value = self.draw.choice(values)
            return [*lines, f"{value} = {value} * 1", f"{value} += {self.expression(values)}"]
        if kind in (4, 5, 6):
            call = f"{self.draw.choice(calls)}({self.draw.choice(values)})"
            lines.append(f"{target} = {self.expression(values, call)}")
        else:
            lines.append(f"{target} = {self.expression(values)}")
        if target not in values:
            values.append(target)
        return lines

    def expression(self, values: list[str], call: str | None = None) -> str:
        """An operator on values and calls, kept within bounds."""
        a, b = call or self.draw.choice(values), self.draw.choice(values)
        if self.draw.random() < 0.5:
            b = f"{b}.{self.draw.choice(METHODS).format(x=b)}"
        return f"({self.draw.choice(OPERATORS).format(a=a, b=b)}).tanh()"
