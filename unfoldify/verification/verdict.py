"""What a verification found: one check per mode and size, and what differs first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch

from unfoldify.verification.compare import Difference

Mode = Literal["evaluation", "training"]


@dataclass(frozen=True)
class Check:
    """Both models, run once under the same conditions. Errors are relative to each tensor."""

    mode: Mode
    inputs: str  # "x: 2x3x32x32"
    precision: str  # "float64", "float32", "shapes"
    outputs: float | None = None
    gradients: float | None = None
    buffers: float | None = None
    differences: tuple[Difference, ...] = ()
    unstable: int = 0  # tensors that differ by no more than the original's own move by rounding
    notes: tuple[str, ...] = ()
    skipped: str | None = None
    own_type: bool = False  # outputs as the model is used; float64 is what proves
    seconds: float = 0.0
    effort: float = 0.0  # seconds, as far as calls and elements tell: the same on every machine

    @property
    def ok(self) -> bool:
        """Nothing differs; a check that was left out has found nothing either."""
        return not self.differences

    def __str__(self) -> str:
        head = f"{self.mode:<10}  {self.precision:<8}  {self.inputs or 'no tensors'}"
        if self.skipped is not None:
            return f"{head}: left out, {self.skipped}"
        if self.differences:
            return f"{head}: not equal"
        errors = [
            f"{what} {_error(value)}"
            for what, value in (
                ("outputs", self.outputs),
                ("gradients", self.gradients),
                ("buffers", self.buffers),
            )
            if value is not None
        ]
        errors += [f"{self.unstable} not stable"] if self.unstable else []
        return f"{head}: {', '.join(errors) or 'equal'}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "mode": self.mode,
            "inputs": self.inputs,
            "precision": self.precision,
            "ok": self.ok,
            "skipped": self.skipped,
            "errors": {
                "outputs": self.outputs,
                "gradients": self.gradients,
                "buffers": self.buffers,
            },
            "differences": [str(d) for d in self.differences],
            "unstable": self.unstable,
            "notes": list(self.notes),
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True)
class Verification:
    """The verdict on two models.

    `ok` is True when at least one check ran and none found a difference.
    """

    checks: tuple[Check, ...] = ()
    structure: tuple[Difference, ...] = ()
    place: str | None = None  # the layers in which the first difference arises
    layers: tuple[str, ...] = ()  # the same, their names alone
    seconds: float = 0.0
    says: torch.dtype | None = None  # what values name as their type, where the model goes by it

    @property
    def ok(self) -> bool:
        """Whether something was compared and everything was equal."""
        ran = any(check.skipped is None and not check.own_type for check in self.checks)
        return ran and not self.structure and all(check.ok for check in self.checks)

    @property
    def first_difference(self) -> str | None:
        """What differs first, where it arises, and both values."""
        if self.structure:
            return str(self.structure[0])
        for check in self.checks:
            if check.differences:
                sizes = f" with {check.inputs}" if check.inputs else ""
                where = f"; {self.place}" if self.place else ""
                return f"{check.differences[0]}, in {check.mode}{sizes}{where}"
        if not self.ok:
            return "nothing could be compared: " + "; ".join(dict.fromkeys(self._skipped()))
        return None

    def _skipped(self) -> Iterator[str]:
        yield from (check.skipped for check in self.checks if check.skipped)

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know about the checks that ran, each once."""
        of_checks = dict.fromkeys(note for check in self.checks for note in check.notes)
        return (*([f"the model {self.goes_by_type}"] if self.says else []), *of_checks)

    @property
    def goes_by_type(self) -> str:
        kind = str(self.says).removeprefix("torch.")
        return f"chooses numbers by the type of its values: those of {kind} are in the file"

    @property
    def sentence(self) -> str:
        """What was shown, for a docstring: precision, what was compared, sizes, modes.

        Only of the first check of each mode, which runs however slow the machine is: the same
        model gives the same bytes.
        """
        ran = [check for check in self.checks if check.skipped is None]
        every = [check for check in ran if check.precision == "float64"] or ran
        firsts: dict[Mode, Check] = {}
        for check in every:
            firsts.setdefault(check.mode, check)
        exact = list(firsts.values())
        if not self.ok:
            return "Not equal to the original."
        what = "outputs and gradients" if any(c.gradients is not None for c in exact) else "outputs"
        sizes = " and ".join(dict.fromkeys(check.inputs for check in exact if check.inputs))
        modes = " and ".join(sorted({check.mode for check in exact}))
        sizes = f" for {sizes}," if sizes else ""
        told = f"Checked against the original in {exact[0].precision}, {what},{sizes} in {modes}."
        return f"{told} The original {self.goes_by_type}." if self.says else told

    def __str__(self) -> str:
        lines = ["equal to the original" if self.ok else f"NOT EQUAL: {self.first_difference}"]
        lines += [f"  {check}" for check in self.checks]
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "ok": self.ok,
            "first_difference": self.first_difference,
            "layers": list(self.layers),
            "structure": [str(difference) for difference in self.structure],
            "checks": [check.to_dict() for check in self.checks],
            "notes": list(self.notes),
            "seconds": round(self.seconds, 3),
        }


def _error(value: float) -> str:
    return "equal" if value == 0 else f"within {value:.0e}"
