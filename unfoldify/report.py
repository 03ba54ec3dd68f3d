"""What was done to a model: which layers were spelled out, what was verified, what stayed and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from unfoldify.verdict import Verification


@dataclass(frozen=True)
class LayerRow:
    """One rewritten call."""

    name: str
    kind: str
    description: str
    shapes: tuple[tuple[int, ...], ...]
    bytes: int
    error: float | None
    style: str
    reason: str = ""


@dataclass(frozen=True)
class Report:
    """The whole account."""

    layers: tuple[LayerRow, ...]
    verification: Verification | None
    declined: tuple[tuple[str, str], ...]  # name and reason
    fixed_sizes: tuple[str, ...]
    seconds: float

    def __str__(self) -> str:
        lines = [str(self.verification)] if self.verification else []
        for row in self.layers:
            lines.append(f"{row.name}  {row.kind}  {row.description}  {row.bytes}")
        return "\n".join(lines)

    def to_dict(self) -> Mapping[str, Any]:
        return {"layers": [asdict(row) for row in self.layers]}
