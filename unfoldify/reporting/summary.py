"""What the stages found, as one report."""

from __future__ import annotations

from typing import Any

from unfoldify.emit.layouts import Written
from unfoldify.lowering.lower import Declined, Group
from unfoldify.recording.model import Recorded
from unfoldify.recording.paths import joined
from unfoldify.reporting.report import Report
from unfoldify.reporting.rows import LayerRow


def summarize(
    recorded: Recorded,
    written: Written,
    verification: Any,
    errors: dict[str, float],
    unmatched: tuple[str, ...],
    seconds: float,
) -> Report:
    """One row for each layer that was spelled out, under the name that the model has for it."""
    rows: dict[tuple[str, str], LayerRow] = {}
    for path, group in written.groups:
        name = layer_name(path, group)
        row = LayerRow(
            name,
            group.kind,
            group.text,
            group.shapes,
            group.intermediate,
            errors.get(name),
            group.style,
            group.why,
        )
        rows.setdefault((name, group.text), row)
    order = {name: place for place, name in enumerate(errors)}
    layers = sorted(rows.values(), key=lambda row: order.get(row.name, len(order)))
    left = {(layer_name(path, each), each.reason) for path, each in written.declined}
    fixed = [
        ": ".join(part for part in (each.where, each.reason) if part) for each in recorded.fixed
    ]
    return Report(
        tuple(layers), verification, tuple(sorted(left)), tuple(fixed), seconds, unmatched
    )


def layer_name(path: str, call: Group | Declined) -> str:
    """The layer's full name; a function called by itself goes by its module and torch's name."""
    return joined(path, call.layer or call.function)
