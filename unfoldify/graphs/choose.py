"""Which nodes of a graph are to be spelled out, and by which rule."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.utils import parametrize
from torch.nn.utils.weight_norm import WeightNorm

from unfoldify.graphs.fused import FUSED
from unfoldify.lowering.lower import Lowering
from unfoldify.recording.layers import HOOKS, is_torch_class, kind_of, plan, torch_layer
from unfoldify.recording.paths import joined
from unfoldify.rules import Rule

Rules = Mapping[Callable[..., Any], Rule]
METHODS: dict[Any, Any] = {operator.matmul: Tensor.matmul, operator.imatmul: Tensor.matmul}


def rule_of(node: fx.Node, rules: Rules) -> Rule | None:
    """The rule of a call, whichever way torch spells it."""
    if node.op == "call_method":
        return rules.get(getattr(Tensor, str(node.target), None))  # type: ignore[arg-type]
    if node.op != "call_function":
        return None
    target: Any = node.target
    if isinstance(target, torch._ops.OpOverloadPacket):
        target = getattr(target, "default", target)
    spellings = [target, METHODS.get(target)]
    if isinstance(target, torch._ops.OpOverload) and target.namespace == "aten":
        name = target._schema.name.split("::")[-1]
        packet = getattr(torch.ops.aten, name)
        spellings += [getattr(packet, "default", None), getattr(Tensor, name, None)]
        spellings += [getattr(torch, name, None)]
    return next((found for s in spellings if (found := rules.get(s) or FUSED.get(s))), None)


def layer_of(node: fx.Node) -> str:
    """The path of the module that a call stems from, as far as the graph knows."""
    if node.op == "call_module":
        return str(node.target)
    stack = node.meta.get("nn_module_stack")
    path = str(next(reversed(stack.values()))[0]) if stack else ""
    path = re.sub(r"^L\['\w+'\]\.?|^self\.?", "", path)
    return re.sub(r"\[(?:'(\w+)'|(\d+))\]", r".\1\2", path)


def plan_for(module: nn.Module, path: str, how: Lowering, whole: bool = False) -> str:
    """Whether to "spell", "enter" or "keep" a call; `whole` keeps parametrizations as calls."""
    if isinstance(module, parametrize.ParametrizationList):
        return "keep" if whole else "enter"
    if isinstance(module, (fx.GraphModule, torch.jit.ScriptModule)):
        return "keep"
    if has_other_hooks(module):
        return "keep"
    return plan(module, path, how.wanted)


def has_other_hooks(module: nn.Module) -> bool:
    """Whether a module has hooks besides the one that computes its weight."""
    hooks = [hook for name in HOOKS for hook in getattr(module, name, {}).values()]
    return not all(isinstance(hook, WeightNorm) for hook in hooks)


def is_hooked(module: nn.Module, path: str, how: Lowering) -> bool:
    """Whether hooks are why a layer stays a call."""
    layer = torch_layer(module)
    kind = kind_of(layer) if layer is not None else None
    return kind is not None and how.wanted(path, kind) and has_other_hooks(module)


def is_own_layer(module: nn.Module) -> bool:
    """Whether a module is torch's, so that what it does is known to depend on no size."""
    return is_torch_class(type(module)) or hasattr(module, "parametrizations")


def has_rules(module: nn.Module, path: str, how: Lowering) -> bool:
    """Whether a layer, or one that it is made of, is to be spelled out."""
    return any(
        plan_for(child, joined(path, name), how) == "spell"
        for name, child in module.named_modules()
    )
