"""What the stages found, as one report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from unfoldify.lowering.lower import Declined, Group
from unfoldify.recording.model import Recorded
from unfoldify.recording.paths import joined
from unfoldify.reporting.report import Report
from unfoldify.reporting.rows import LayerRow


def summarize(
    recorded: Recorded,
    groups: Sequence[tuple[str, Group]],
    declined: Sequence[tuple[str, Declined]],
    verification: Any,
    errors: dict[str, float],
    seconds: float,
) -> Report:
    """One row for each layer that was spelled out, under the name that the model has for it."""
    rows: dict[tuple[str, str], LayerRow] = {}
    for path, group in groups:
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
    left = {(layer_name(path, each), each.reason) for path, each in declined}
    fixed = [
        ": ".join(part for part in (each.where, each.reason) if part) for each in recorded.fixed
    ]
    return Report(tuple(layers), verification, tuple(sorted(left)), tuple(fixed), seconds)


def layer_name(path: str, call: Group | Declined) -> str:
    """The layer's full name; a function called by itself goes by its module and torch's name."""
    return joined(path, call.layer or call.function)
