"""The arguments at a place → lines that hold however the model is built, where there are such.

Numbers that the file fixes are written as numbers. Those that a constructor argument decides are
read from the layer: the rule then runs with stand-ins, large primes that no rule has of its own,
and the lines have the layer's attributes in their place. What would take other lines for other
numbers (groups, dilation, padding by name) has to be fixed.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F

from unfoldify.emit.patch.arguments import INPUTS, Bound, Source, Values, described
from unfoldify.emit.patch.constructors import OPEN
from unfoldify.emit.patch.rulebook import Form, General, Rulebook, different, fingerprint
from unfoldify.emit.patch.spell import (
    Invocation,
    Operand,
    Spelling,
    is_sum_with,
    spell,
)
from unfoldify.lowering.lower import Lowering
from unfoldify.recording.values import Description

STAND_INS = {"kernel_size": (101, 103, 107), "stride": (109, 113, 127), "padding": (131, 137, 139)}
ROOM = 1009  # a length in which the windows of stand-ins fit
CONVOLUTIONS = {torch.conv1d: 1, torch.conv2d: 2, torch.conv3d: 3}
TRANSPOSED = {torch.conv_transpose1d: 1, torch.conv_transpose2d: 2, torch.conv_transpose3d: 3}


def form_of(bound: Bound, calls: list[Values], rules: Rulebook) -> Form:
    """One form for all calls; raises General where they need several, Decline where none does."""
    kept = set(map(id, different([values.call for values in calls])))
    calls = [values for values in calls if id(values.call) in kept]
    how = rules.for_all([values.call for values in calls])
    forms: dict[str, Form] = {}
    for values in calls:
        form = one_form(bound, values, how, rules.dialect)
        forms[fingerprint(form)] = form
    if len(forms) > 1:
        raise General("it is called in several forms")
    return next(iter(forms.values()))


# -- linear layers and convolutions ----------------------------------------------------------------


def one_form(bound: Bound, values: Values, how: Lowering, dialect: str) -> Form:
    """The form of one call, with every number open that is not fixed."""
    check_fixed(bound, values)
    shapes = shapes_of(bound, values)
    numbers: dict[int, str] = {}
    constants = hyper_parameters(bound, values, shapes, numbers)
    operands: dict[str, Source] = {}
    args: list[Any] = []
    optional = None
    for name in tensors_of(values):
        source = bound.sources.get(name)
        shape = shapes.get(name)
        if name == "bias" and (source is None or source.fixed in (None, False)):
            args.append(None)
            continue
        if source is None or shape is None:
            raise General(f"{name} is not given")
        like = described(values.of("weight" if name == "bias" else name))
        operand = Operand(len(args), Description(shape, contiguous(shape), like.dtype, like.device))
        operands[operand.label] = source
        args.append(operand)
        if name == "bias" and source.fixed is OPEN:
            optional = operand.label
    target = values.call.node.target
    invocation = Invocation("call_function", target, (*args, *constants), {}, None, numbers)
    spelling = spell(invocation, how, dialect)
    if optional is not None and not is_sum_with(spelling, optional):
        raise General("the bias is not added last")
    return Form(spelling, operands, optional, heading(bound, values, spelling, bool(numbers)))


def tensors_of(values: Values) -> list[str]:
    if values.call.node.target is F.bilinear:
        return ["input1", "input2", "weight", "bias"]
    return ["input", "weight", "bias"]


def check_fixed(bound: Bound, values: Values) -> None:
    """What the file fixes is what was seen: else somebody changed the layer after it was made."""
    for name, source in bound.sources.items():
        if source.fixed is OPEN or name in INPUTS or source.node is not None:
            continue
        seen = values.of(name)
        if name == "bias":
            if (seen is not None) != bool(source.fixed):
                raise General("the layer was changed after it was made")
        elif not equal_sizes(seen, source.fixed):
            raise General("the layer was changed after it was made")


def equal_sizes(seen: Any, fixed: Any) -> bool:
    if isinstance(seen, str) or isinstance(fixed, str):
        return bool(seen == fixed)
    seen = tuple(seen) if isinstance(seen, (tuple, list)) else (seen,)
    fixed = tuple(fixed) if isinstance(fixed, (tuple, list)) else (fixed,)
    uniform = len(set(seen)) == len(set(fixed)) == 1
    return bool(seen[0] == fixed[0] if uniform else seen == fixed)


def contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(math.prod(shape[index + 1 :]) for index in range(len(shape)))


def shapes_of(bound: Bound, values: Values) -> dict[str, tuple[int, ...]]:
    """The shapes of a call's tensors; a bias that may be there counts as there."""
    weight = described(values.of("weight"))
    shapes = {"weight": tuple(weight.shape)}
    for name in INPUTS:
        like = described(values.given.get(name))
        if like is not None:
            shapes[name] = tuple(like.shape)
    target = values.call.node.target
    out = weight.shape[1] * int(values.of("groups")) if target in TRANSPOSED else weight.shape[0]
    shapes["bias"] = (int(out),)
    return shapes


