"""The derivatives of torch.func, by `torch.autograd.grad` alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch._functorch import eager_transforms as machinery
from torch.utils import _pytree as pytree

from unfoldify.recording.transforms.jacobian import MAKERS, jacobian_maker
from unfoldify.recording.transforms.place import Place, call_at_place
from unfoldify.recording.transforms.recording_only import while_recorded


def recorded_derivatives() -> Iterator[tuple[Any, Callable[..., Any]]]:
    """What the derivatives of torch.func come to, also those of functions made before."""
    for original, instead in (
        (machinery.grad_impl, gradient),
        (machinery.grad_and_value_impl, gradient_and_value),
        (machinery._vjp_with_argnums, pullback),
        (machinery._jvp_with_argnums, pushforward),
        (machinery.functionalize, as_it_is),
    ):
        yield original, while_recorded(original, instead)
    for maker in MAKERS:
        yield maker, jacobian_maker(maker)


def gradient_and_value(
    recorder: Any, func: Any, argnums: Any, has_aux: bool, args: Any, kwargs: Any
) -> tuple[Any, Any]:
    """The gradient of a function whose value is one number, and the value."""
    place = call_at_place(recorder, func, args, argnums, kwargs=kwargs, has_aux=has_aux)
    output = place.result
    if not isinstance(output, Tensor) or len(output.shape):
        kind = f"shape {tuple(output.shape)}" if isinstance(output, Tensor) else type(output)
        raise RuntimeError(f"grad: the function must return a tensor without axes, got {kind}")
    with torch.enable_grad():
        slopes = place.taken.gradients([output], place.inputs, again=False)
    place.settle()
    value = (output, place.aux) if has_aux else output
    return place.of_inputs(slopes), place.outside(value)


def gradient(recorder: Any, func: Any, argnums: Any, has_aux: bool, args: Any, kwargs: Any) -> Any:
    """The gradient alone, or with what else the function returned."""
    slopes, value = gradient_and_value(recorder, func, argnums, has_aux, args, kwargs)
    return (slopes, value[1]) if has_aux else slopes


def pullback(
    recorder: Any, func: Any, *primals: Any, argnums: Any = None, has_aux: bool = False
) -> Any:
    """The function's value, and what goes from weights of the outputs to gradients of the inputs."""
    place = call_at_place(recorder, func, primals, argnums, has_aux=has_aux)
    place.settle()

    def back(cotangent: Any, **_: Any) -> Any:
        weights = pytree.tree_leaves(cotangent)
        with torch.enable_grad():
            return place.of_inputs(place.taken.gradients(place.outputs, place.inputs, weights))

    found = place.outside(place.result), back
    return (*found, place.outside(place.aux)) if has_aux else found


def pushforward(
    recorder: Any,
    func: Any,
    primals: Any,
    tangents: Any,
    argnums: Any = None,
    *,
    strict: bool = False,
    has_aux: bool = False,
) -> Any:
    """The function's value, and its derivative along the tangents."""
    place = call_at_place(recorder, func, primals, argnums, has_aux=has_aux)
    slopes = along(place, tangents)
    place.settle()
    found = place.outside(place.result), slopes
    return (*found, place.outside(place.aux)) if has_aux else found


def along(place: Place, tangents: Any) -> Any:
    """The derivative along the tangents, in the structure of the function's value."""
    flat = pytree.tree_leaves(tangents)
    with torch.enable_grad():
        slopes = place.taken.slopes_along(place.outputs, place.inputs, flat)
    return place.of_outputs(slopes)


def as_it_is(recorder: Any, func: Any, *, remove: str = "mutations") -> Any:
    """A function without writes computes the same with them."""
    return func
