"""Literals as text: strings in the quotes that need the fewest escapes, numbers as short as they go."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable

DOUBLE, SINGLE = '"', "'"
_EXPONENT = re.compile(r"e\+?(-?)0*(?=\d)")


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
    return _EXPONENT.sub(r"e\1", repr(value))


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


def f_string_text(node: ast.JoinedStr, expression_text: Callable[[ast.expr, str], str]) -> str:
    """An f-string; `expression_text` gives the text of a replaced field, strings in given quotes.

    Where Python before 3.12 has no way to write it that follows the style, the parser's own
    spelling is taken.
    """
    quote = preferred_quote(_literal_parts(node))
    inside = SINGLE if quote == DOUBLE else DOUBLE
    fields: list[str] = []

    def field_text(field: ast.FormattedValue) -> str:
        text = expression_text(field.value, inside)
        fields.append(text)
        conversion = f"!{chr(field.conversion)}" if field.conversion != -1 else ""
        specification = ""
        if isinstance(field.format_spec, ast.JoinedStr):
            specification = ":" + parts_text(field.format_spec)
        start = " " if text.startswith("{") else ""
        end = start if not conversion and not specification else ""
        return f"{{{start}{text}{end}{conversion}{specification}}}"

    def parts_text(string: ast.JoinedStr) -> str:
        return "".join(
            field_text(part)
            if isinstance(part, ast.FormattedValue)
            else escaped(_constant_string(part), quote).replace("{", "{{").replace("}", "}}")
            for part in string.values
        )

    text = "f" + quote + parts_text(node) + quote
    if any(quote in field or "\\" in field for field in fields):
        return ast.unparse(node)
    return text


def _constant_string(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise TypeError(f"not a part of an f-string: {ast.dump(node)}")


def _literal_parts(node: ast.JoinedStr) -> str:
    return "".join(
        _literal_parts(part.format_spec)
        if isinstance(part, ast.FormattedValue) and isinstance(part.format_spec, ast.JoinedStr)
        else part.value
        if isinstance(part, ast.Constant)
        else ""
        for part in node.values
    )


def docstring_lines(text: str, indent: str) -> list[str]:
    """A docstring's lines: its text moved to the given indentation, three double quotes around."""
    text = inspect.cleandoc(text).replace("\\", "\\\\").replace('"""', r"\"\"\"")
    lines = [line.rstrip() for line in text.split("\n")]
    if len(lines) == 1:
        space = " " if not text or text.endswith('"') else ""
        return [f'{indent}"""{text}{space}"""']
    first, *rest = lines
    return [f'{indent}"""{first}', *(indent + line if line else "" for line in rest), f'{indent}"""']
