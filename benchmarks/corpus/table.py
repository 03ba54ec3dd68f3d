"""Rows → a page of markdown: totals by family, failures by cause, every row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from statistics import median

from benchmarks.corpus.causes import by_cause
from benchmarks.corpus.row import COUNTED, Row

Columns = Sequence[tuple[str, Callable[[Row], str]]]


def table(rows: Sequence[Row], style: str) -> str:
    """The whole page; a section that would be empty is left out."""
    ordered = sorted(rows, key=lambda row: row.title)
    counted = [row for row in ordered if row.outcome in COUNTED]
    left_out = [row for row in ordered if row.outcome not in (*COUNTED, "skipped")]
    parts = [f"# Other people's models, {style} style\n", _totals(ordered)]
    if counted:
        parts += ["\n## Failures by cause\n", *_causes(counted)]
        parts += ["\n## Every model\n", _markdown(_columns(ordered), counted)]
    if left_out:
        parts.append("\n## Left out: they do not run here without the tool either\n")
        parts.append(_markdown(_LEFT_OUT, left_out))
    return "\n".join(parts) + "\n"


def _totals(rows: Sequence[Row]) -> str:
    families = [*dict.fromkeys(row.family for row in rows), ""]
    lines = [
        "| family | run here | verified | share | refused | not equal | crashed | died | timeout"
    ]
    lines[0] += " | median seconds | fx | export |"
    lines.append("|---|" + "---:|" * 11)
    for family in families:
        members = [row for row in rows if row.family == family or not family]
        lines.append(_total(family or "**all**", members))
    return "\n".join(lines)


def _total(name: str, rows: Sequence[Row]) -> str:
    counts = Counter(row.outcome for row in rows)
    run = sum(counts[outcome] for outcome in COUNTED)
    share = f"{counts['verified'] / run:.1%}" if run else ""
    seconds = [row.seconds for row in rows if row.outcome == "verified" and row.seconds is not None]
    cells = [name, str(run), str(counts["verified"]), share]
    cells += [str(counts[outcome]) for outcome in COUNTED[1:]]
    cells.append(f"{median(seconds):.1f}" if seconds else "")
    cells += [_beside_total(rows, way) for way in ("fx", "export")]
    return f"| {' | '.join(cells)} |"


def _beside_total(rows: Iterable[Row], way: str) -> str:
    results = [row.beside[way] for row in rows if way in row.beside]
    return f"{results.count('')}/{len(results)}" if results else ""


def _causes(rows: Sequence[Row]) -> list[str]:
    lines = []
    for cause, members in by_cause(rows):
        names = ", ".join(row.title for row in members[:8])
        more = f" and {len(members) - 8} more" if len(members) > 8 else ""
        lines.append(f"- **{len(members)}** {_cell(cause)}: {names}{more}")
    return lines or ["none"]


def _columns(rows: Sequence[Row]) -> Columns:
    columns: list[tuple[str, Callable[[Row], str]]] = [
        ("model", lambda row: row.title),
        ("captured", lambda row: "yes" if row.captured else "no"),
        ("verified", lambda row: "yes" if row.outcome == "verified" else row.outcome),
        ("equal at", lambda row: "; ".join(row.sizes)),
        ("bound to", lambda row: "; ".join(row.fixed)),
        ("seconds", lambda row: "" if row.seconds is None else f"{row.seconds:.1f}"),
        ("MiB", lambda row: str(row.memory or "")),
        ("lines", lambda row: str(row.lines or "")),
        ("of original", lambda row: str(row.original_lines or "")),
        ("refused, and why", _why),
    ]
    for way in ("fx", "export"):
        if any(way in row.beside for row in rows):
            columns.append((way, lambda row, way=way: row.beside.get(way, "?") or "yes"))  # type: ignore[misc]
    return columns


def _why(row: Row) -> str:
    if row.outcome in ("timeout", "died"):
        return f"while {row.stage}: {row.reason}"
    failed = f"{row.error}: {row.reason}" if row.error else ""
    return "; ".join(part for part in (failed, *row.declined) if part)


_LEFT_OUT: Columns = (
    ("model", lambda row: row.title),
    ("outcome", lambda row: row.outcome),
    ("why", lambda row: f"{row.error}: {row.reason}"),
)


def _markdown(columns: Columns, rows: Iterable[Row]) -> str:
    lines = [f"| {' | '.join(name for name, _ in columns)} |", "|---" * len(columns) + "|"]
    lines += [f"| {' | '.join(_cell(show(row)) for _, show in columns)} |" for row in rows]
    return "\n".join(lines)


def _cell(text: str, longest: int = 160) -> str:
    flat = " ".join(text.split()).replace("|", "\\|")
    return flat if len(flat) <= longest else f"{flat[: longest - 1]}…"
