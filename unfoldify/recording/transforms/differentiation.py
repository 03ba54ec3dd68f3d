"""The few calls of `torch.autograd.grad` that every kind of derivative is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unfoldify.recording.source import site
from unfoldify.recording.transforms.words import named_all, named_if_nameless


@dataclass(frozen=True)
class Differentiation:
    """How a function is differentiated; with `further`, what comes out can be differentiated again."""

    recorder: Any
    further: bool = True

    def once_more(self) -> Differentiation:
        """For what is differentiated again by the same function."""
        return Differentiation(self.recorder)

    # -- the place -----------------------------------------------------------------------------

    def place(self, x: Tensor, word: str) -> Tensor:
        """A copy that derivatives are taken by: other uses of the same value are none of theirs."""
        return self.asked(x.clone() if self.further else x.detach(), word)

    def asked(self, new: Tensor, word: str) -> Tensor:
        """A value made just now, asked for its gradients."""
        self.recorder.named(new, word)
        new.requires_grad_()
        self.recorder.named(new, word)
        self.recorder.value_node(new).meta["place"] = True
        return new

    def settle(self, copies: Sequence[Tensor]) -> None:
        """Notes the copies of a copy that nothing else was computed from: there one is enough, as
        for the derivative of a derivative.
        """
        for copy in copies:
            made = self.recorder.value_node(copy).args[0]
            source = made.args[0]
            if "place" in source.meta and list(source.users) == [made]:
                made.meta["again"] = made.target == "clone"

    def named_outputs(self, outputs: Sequence[Tensor]) -> None:
        """What is differentiated has a line of its own, and a name where its function has none."""
        for output in outputs:
            node = self.recorder.value_node(output)
            positions = node.meta.get("positions", ()) if node is not None else ()
            found = site(positions[0]) if positions else None
            if node is not None and found is not None and found.role != "assigned":
                node.meta.setdefault("name", "y")
                node.meta["own_line"] = True

    # -- derivatives ---------------------------------------------------------------------------

    def gradients(
        self,
        outputs: Sequence[Tensor],
        inputs: Sequence[Tensor],
        weights: Sequence[Tensor] | None = None,
        *,
        again: bool = True,
    ) -> list[Tensor]:
        """The gradient by each input of all outputs together, each times its weight; `again` where
        more than one is taken.
        """
        return self.of(outputs, inputs, weights, self.reached(outputs, inputs), again=again)

    def of(
        self,
        outputs: Sequence[Tensor],
        inputs: Sequence[Tensor],
        weights: Sequence[Tensor] | None,
        reached: Sequence[bool],
        *,
        again: bool = True,
    ) -> list[Tensor]:
        """The same, where it is known which inputs are reached; zeros for the others."""
        with self.recorder.pause():
            used = [index for index, output in enumerate(outputs) if output.requires_grad]
        by = [x for x, is_reached in zip(inputs, reached, strict=True) if is_reached]
        found: list[Tensor] = []
        if by:
            given: Any = (
                () if weights is None else (one_or_all([weights[index] for index in used]),)
            )
            flags: dict[str, Any] = {"retain_graph": True} if again else {}
            if self.further:
                flags = {"create_graph": True}
            of = one_or_all([outputs[index] for index in used])
            found = list(torch.autograd.grad(of, one_or_all(by), *given, **flags))
            if len(by) == 1:
                self.recorder.value_node(found[0]).args[0].meta["chained"] = True
                self.recorder.value_node(found[0]).meta["own_line"] = True
                named_if_nameless(self.recorder, found[0], "gradient")
        return [
            found.pop(0) if is_reached else torch.zeros_like(x)
            for x, is_reached in zip(inputs, reached, strict=True)
        ]

    def reached(self, outputs: Sequence[Tensor], inputs: Sequence[Tensor]) -> list[bool]:
        """Which inputs the outputs were computed from, as far as gradients know."""
        with self.recorder.pause():
            used = [output for output in outputs if output.requires_grad]
            if not used:
                return [False] * len(inputs)
            ones = [torch.ones_like(output) for output in used]
            found = torch.autograd.grad(
                used, list(inputs), ones, retain_graph=True, allow_unused=True
            )
        return [slope is not None for slope in found]

    def jacobians(self, output: Tensor, inputs: Sequence[Tensor]) -> list[Tensor]:
        """The derivative of each number of an output by each number of an input: one row for each
        of the output's, in its shape.
        """
        if output.dim() == 0:
            return self.gradients([output], inputs)
        if output.numel() == 1:
            slopes = self.gradients([output], inputs)
            if output.dim() == 1:
                return [slope.unsqueeze(0) for slope in slopes]
            return [slope.reshape(*output.shape, *slope.shape) for slope in slopes]
        reached = self.reached([output], inputs)
        rows: list[list[Tensor]] = []
        flat = output if output.dim() == 1 else output.flatten()
        place = self.recorder.positions()
        for number in flat.unbind(0):
            self.recorder.named(number, "y_i")
            with self.recorder.round(place):
                rows.append(self.of([number], inputs, None, reached))
                named_all(self.recorder, rows[-1], "row")
        stacked = [torch.stack(column) for column in zip(*rows, strict=True)]
        if output.dim() == 1:
            return stacked
        return [torch.unflatten(jacobian, 0, output.shape) for jacobian in stacked]

    def slopes_along(
        self, outputs: Sequence[Tensor], inputs: Sequence[Tensor], tangents: Sequence[Tensor]
    ) -> list[Tensor]:
        """The derivative of each output along the tangents: a gradient is linear in the weight of
        the output, and the derivative by that weight, along the tangents, is the one wanted.
        """
        reached = self.reached(outputs, inputs)
        by = [x for x, is_reached in zip(inputs, reached, strict=True) if is_reached]
        along = [v for v, is_reached in zip(tangents, reached, strict=True) if is_reached]
        if not by:
            return [torch.zeros_like(output) for output in outputs]
        weights = [self.asked(torch.zeros_like(output), "u") for output in outputs]
        for weight in weights:
            self.recorder.remark(weight, "any: the gradient is linear in it")
        backward = self.once_more().gradients(outputs, by, weights)
        named_all(self.recorder, backward, "gradient")
        return self.gradients(backward, weights, along)


def one_or_all(tensors: list[Tensor]) -> Any:
    """A tensor, or the tuple of several."""
    return tensors[0] if len(tensors) == 1 else tuple(tensors)
