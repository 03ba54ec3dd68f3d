"""Literals as text: strings in the quotes that need fewest escapes, numbers in few digits."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Protocol

DOUBLE, SINGLE = '"', "'"
_EXPONENT = re.compile(r"e\+?(-?)0*(?=\d)")


class ExpressionText(Protocol):
    """The text of an expression, strings in it in the given quotes or the fitting ones."""

    def __call__(self, node: ast.expr, quote: str | None) -> str: ...


def constant_text(value: object, quote: str | None = None) -> str:
    """The text of a constant in normal form, strings in the given quotes or the fitting ones."""
    if isinstance(value, str):
        quote = quote or preferred_quote(value)
        return quote + escaped(value, quote) + quote
    if isinstance(value, bytes):
        text = value.decode("latin-1")
        quote = quote or preferred_quote(text)
        return "b" + quote + "".join(_escaped_byte(each, quote) for each in value) + quote
    if value is Ellipsis:
        return "..."
    text = _EXPONENT.sub(r"e\1", repr(value))
    if isinstance(value, float) and text.endswith("00000.0"):
        digits = text.removesuffix(".0").rstrip("0")
        return f"{digits}e{len(text) - len('.0') - len(digits)}" if len(digits) == 1 else text
    return text


def preferred_quote(text: str) -> str:
    """Double quotes, unless single ones save escapes."""
    return SINGLE if text.count(DOUBLE) > text.count(SINGLE) else DOUBLE


def escaped(text: str, quote: str) -> str:
    """The inside of a string literal."""
    if text.isprintable() and "\\" not in text and quote not in text:
        return text
    return "".join(_escaped_character(character, quote) for character in text)


def _escaped_character(character: str, quote: str) -> str:
    if character == quote:
        return "\\" + quote
    return character if character in "'\"" else repr(character)[1:-1]


def _escaped_byte(byte: int, quote: str) -> str:
    character = chr(byte)
    if character == quote:
        return "\\" + quote
    return character if character in "'\"" else repr(bytes([byte]))[2:-1]


def f_string_text(node: ast.JoinedStr, expression_text: ExpressionText) -> str:
    """An f-string; its strings inside have the other kind of quotes, for Python before 3.12.

    Where that does not do, three quotes are put around it, or else it is left to `ast.unparse`.
    """
    quote = preferred_quote(_literal_parts(node))
    for outer, inside in ((quote, SINGLE if quote == DOUBLE else DOUBLE), (DOUBLE * 3, None)):
        pieces = list(_f_string_pieces(node, outer, partial(expression_text, quote=inside)))
        fields = [text for text, is_field in pieces if is_field]
        content = "".join(text for text, _ in pieces)
        is_possible = not any("\\" in field or outer in field for field in fields)
        if is_possible and (len(outer) == 1 or not (outer in content or content.endswith(DOUBLE))):
            return "f" + outer + content + outer
    return ast.unparse(node)


def _f_string_pieces(
    node: ast.JoinedStr, quote: str, expression_text: Callable[[ast.expr], str]
) -> Iterator[tuple[str, bool]]:
    """The parts of an f-string between its quotes, and whether they are expressions."""
    for part in node.values:
        if not isinstance(part, ast.FormattedValue):
            yield (
                escaped(_constant_string(part), quote).replace("{", "{{").replace("}", "}}"),
                False,
            )
            continue
        text = expression_text(part.value)
        is_plain = part.conversion == -1 and part.format_spec is None
        space = " " if text.startswith("{") else ""
        yield "{" + space, False
        yield text, True
        if part.conversion != -1:
            yield f"!{chr(part.conversion)}", False
        if isinstance(part.format_spec, ast.JoinedStr):
            yield ":", False
            yield from _f_string_pieces(part.format_spec, quote, expression_text)
        yield (space if is_plain else "") + "}", False


def _constant_string(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise TypeError(f"not a part of an f-string: {ast.dump(node)}")


def _literal_parts(node: ast.JoinedStr) -> str:
    texts: list[str] = []
    for part in node.values:
        match part:
            case ast.Constant(str(text)):
                texts.append(text)
            case ast.FormattedValue(format_spec=ast.JoinedStr() as specification):
                texts.append(_literal_parts(specification))
    return "".join(texts)


def docstring_lines(text: str, indent: str) -> list[str]:
    """A docstring's lines: its text moved to the given indentation, three double quotes around."""
    text = inspect.cleandoc(text).rstrip().replace("\\", "\\\\").replace('"""', r"\"\"\"")
    text = f" {text}" if text.startswith('"') else text
    lines = [line.rstrip() for line in text.split("\n")]
    if len(lines) == 1:
        space = " " if not text or text.endswith('"') else ""
        return [f'{indent}"""{text}{space}"""']
    if all(not line or line.startswith(" ") for line in lines[1:]):
        lines = ["", *lines]  # the first line shows from where the others are indented
    first, *rest = [indent + line if line else "" for line in lines]
    return [f'{indent}"""{first.removeprefix(indent)}', *rest, f'{indent}"""']
