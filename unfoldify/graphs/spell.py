"""One node → the nodes that spell it out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import fx, nn

from unfoldify.graphs.choose import layer_of
from unfoldify.graphs.recorder import GraphRecorder
from unfoldify.graphs.shapes import Known
from unfoldify.lowering.lower import function_name
from unfoldify.recording.old_orders import in_todays_order
from unfoldify.rules import Decline, Rule


def spell_call(recorder: GraphRecorder, node: fx.Node, rule: Rule, known: Known) -> Any:
    name, path = function_name(node), layer_of(node)

    def compute(args: Any, kwargs: Any) -> Any:
        args, kwargs = in_todays_order(name, args, kwargs)
        return recorder.by_rule(rule, name, args, kwargs, path)

    return recorder.record(node, known, compute)


def spell_layer(recorder: GraphRecorder, node: fx.Node, known: Known) -> Any:
    """A layer's forward; one whose weight is computed must compute it alike in both modes."""
    path = str(node.target)
    layer = recorder.module.get_submodule(path)

    def compute(args: Any, kwargs: Any) -> Any:
        return recorder.run_layer(layer, path, args, kwargs)

    recorder.whole = False
    if any(hasattr(child, "parametrizations") for child in layer.modules()):
        recorder.whole = not alike_in_both_modes(recorder, node, layer, known, compute)
    return recorder.record(node, known, compute)


def alike_in_both_modes(
    recorder: GraphRecorder,
    node: fx.Node,
    layer: nn.Module,
    known: Known,
    compute: Callable[[Any, Any], Any],
) -> bool:
    """Whether a layer does the same in training as in evaluation."""
    modes = {child: child.training for child in layer.modules()}
    seen: list[list[Any]] = []
    for training in (True, False):
        groups = len(recorder.groups)
        layer.train(training)
        try:
            recorder.record(node, known, compute)
            seen.append(numbered(recorder.new))
            recorder.undo(0)
            del recorder.groups[groups:]
        except Decline:
            return False
        finally:
            for child, mode in modes.items():
                child.training = mode
    return seen[0] == seen[1]


def numbered(nodes: list[fx.Node]) -> list[Any]:
    """What nodes do, whatever their names are."""
    numbers = {node: index for index, node in enumerate(nodes)}

    def plain(source: fx.Node) -> Any:
        return numbers.get(source, source.name)

    calls = ((n.op, n.target, n.args, n.kwargs) for n in nodes)
    return [
        (op, target, fx.node.map_arg(args, plain), fx.node.map_arg(kwargs, plain))
        for op, target, args, kwargs in calls
    ]
