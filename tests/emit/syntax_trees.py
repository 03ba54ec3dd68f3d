"""Random statements of every kind, as syntax trees that text can express."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")
_LOAD, _STORE = ast.Load(), ast.Store()
_NAMES = ["x", "w", "self", "scores", "attention_mask", "relative_position_bias_table"] * 3
_NAMES += ["a_name_so_long_that_two_of_them_hardly_fit_on_a_line_of_a_hundred_characters"]
_CONSTANTS: list[Any] = [0, 1, -1, 2, 224, 65536, 0.5, -0.02, 1e-5, 1e16, 2j, 1 - 2.5j]
_CONSTANTS += [None, True, False, ..., "", "cuda", "b h n d -> b n (h d)", "it's", 'a "word"']
_CONSTANTS += ["line\n", "\\", "é", b"\0'", "a long text without meaning " * 3, float("inf")]
_TEXTS = ["shape ", "{}", "it's ", 'a "word" ']
_BINARY = [ast.Add, ast.Sub, ast.Mult, ast.Div, ast.MatMult, ast.Pow, ast.FloorDiv, ast.Mod]
_BINARY += [ast.BitAnd, ast.BitOr, ast.BitXor, ast.LShift, ast.RShift, ast.Add, ast.Mult]
_COMPARED = [ast.Eq, ast.NotEq, ast.Lt, ast.GtE, ast.Is, ast.IsNot, ast.In, ast.NotIn]
_SIGNS = [ast.USub, ast.UAdd, ast.Invert, ast.Not]


@dataclass(frozen=True)
class Trees:
    """Draws trees from a source of randomness; `depth` limits how far expressions nest."""

    random: Random
    depth: int = 3

    def some(self, draw: Callable[[], T], least: int, most: int) -> list[T]:
        return [draw() for _ in range(self.random.randint(least, most))]

    def perhaps(self, draw: Callable[[], T]) -> T | None:
        return draw() if self.random.random() < 0.5 else None

    def name(self) -> str:
        return self.random.choice(_NAMES)

    def variable(self) -> ast.expr:
        return ast.Name(self.name(), _LOAD)

    def deeper(self) -> Trees:
        return Trees(self.random, self.depth - 1)

    def expression(self) -> ast.expr:
        if self.depth == 0 or self.random.random() < 0.2:
            is_name = self.random.random() < 0.6
            return self.variable() if is_name else ast.Constant(self.random.choice(_CONSTANTS))
        inner = self.deeper()
        kinds = [inner.operator] * 3 + [inner.chain] * 4 + [inner.display, inner.rare]
        return self.random.choice(kinds)()

    def operator(self) -> ast.expr:
        choose = self.random.choice
        match choose("bbbbuoci"):
            case "b":
                return ast.BinOp(self.expression(), choose(_BINARY)(), self.expression())
            case "u":
                return ast.UnaryOp(choose(_SIGNS)(), self.expression())
            case "o":
                return ast.BoolOp(choose([ast.And, ast.Or])(), self.some(self.expression, 2, 4))
            case "c":
                others = self.some(self.expression, 1, 2)
                return ast.Compare(self.expression(), [choose(_COMPARED)() for _ in others], others)
        return ast.IfExp(self.expression(), self.expression(), self.expression())

    def chain(self) -> ast.expr:
        node = self.variable() if self.random.random() < 0.8 else self.expression()
        for _ in range(self.random.randint(1, 5)):
            match self.random.choice("aacccs"):
                case "a":
                    node = ast.Attribute(node, self.name(), _LOAD)
                case "c":
                    if not isinstance(node, ast.Attribute):
                        node = ast.Attribute(node, self.name(), _LOAD)
                    node = ast.Call(node, self.some(self.argument, 0, 3), self.keywords())
                case "s":
                    node = ast.Subscript(node, self.index(), _LOAD)
        return node

    def argument(self) -> ast.expr:
        is_starred = self.random.random() < 0.1
        return ast.Starred(self.expression(), _LOAD) if is_starred else self.expression()

    def keywords(self) -> list[ast.keyword]:
        names = dict.fromkeys(self.some(self.name, 0, 2))
        keywords = [ast.keyword(name, self.expression()) for name in names]
        if self.random.random() < 0.1:
            keywords.append(ast.keyword(None, self.expression()))
        return keywords

    def index(self) -> ast.expr:
        items = self.some(self.slice_or_index, 1, 4)
        return items[0] if len(items) == 1 else ast.Tuple(items, _LOAD)

    def slice_or_index(self) -> ast.expr:
        if self.random.random() < 0.5:
            return self.expression()
        return ast.Slice(*(self.perhaps(self.expression) for _ in range(3)))

    def display(self) -> ast.expr:
        match self.random.choice("tldgcskf"):
            case "t":
                return ast.Tuple(self.some(self.argument, 0, 4), _LOAD)
            case "l":
                return ast.List(self.some(self.argument, 0, 4), _LOAD)
            case "d":
                pairs = self.some(lambda: (self.perhaps(self.expression), self.expression()), 0, 3)
                return ast.Dict([key for key, _ in pairs], [value for _, value in pairs])
            case "g":
                return ast.GeneratorExp(self.expression(), self.generators())
            case "c":
                return ast.ListComp(self.expression(), self.generators())
            case "s":
                return ast.Set(self.some(self.expression, 1, 3))
            case "k":
                return ast.DictComp(self.expression(), self.expression(), self.generators())
        return ast.Lambda(self.arguments(annotated=False), self.expression())

    def generators(self) -> list[ast.comprehension]:
        def one() -> ast.comprehension:
            conditions = self.some(self.expression, 0, 2)
            return ast.comprehension(self.target(), self.expression(), conditions, 0)

        return self.some(one, 1, 2)

    def rare(self) -> ast.expr:
        match self.random.choice("nff"):
            case "n":
                return ast.NamedExpr(ast.Name(self.name(), _STORE), self.expression())

        def part() -> ast.expr:
            if self.random.random() < 0.4:
                return ast.Constant(self.random.choice(_TEXTS))
            spec = ast.JoinedStr([ast.Constant(">10")]) if self.random.random() < 0.3 else None
            return ast.FormattedValue(self.expression(), self.random.choice([-1, -1, 114]), spec)

        node = ast.JoinedStr(self.some(part, 1, 3))
        try:
            text = ast.unparse(node)
        except ValueError:  # no way to write it before Python 3.12
            return self.variable()
        is_plain = not any(quotes in text for quotes in ('"""', "'''", "\n"))
        return node if is_plain else self.variable()

    def target(self, depth: int = 1) -> ast.expr:
        match self.random.choice("nnnasst" if depth else "nnas"):
            case "a":
                return ast.Attribute(self.variable(), self.name(), _STORE)
            case "s":
                return ast.Subscript(self.variable(), self.deepest().index(), _STORE)
            case "t":
                return ast.Tuple(self.some(lambda: self.target(depth - 1), 1, 4), _STORE)
        return ast.Name(self.name(), _STORE)

    def deepest(self) -> Trees:
        return Trees(self.random, 0)

    def arguments(self, annotated: bool) -> ast.arguments:
        names = list(dict.fromkeys(self.some(self.name, 0, 5)))
        every = [
            ast.arg(name, self.deepest().expression() if annotated and self.flip() else None)
            for name in names
        ]
        cut = self.random.randint(0, len(every))
        positional, keyword = every[:cut], every[cut:]
        only = self.random.choice([0, 0, 1])
        return ast.arguments(
            posonlyargs=positional[:only],
            args=positional[only:],
            vararg=ast.arg("args") if self.flip() else None,
            kwonlyargs=keyword,
            kw_defaults=[self.perhaps(self.expression) for _ in keyword],
            kwarg=ast.arg("kwargs") if self.flip() else None,
            defaults=[self.expression() for _ in range(self.random.randint(0, len(positional)))],
        )

    def flip(self) -> bool:
        return self.random.random() < 0.3

    def statement(self) -> ast.stmt:
        match self.random.choice("aaaagnrreexv"):
            case "a":
                return ast.Assign(self.some(self.target, 1, 2), self.expression())
            case "g":
                operator = self.random.choice([ast.Add, ast.MatMult])()
                item = ast.Subscript(self.variable(), self.deepest().index(), _STORE)
                return ast.AugAssign(item, operator, self.expression())
            case "n":
                target = ast.Name(self.name(), _STORE)
                return ast.AnnAssign(target, self.expression(), self.perhaps(self.expression), 1)
            case "r":
                return ast.Return(self.perhaps(self.expression))
            case "x":
                return ast.Assert(self.expression(), self.perhaps(self.expression))
            case "v":
                return ast.Raise(self.expression(), self.perhaps(self.expression))
        expression = self.expression()
        is_docstring = isinstance(expression, ast.Constant)
        return ast.Expr(self.variable() if is_docstring else expression)

    def block(self) -> ast.stmt:
        match self.random.choice("iwftd"):
            case "i":
                return ast.If(self.expression(), self.body(), self.perhaps(self.body) or [])
            case "w":
                return ast.While(self.expression(), self.body(), self.perhaps(self.body) or [])
            case "f":
                orelse = self.perhaps(self.body) or []
                return ast.For(self.target(), self.expression(), self.body(), orelse)
            case "t":
                items = self.some(self.context, 1, 2)
                return ast.With(items, self.body())
        arguments = self.arguments(annotated=True)
        decorators = self.some(self.chain, 0, 1)
        returns = self.perhaps(self.expression)
        return ast.FunctionDef(self.name(), arguments, self.body(), decorators, returns)

    def context(self) -> ast.withitem:
        return ast.withitem(self.chain(), self.perhaps(self.target))

    def body(self) -> list[ast.stmt]:
        return self.some(self.statement, 1, 3)
