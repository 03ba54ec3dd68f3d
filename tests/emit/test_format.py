"""Every layout is compared with ruff itself; the text must parse to the tree it was made of."""

from __future__ import annotations

import ast
import inspect
import math
import textwrap
from collections.abc import Iterator, Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruff_oracle import formatted_by_ruff, run_ruff
from syntax_trees import Trees
from torch import nn

from unfoldify.emit.format import (
    Blank,
    Comment,
    Remarked,
    format_expression,
    format_statement,
    format_statements,
    normal_form,
)


def statement(source: str) -> ast.stmt:
    return ast.parse(textwrap.dedent(source)).body[0]


def parsed(lines: Sequence[str]) -> ast.stmt:
    return statement("\n".join(lines))


def assert_as_ruff(cases: Sequence[tuple[ast.stmt, int]]) -> None:
    for (node, indent), wanted in zip(cases, formatted_by_ruff(cases), strict=True):
        assert format_statement(node, indent) == wanted
        assert ast.dump(parsed(wanted)) == ast.dump(normal_form(node))


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("(a + b) * c", "(a + b) * c"),
        ("(a * b) + c", "a * b + c"),
        ("a - (b - c)", "a - (b - c)"),
        ("(a ** b) ** c", "(a**b) ** c"),
        ("a ** b ** c", "a**b**c"),
        ("2 ** -0.5", "2**-0.5"),
        ("self.d ** -0.5", "self.d**-0.5"),
        ("x.shape[-1] ** -0.5", "x.shape[-1] ** -0.5"),
        ("-x ** 2", "-(x**2)"),
        ("(-x) ** 2", "(-x) ** 2"),
        ("(not a) == b", "(not a) == b"),
        ("not a == b", "not a == b"),
        ("(a and b) or c", "a and b or c"),
        ("a and (b or c)", "a and (b or c)"),
        ("(a if b else c) + d", "(a if b else c) + d"),
        ("(lambda: x)()", "(lambda: x)()"),
        ("(x := 1) + 2", "(x := 1) + 2"),
        ("(1).real", "(1).real"),
        ("(1.5).hex()", "(1.5).hex()"),
        ("x[a-1:, ..., ::2]", "x[a - 1 :, ..., ::2]"),
        ("x[:-1, None, (1, 2)]", "x[:-1, None, (1, 2)]"),
        ("x[*a, 1]", "x[(*a, 1)]"),
        ("x[1,]", "x[(1,)]"),
        ("f(*a, **(b or {}))", "f(*a, **(b or {}))"),
        ("f((y for y in x), 1)", "f((y for y in x), 1)"),
        ("f(y for y in x)", "f(y for y in x)"),
        (
            "[a for (a, b) in (c if d else e) if (f if g else h)]",
            "[a for a, b in (c if d else e) if (f if g else h)]",
        ),
        ("'it''s'", '"its"'),
        ("'say \"yes\"'", "'say \"yes\"'"),
        ("b'\\x00\"'", "b'\\x00\"'"),
        ("1e-05", "1e-5"),
        ("1E16", "1e16"),
        ("1e+3j", "1000j"),
        ("f'{x!r:>{width}} {{}}'", 'f"{x!r:>{width}} {{}}"'),
        ("f'{d[\"a\"]}'", "f\"{d['a']}\""),
        ("f'{ {1: 2}[1] }'", 'f"{ {1: 2}[1] }"'),
        ("f'a' 'b'", 'f"ab"'),
        ("f'{(lambda: 1)}{a if b else c}'", 'f"{(lambda: 1)}{a if b else c}"'),
        ("f'{(a if b else lambda: c):>4}'", 'f"{(a if b else lambda: c):>4}"'),
    ],
)
def test_an_expression_on_one_line(source: str, text: str) -> None:
    tree = ast.parse(source, mode="eval").body
    assert format_expression(tree) == text
    assert ast.dump(ast.parse(text, mode="eval").body) == ast.dump(normal_form(tree))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-1, "-1"),
        (float("inf"), 'float("inf")'),
        (float("-inf"), '-float("inf")'),
        (float("nan"), 'float("nan")'),
        (-0.0, "-0.0"),
        (1 - 2j, "1.0 - 2j"),
        (-2j, "-2j"),
        (complex(0, -2), "0.0 - 2j"),
        (complex(-0.0, 2), "complex(-0.0, 2.0)"),
        (complex(1, -0.0), "complex(1.0, -0.0)"),
        (complex(0, float("inf")), 'complex(0.0, float("inf"))'),
        (1e9, "1e9"),
        (123456789.0, "123456789.0"),
        ((1, -1), "(1, -1)"),
        (frozenset({1}), "frozenset({1})"),
        (..., "..."),
    ],
)
def test_a_constant_that_is_no_literal_is_written_as_an_expression(
    value: object, text: str
) -> None:
    constant = ast.Constant(value)  # type: ignore[arg-type]
    assert format_expression(constant) == text
    assert repr(eval(text)) == repr(value)


