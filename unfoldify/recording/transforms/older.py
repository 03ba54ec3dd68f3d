"""The derivatives of torch.autograd.functional: those of torch.func under older names.

They differ in what they are given, single tensors or tuples of them, and in `create_graph`: without
it nothing flows on from what they return.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial, wraps
from typing import Any

import torch
from torch import Tensor
from torch.autograd import functional

from unfoldify.recording.transforms.derivatives import along
from unfoldify.recording.transforms.jacobian import jacobians
from unfoldify.recording.transforms.place import Place, call_at_place
from unfoldify.recording.transforms.recording_only import while_recorded
from unfoldify.recording.transforms.words import named_all


def recorded_older() -> Iterator[tuple[Any, Callable[..., Any]]]:
    """Each function of torch.autograd.functional, and its stand-in."""
    for original, instead in (
        (functional.jacobian, jacobian),
        (functional.hessian, hessian),
        (functional.vjp, partial(products, backward)),
        (functional.jvp, partial(products, along)),
        (functional.vhp, partial(products, second)),
        (functional.hvp, partial(products, second)),
    ):
        yield original, while_recorded(original, instead)


def call(recorder: Any, func: Any, inputs: Any, create_graph: bool) -> Place:
    """The function at its inputs; a single one is not put into a tuple."""
    single = isinstance(inputs, Tensor)
    args = (inputs,) if single else tuple(inputs)
    return call_at_place(recorder, func, args, 0 if single else None, further=create_graph)


def jacobian(
    recorder: Any,
    func: Any,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """Forward mode keeps the graph, whatever it is asked."""
    place = call(recorder, func, inputs, create_graph or strategy == "forward-mode")
    return place.of_outputs(jacobians(place))


def hessian(
    recorder: Any,
    func: Any,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The derivatives of the gradient, which itself is differentiated further in any case."""

    @wraps(func)
    def slope(*args: Any) -> Any:
        inner = call_at_place(recorder, func, args, further=True)
        with torch.enable_grad():
            slopes = inner.taken.gradients(inner.outputs, inner.inputs)
            named_all(recorder, slopes, "gradient")
        inner.settle()
        return slopes[0] if isinstance(inputs, Tensor) else tuple(slopes)

    return jacobian(recorder, slope, inputs, create_graph, strategy=outer_jacobian_strategy)


def products(
    product: Callable[[Place, Any], Any],
    recorder: Any,
    func: Any,
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> Any:
    """The function's value, and its derivative times a vector; 1, where none is given."""
    place = call(recorder, func, inputs, create_graph)
    if v is None:
        like = place.outputs if product is backward else place.inputs
        with torch.enable_grad():
            v = torch.ones_like(like[0])
    return place.outside(place.result), product(place, v)


def backward(place: Place, v: Any) -> Any:
    weights = [v] if isinstance(v, Tensor) else list(v)
    with torch.enable_grad():
        slopes = place.taken.gradients(place.outputs, place.inputs, weights, again=False)
    return place.of_inputs(slopes)


def second(place: Place, v: Any) -> Any:
    """The second derivative, which is symmetric, times a vector from either side."""
    weights = [v] if isinstance(v, Tensor) else list(v)
    with torch.enable_grad():
        slopes = place.taken.once_more().gradients(place.outputs, place.inputs)
        named_all(place.taken.recorder, slopes, "gradient")
        slopes = place.taken.gradients(slopes, place.inputs, weights, again=False)
    return place.of_inputs(slopes)
