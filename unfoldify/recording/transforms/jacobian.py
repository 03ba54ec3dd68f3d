"""`jacrev` and `jacfwd`: a derivative is the same, whichever way it is found.

What they return is a function of torch's, which a model may have made long before it is recorded:
`self.jacobian = jacrev(self.f)`. No name leads to it, so its code is another meanwhile.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FunctionType
from typing import Any

import torch
from torch._functorch import eager_transforms as machinery

from unfoldify.recording.transforms.place import Place, call_at_place
from unfoldify.recording.transforms.recording_only import while_recorded

MAKERS = (machinery.jacrev, machinery.jacfwd)
CODES: tuple[CodeType, ...] = tuple(
    code
    for maker in MAKERS
    for code in maker.__code__.co_consts
    if isinstance(code, CodeType) and code.co_name == "wrapper_fn"
)
UNUSED = max(map(sys.getrefcount, CODES), default=0)  # the references to a code of no function


def jacobian_maker(original: Callable[..., Any]) -> Callable[..., Any]:
    """The stand-in for `jacrev` or `jacfwd`."""

    def make(func: Any, argnums: Any = 0, has_aux: bool = False, **how: Any) -> Any:
        made = original(func, argnums, has_aux=has_aux, **how)
        return while_recorded(made, of_function(func, argnums, has_aux))

    make.__name__ = original.__name__
    make.__wrapped__ = original  # type: ignore[attr-defined]
    return make


def of_function(func: Any, argnums: Any, has_aux: bool) -> Callable[..., Any]:
    """The jacobian of a function, once it is given a recorder and arguments."""

    def jacobian(recorder: Any, *args: Any) -> Any:
        place = call_at_place(recorder, func, args, argnums, has_aux=has_aux)
        whole = place.of_outputs(jacobians(place))
        return (whole, place.outside(place.aux)) if has_aux else whole

    return jacobian


def jacobians(place: Place) -> list[Any]:
    """For each output of a function its derivatives, in the structure of the inputs."""
    with torch.enable_grad():
        found = [place.taken.jacobians(output, place.inputs) for output in place.outputs]
    place.settle()
    return [place.of_inputs(slopes) for slopes in found]


@contextmanager
def held_jacobians() -> Iterator[None]:
    """Let the jacobians that were made before run as what they mean, while a model is recorded."""
    held = list(made_before())
    for function, original in held:
        known = dict(zip(original.__code__.co_freevars, function.__closure__ or (), strict=True))
        func, argnums, has_aux = (known[k].cell_contents for k in ("func", "argnums", "has_aux"))
        instead = while_recorded(original, of_function(func, argnums, has_aux))
        function.__kwdefaults__ = {"instead": instead}
        function.__code__ = handed_on.__code__.replace(co_freevars=original.__code__.co_freevars)
    try:
        yield
    finally:
        for function, original in held:
            function.__code__, function.__kwdefaults__ = original.__code__, original.__kwdefaults__


def made_before() -> Iterator[tuple[FunctionType, FunctionType]]:
    """Each jacobian in the process, and a function that goes on doing what it does."""
    if all(sys.getrefcount(code) <= UNUSED for code in CODES):
        return  # as nearly always; else all objects have to be looked through
    for function in gc.get_referrers(*CODES):
        if isinstance(function, FunctionType) and function.__code__ in CODES:
            own = function.__code__, function.__globals__, function.__name__
            original = FunctionType(*own, function.__defaults__, function.__closure__)
            original.__kwdefaults__ = function.__kwdefaults__
            yield function, original


def handed_on(*args: Any, instead: Any) -> Any:
    return instead(*args)
