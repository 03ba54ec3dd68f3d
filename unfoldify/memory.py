"""Amounts of memory in words: `1GiB` ↔ 1073741824."""

from __future__ import annotations

import re

from unfoldify.errors import UsageError

_BINARY = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_DECIMAL = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def parse_bytes(text: str | int) -> int:
    """The number of bytes that "1GiB", "512 MiB", "2GB" or "65536" means.

    >>> parse_bytes("1GiB"), parse_bytes("1.5 kB"), parse_bytes(4096)
    (1073741824, 1500, 4096)
    """
    if isinstance(text, int) and text >= 0:
        return text
    words = str(text).strip().lower()
    match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*(?:([kmgt])(i?)b?|b|bytes)?", words)
    if match is None:
        raise UsageError(
            f"max_intermediate {str(text)!r} is not an amount of memory.\n"
            "Write a number and a unit: 1GiB, 512MiB, 2GB, or plain bytes: 1073741824"
        )
    number, prefix, binary = match.groups()
    units = _BINARY if binary else _DECIMAL
    return int(float(number) * (units[prefix] if prefix else 1))


def format_bytes(count: int) -> str:
    """Three significant digits and a binary unit.

    >>> format_bytes(512), format_bytes(462422016), format_bytes(128 * 2**30)
    ('512 B', '441 MiB', '128 GiB')
    """
    if count < 1024:
        return f"{count} B"
    size = float(count)
    for unit in ("KiB", "MiB", "GiB", "TiB", "PiB"):
        size /= 1024
        if size < 999.5 or unit == "PiB":
            break
    return f"{size:.3g} {unit}"