def hyper_parameters(
    bound: Bound, values: Values, shapes: dict[str, tuple[int, ...]], numbers: dict[int, str]
) -> list[Any]:
    """The constants of a call; open ones as stand-ins, which `numbers` explains."""
    target = values.call.node.target
    if target in TRANSPOSED:
        return all_fixed(bound, values)
    if target not in CONVOLUTIONS:
        return []
    spatial = CONVOLUTIONS[target]
    dilation, groups = bound.fixed("dilation"), groups_of(bound, values)
    by_name = isinstance(values.of("padding"), str)
    if dilation is OPEN or (by_name and bound.fixed("padding") is OPEN):
        raise General("dilation or padding is decided when the model is built")
    kernel = kernel_of(bound, values, spatial)
    dilated = any(number > 1 for number in per_dimension(dilation, spatial))
    if kernel is OPEN and (dilated or isinstance(values.of("padding"), str)):
        raise General("the kernel size is decided when the model is built")
    found = {
        name: open_number(bound, values, name, spatial, numbers) for name in ("stride", "padding")
    }
    if kernel is OPEN:
        sizes = STAND_INS["kernel_size"][:spatial]
        shapes["weight"] = (*shapes["weight"][:2], *sizes)
        text = (
            f"{bound.layer}.kernel_size" if bound.layer else f"{bound.sources['weight'].text}.shape"
        )
        first = 0 if bound.layer else 2
        numbers.update({size: f"{text}[{first + index}]" for index, size in enumerate(sizes)})
    if numbers:
        shape = shapes["input"]
        shapes["input"] = (
            *shape[: len(shape) - spatial],
            *(ROOM + index for index in range(spatial)),
        )
    return [found["stride"], found["padding"], dilation, groups]


def per_dimension(value: Any, spatial: int) -> tuple[int, ...]:
    return (
        tuple(value) * (spatial // len(value))
        if isinstance(value, (tuple, list))
        else (value,) * spatial
    )


def all_fixed(bound: Bound, values: Values) -> list[Any]:
    """Hyper-parameters that must all be fixed: transposed convolutions have a form for each."""
    if (
        bound.layer and any(made.fixed("kernel_size") is OPEN for made in bound.declarations)
    ) or not bound.layer:
        raise General("the kernel size is decided when the model is built")
    names = ("stride", "padding", "output_padding", "groups", "dilation")
    for name in names:
        if bound.fixed(name) is OPEN:
            raise General(f"{name} is decided when the model is built")
    return [values.of(name) for name in names]


def kernel_of(bound: Bound, values: Values, spatial: int) -> Any:
    """The kernel size, where it is fixed."""
    if not bound.layer:
        return OPEN
    sizes = [made.fixed("kernel_size") for made in bound.declarations]
    seen = described(values.of("weight")).shape[2:]
    if any(size is OPEN for size in sizes) or not all(equal_sizes(seen, size) for size in sizes):
        return OPEN
    return seen


def groups_of(bound: Bound, values: Values) -> int:
    """The groups: a fixed number, or as many as there are channels."""
    groups = bound.fixed("groups")
    if groups is not OPEN:
        return int(groups)
    weight = described(values.of("weight")).shape
    several = weight[0] != values.of("groups")  # outputs for each channel
    one_each = bound.same("groups", "in_channels", "out_channels")
    if bound.same("groups", "in_channels") and weight[1] == 1 and (several or one_each):
        return int(values.of("groups"))
    raise General("groups are decided when the model is built")


def open_number(
    bound: Bound, values: Values, name: str, spatial: int, numbers: dict[int, str]
) -> Any:
    """A hyper-parameter as it is fixed, or stand-ins for it."""
    fixed = bound.fixed(name)
    if fixed is not OPEN:
        return fixed
    seen, source = values.of(name), bound.sources[name]
    sizes = STAND_INS[name][:spatial]
    for index, size in enumerate(sizes):
        single = isinstance(seen, int) or (len(seen) == 1 and not bound.layer)
        numbers[size] = source.text if single else f"{source.text}[{index}]"
    return sizes


def heading(bound: Bound, values: Values, spelling: Spelling, has_stand_ins: bool) -> str:
    """What is special about a call, without what is decided elsewhere."""
    if not has_stand_ins:
        return spelling.group.text
    target = values.call.node.target
    if target not in CONVOLUTIONS:
        return ""
    parts = spelling.group.text.split(", ")
    stand_ins = {str(size) for sizes in STAND_INS.values() for size in sizes}
    kept = [
        part
        for part in parts
        if not any(number in part.replace("x", " ").split() for number in stand_ins)
    ]
    return ", ".join(kept)
