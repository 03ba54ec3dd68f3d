"""Each call that has a rule, computed both ways: by torch and as it is spelled out, in float64."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)
from torch.overrides import TorchFunctionMode

from unfoldify import nesting
from unfoldify.effort import PATIENCE, Counting
from unfoldify.rules.rule import Decline, Rule
from unfoldify.verification.redraw import redrawn
from unfoldify.verification.runs import Call, Setting, run

Table = Mapping[Callable[..., Any], Rule]


@dataclass(frozen=True)
class LayerError:
    """One call of a layer or function, and how far its spelled-out form is from torch's."""

    name: str  # the layer's, or its module's and torch's name of the function: blocks.0.matmul
    kind: str
    description: str
    shapes: tuple[tuple[int, ...], ...]  # of the first operand and of the result
    error: float  # max|found - wanted| / max|wanted|, the largest of the results


def layer_errors(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any] | None,
    table: Table,
    *,
    style: str = "product",
    styles: Mapping[str, str] | None = None,
    max_seconds: float = 20.0,
    seed: int = 0,
) -> tuple[LayerError, ...]:
    """Runs the model in evaluation with redrawn weights and compares every call in the table.

    `styles` names the layers that are not written in `style`. Calls that a rule declines have no
    row, nor have those that come when `max_seconds` are used up, by what they compute. The model
    comes back as it was.
    """
    call = Call(tuple(args), dict(kwargs or {}), model)
    both = _BothWays(table, lambda name: (styles or {}).get(name, style), max_seconds)
    setting = Setting(gradients=False, seed=seed, watch=lambda: both.watching(model))
    if run(model, call, redrawn(model, seed), setting).failure is not None:
        both.found.clear()
        run(model, call, {}, replace(setting, wide=False))
    return tuple(both.found)


def largest_errors(errors: Sequence[LayerError]) -> dict[str, float]:
    """The largest error of each layer, by name."""
    largest: dict[str, float] = {}
    for each in errors:
        largest[each.name] = max(each.error, largest.get(each.name, 0.0))
    return largest


class _BothWays(TorchFunctionMode):
    """Calls torch, and beside it the rule where there is one."""

    def __init__(self, table: Table, style: Callable[[str], str], max_seconds: float) -> None:
        super().__init__()
        self.table, self.style = table, style
        self.left = max_seconds
        self.deadline = time.monotonic() + PATIENCE * max_seconds
        self.found: list[LayerError] = []
        self.path: list[tuple[str, nn.Module]] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        rule = self.table.get(func)
        if rule is None or self.left <= 0 or time.monotonic() > self.deadline:
            return func(*args, **kwargs)
        name = self._name(func)
        given = nesting.rebuilt((args, kwargs), lambda _, t: t.detach().clone())
        operand = next((tuple(t.shape) for _, t in nesting.tensors((args, kwargs))), ())
        wanted = func(*args, **kwargs)
        with contextlib.suppress(Decline, NotImplementedError), torch.no_grad():
            stream = torch.get_rng_state()
            with Counting() as counting:
                found = rule.function(*given[0], **given[1], style=self.style(name))
            self.left -= counting.effort
            torch.set_rng_state(stream)
            description = rule.describe(*args, **kwargs)
            pairs = list(zip(nesting.tensors(found), nesting.tensors(wanted), strict=False))
            shapes = (operand, *(tuple(b.shape) for _, (_, b) in pairs[:1]))
            error = max((_error(a, b) for (_, a), (_, b) in pairs), default=0.0)
            self.found.append(LayerError(name, rule.kind, description, shapes, error))
        return wanted

    def _name(self, func: Callable[..., Any]) -> str:
        path, module = self.path[-1] if self.path else ("", None)
        if type(module).__module__.startswith("torch.nn") and path:
            return path
        function = getattr(func, "__name__", str(func))
        return f"{path}.{function}" if path else function

    @contextlib.contextmanager
    def watching(self, model: nn.Module) -> Iterator[None]:
        """In effect, and aware of whose `forward` is running."""
        names = {id(module): name for name, module in reversed(list(model.named_modules()))}

        def enter(module: nn.Module, args: Any) -> None:
            self.path.append((names.get(id(module), ""), module))

        def leave(module: nn.Module, args: Any, output: Any) -> None:
            self.path.pop()

        handles = register_module_forward_pre_hook(enter), register_module_forward_hook(leave)
        try:
            with self:
                yield
        finally:
            for handle in handles:
                handle.remove()


def _error(found: Tensor, wanted: Tensor) -> float:
    if found.shape != wanted.shape:
        return float("inf")
    finite = wanted.isfinite() & found.isfinite()
    if not bool(finite.any()):
        return 0.0
    scale = float(wanted[finite].abs().max())
    gap = float((found[finite] - wanted[finite]).abs().max())
    return gap / scale if scale else gap