def test_a_node_that_occurs_twice_has_parentheses_only_where_it_needs_them() -> None:
    shared = ast.BinOp(ast.Name("a"), ast.Add(), ast.Name("b"))
    product = ast.BinOp(ast.Tuple([shared]), ast.Mult(), shared)
    assert format_expression(product) == "(a + b,) * (a + b)"


def forwards() -> Iterator[ast.stmt]:
    """The statements of torch's own layers and functions."""
    for module in (nn.modules.activation, nn.modules.transformer, nn.modules.rnn, nn.functional):
        for function in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(function, ast.FunctionDef):
                yield from (node for node in ast.walk(function) if isinstance(node, ast.stmt))


def test_statements_of_torch_are_laid_out_as_ruff_does() -> None:
    simple = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Raise, ast.Expr)
    nodes = [node for node in forwards() if isinstance(node, simple) and not is_docstring(node)]
    cases = [(node, 1 + index % 5) for index, node in enumerate(nodes)]
    assert len(cases) > 1400
    assert_as_ruff(cases)


def is_docstring(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(ast.Constant()):
            return True
    return False


def test_functions_of_torch_are_laid_out_as_ruff_does() -> None:
    functions = [node for node in forwards() if isinstance(node, ast.FunctionDef)]
    cases = [(node, 1) for node in functions]
    for (node, indent), wanted in zip(cases, formatted_by_ruff(cases), strict=True):
        assert format_statement(node, indent) == wanted


seeds = st.integers(0, 2**32)


@settings(max_examples=20, deadline=None)
@given(seeds, st.integers(1, 4), st.integers(1, 3))
def test_random_statements_are_laid_out_as_ruff_does(seed: int, indent: int, depth: int) -> None:
    trees = Trees(Random(seed), depth)
    assert_as_ruff([(trees.statement(), indent) for _ in range(20)])


@settings(max_examples=10, deadline=None)
@given(seeds, st.integers(1, 3))
def test_random_blocks_are_laid_out_as_ruff_does(seed: int, depth: int) -> None:
    trees = Trees(Random(seed), depth)
    assert_as_ruff([(trees.block(), 1) for _ in range(10)])


@settings(max_examples=50, deadline=None)
@given(seeds, st.integers(1, 4), st.sampled_from([20, 60, 100, math.inf]))
def test_whatever_the_width_the_text_parses_to_the_same_tree(
    seed: int, depth: int, width: float
) -> None:
    trees = Trees(Random(seed), depth)
    for node in [trees.statement(), trees.block()]:
        assert ast.dump(parsed(format_statement(node, 0, width=width))) == ast.dump(
            normal_form(node)
        )


MATCH = """
match (a, b):
    case 1 | -1 | "x" | None | nn.Linear():
        pass
    case [x, *_] | (1, 2 as x):
        pass
    case {"a": 1, **rest} if rest:
        pass
    case Point(x=0, y=(1 | 2) as z):
        pass
    case [single]:
        pass
    case {}:
        pass
    case _:
        pass
"""
TRY = """
async def f(a, /, b: int = 1, *args: int, c, d=2, **kwargs) -> None:
    global g
    try:
        async with a as b, c:
            await d
        async for x in y:
            yield x
    except (A, B) as e:
        raise C from e
    except D:
        del a, b[0]
    else:
        return [x async for x in y]
    finally:
        nonlocal_ = yield
"""
CLASS = """
@dataclass(frozen=True)
class A(B, metaclass=C):
    '''A docstring
       of two lines.'''
    x: int = 0
    class D:
        pass
    def f(self): ...
    def g(self):
        def h():
            return 1
        if self.x:
            def i():
                return 1
            return i
        elif self.y:
            import a.b as c
            from . import d
            while True:
                break
        else:
            return h
"""


@pytest.mark.parametrize("source", [MATCH, TRY, CLASS])
def test_every_other_statement_is_laid_out_as_ruff_does(source: str) -> None:
    node = statement(source)
    lines = format_statements([node], blank_lines=2)
    assert run_ruff("\n".join(lines) + "\n").splitlines() == lines
    if source is not CLASS:
        assert ast.dump(parsed(lines)) == ast.dump(normal_form(node))


def test_a_docstring_moves_with_its_function() -> None:
    node = statement(
        '''
        def f():
                """Says \\"hi\\" to C:\\\\

                Once, or
                    twice
                """
        '''
    )
    assert format_statement(node, 1) == [
        "    def f():",
        '        """Says "hi" to C:\\\\',
        "",
        "        Once, or",
        "            twice",
        '        """',
    ]


def test_a_docstring_ends_with_its_last_word() -> None:
    assert format_statement(statement("def f():\n    '''Halves. '''"), 0) == [
        "def f():",
        '    """Halves."""',
    ]


def test_a_remark_ends_the_line_if_there_is_room() -> None:
    node = statement("x = (x * w).sum(dim=(2, 5, 6))")
    assert format_statement(node, 2, remark="over c_in, kh, kw") == [
        "        x = (x * w).sum(dim=(2, 5, 6))  # over c_in, kh, kw"
    ]


def test_a_remark_stands_above_a_line_that_it_would_make_too_long() -> None:
    node = statement("x = f(" + "a" * 90 + ")")
    just_fits = format_statement(node, 0, remark="")
    assert len(just_fits[0]) == 97
    assert format_statement(node, 0, remark="!") == ["# !", *just_fits]


def test_a_remark_stands_above_a_statement_of_several_lines() -> None:
    node = statement("x = f(" + "a" * 60 + ", " + "b" * 60 + ")")
    assert format_statement(node, 1, remark="why") == [
        "    # why",
        "    x = f(",
        "        " + "a" * 60 + ",",
        "        " + "b" * 60 + ",",
        "    )",
    ]


def test_a_remark_about_a_sum_says_so_where_it_stands_alone() -> None:
    long = statement("x = (" + "a" * 60 + " * w).sum(dim=(2, 5, 6))")
    assert format_statement(long, 0, remark="over c_in, kh, kw")[0] == "# sum over c_in, kh, kw"
    other = statement("x = f(" + "a" * 85 + ")")
    assert format_statement(other, 0, remark="over i")[0] == "# over i"


def test_comments_remarks_and_blank_lines_among_statements() -> None:
    loop = statement("for x_t in x: pass")
    assert isinstance(loop, ast.For)
    loop.body = [
        Comment("one step\n\nof time"),
        Remarked(statement("h = h + x_t"), "over i"),
        Blank(),
    ]
    lines = format_statements([Comment("lstm"), Blank(), Remarked(loop, "over time"), Blank()])
    assert lines == [
        "# lstm",
        "",
        "for x_t in x:  # over time",
        "    # one step",
        "    #",
        "    # of time",
        "    h = h + x_t  # over i",
    ]


def test_a_comment_above_a_method_stays_with_it() -> None:
    node = statement("class A:\n    x = 1\n    def f(self):\n        pass")
    assert isinstance(node, ast.ClassDef)
    node.body.insert(1, Comment("about f"))
    lines = format_statement(node)
    assert lines[1:5] == ["    x = 1", "", "    # about f", "    def f(self):"]
    assert run_ruff("\n".join(lines) + "\n").splitlines() == lines
