"""Lines as they stand in the user's file: at an indentation, with its unit."""

from __future__ import annotations

import ast

from unfoldify.emit.format import format_statements
from unfoldify.emit.lines import paragraphs

WIDTH = 100


def in_file(lines: list[ast.stmt], indentation: str, unit: str) -> list[str]:
    """The lines as they stand in the file, at an indentation and with its unit."""
    width = WIDTH - len(indentation.expandtabs(4))
    found = []
    for line in format_statements(paragraphs(lines), width=width, blank_lines=1):
        depth = (len(line) - len(line.lstrip(" "))) // 4
        found.append(indentation + unit * depth + line[depth * 4 :] if line.strip() else "")
    return found
