"""What was done to a model: the layers that were spelled out, what stayed, what was proved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from unfoldify.memory import format_bytes
from unfoldify.reporting.fold import folded
from unfoldify.reporting.rows import Fold, LayerRow, error_in_words, shapes_in_words
from unfoldify.reporting.table import table
from unfoldify.verification.verdict import Verification


@dataclass(frozen=True)
class Report:
    """The whole account; `str()` is for a terminal."""

    layers: tuple[LayerRow, ...]
    verification: Verification | None
    declined: tuple[tuple[str, str], ...]  # name and reason
    fixed_sizes: tuple[str, ...]
    seconds: float
    unmatched: tuple[str, ...] = ()  # words of --only and --skip

    @property
    def folds(self) -> tuple[Fold, ...]:
        """The layers, repeated blocks as one."""
        rows = [
            (row.name, (row.kind, row.description, row.shapes, row.bytes, row.style), row)
            for row in self.layers
        ]
        return tuple(Fold(name, tuple(held)) for name, held in folded(rows))

    @property
    def headline(self) -> str:
        """How many layers of each kind were spelled out: `18 layers: 12 conv, 6 linear`."""
        kinds = Counter(row.kind for row in self.layers)
        counts = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
        layers = "1 layer" if len(self.layers) == 1 else f"{len(self.layers)} layers"
        return f"{layers} spelled out: {counts}" if counts else "no layer to spell out"

    def __str__(self) -> str:
        return self.text()

    def text(self, width: int = 110) -> str:
        """The report in at most `width` columns."""
        blocks = [self.headline, *self._layers(width), *self._rest()]
        if self.verification is not None:
            blocks.append(str(self.verification))
        return "\n\n".join(blocks)

    def _layers(self, width: int) -> Iterator[str]:
        if not self.layers:
            return
        heads = ("layer", "", "was", "shapes", "largest", "error")
        rows = [
            (
                fold.name,
                f"{len(fold.rows)}x" if len(fold.rows) > 1 else "",
                " ".join(part for part in (fold.first.kind, fold.first.description) if part),
                shapes_in_words(fold.first),
                format_bytes(fold.first.bytes),
                error_in_words(fold.error),
            )
            for fold in self.folds
        ]
        yield table(heads, rows, right=(1, 4, 5), width=width)

    def _rest(self) -> Iterator[str]:
        others = [(row.name, f"{row.style}: {row.reason}", "") for row in self.layers if row.reason]
        for title, entries in (
            ("in another style than asked for:", others),
            ("left as they were:", [(name, reason, "") for name, reason in self.declined]),
        ):
            said = [f"  {name}: {reason}" for (name, reason) in _folded_reasons(entries)]
            if said:
                yield "\n".join([title, *said])
        if self.unmatched:
            yield f"--only, --skip: no layer and no kind is called {', '.join(self.unmatched)}"
        if self.fixed_sizes:
            fixed = [f"  {line}" for line in self.fixed_sizes]
            yield "\n".join(["sizes that the model's own control flow fixes:", *fixed])

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "layers": [asdict(row) for row in self.layers],
            "verification": self.verification.to_dict() if self.verification else None,
            "declined": [{"name": name, "reason": reason} for name, reason in self.declined],
            "fixed_sizes": list(self.fixed_sizes),
            "unmatched": list(self.unmatched),
            "seconds": round(self.seconds, 3),
        }

    def to_html(self, source: str = "", title: str = "") -> str:
        """One page that needs nothing beside it; with `source`, the emitted file too."""
        from unfoldify.reporting.html import page

        return page(self, source, title)


def _folded_reasons(entries: list[tuple[str, str, str]]) -> list[tuple[str, str]]:
    rows = [(name, reason, reason) for name, reason, _ in entries]
    return [(name, reasons[0]) for name, reasons in folded(rows)]
