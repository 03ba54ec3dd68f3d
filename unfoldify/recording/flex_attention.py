"""`flex_attention` of a model, which torch runs as one operator that is given functions: recorded as
what it comes to.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any

import torch
from torch import Tensor

from unfoldify.errors import CaptureError
from unfoldify.recording.numbers.traced import ACTIVE
from unfoldify.recording.source import users_place
from unfoldify.recording.transforms.words import users_word
from unfoldify.recording.values import plain_arguments
from unfoldify.rules.flex import WORKING, flex_attention

MODULE = "torch.nn.attention.flex_attention"


@contextmanager
def seen_flex_attention() -> Iterator[None]:
    """Has `flex_attention` and `create_block_mask` ask the recorder, whoever holds them: a model
    mostly has `torch.compile(flex_attention)`. Does nothing where no model has imported them.
    """
    module = sys.modules.get(MODULE)
    if module is None:
        yield
        return
    instead = {"flex_attention": attention, "create_block_mask": made_aside}
    held = [(getattr(module, name), call) for name, call in instead.items()]
    before = [(function, function.__code__, function.__kwdefaults__) for function, _ in held]
    for function, call in held:
        original = FunctionType(
            function.__code__, function.__globals__, function.__name__, function.__defaults__
        )
        original.__kwdefaults__ = function.__kwdefaults__
        function.__code__, function.__kwdefaults__ = asks.__code__, {"_to": (original, call)}
    try:
        yield
    finally:
        for function, code, defaults in before:
            function.__code__, function.__kwdefaults__ = code, defaults


def asks(*args: Any, _to: Any, **kwargs: Any) -> Any:
    """The code of a function that the recorder answers while it records."""
    original, call = _to
    return call(original, *args, **kwargs)


def made_aside(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """A mask of blocks is its function: which blocks are empty only saves work."""
    recorder: Any = ACTIVE.get()
    if recorder is None or not recorder.is_recording():
        return original(*args, **kwargs)
    with recorder.pause(), torch.no_grad():
        return original(*plain_arguments(args), **plain_arguments(kwargs))


def attention(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """`b h n_q d, b h n_k d, b h n_k d -> b h n_q d`, and what else is asked for."""
    recorder: Any = ACTIVE.get()
    if recorder is None or not recorder.sees((args, kwargs)):
        return original(*args, **kwargs)
    bound = inspect.signature(original).bind(*args, **kwargs)
    bound.apply_defaults()
    given = dict(bound.arguments)
    wanted = as_torch_does(recorder, original, given)
    try:
        found = spelled_out(recorder, given)
    except RuntimeError as error:
        raise not_by_number(recorder) from error
    with recorder.pause(), torch.no_grad():
        if not same(first(found), first(wanted)):
            raise not_by_number(recorder)
    return found


def not_by_number(recorder: Any) -> CaptureError:
    return CaptureError(
        f"{users_place(recorder.positions())}score_mod or mask_mod does not compute each score by "
        "itself: given all scores and indices at once, it gives something else.\nWrite it with "
        "functions of single numbers (+, *, >=, torch.where, table[index])."
    )


def as_torch_does(recorder: Any, original: Callable[..., Any], given: dict[str, Any]) -> Any:
    """What comes out, without gradients: on some devices torch has none. What is wrong with the
    arguments, torch says.
    """
    with recorder.pause(), torch.no_grad():
        tensors = {name: value for name, value in given.items() if isinstance(value, Tensor)}
        detached = {name: tensor.detach() for name, tensor in tensors.items()}
        return original(**plain_arguments(given | detached))


def spelled_out(recorder: Any, given: dict[str, Any]) -> Any:
    module: Any = sys.modules[MODULE]
    aux, wants_lse = given["return_aux"], given["return_lse"]
    mask_mod = getattr(given["block_mask"], "mask_mod", None)

    def hides(scores: Tensor) -> bool:
        with recorder.pause(), torch.no_grad():
            return bool(scores.isneginf().any())

    x, scores = flex_attention(
        given["query"],
        given["key"],
        given["value"],
        given["score_mod"],
        None if mask_mod is module.noop_mask else mask_mod,
        given["scale"],
        with_scores=wants_lse or aux is not None,
        hides=hides,
    )
    word = users_word(recorder)
    if word is not None:
        recorder.named(x, word)
    if scores is None:
        return x
    lse = scores.logsumexp(dim=-1) if aux is None or aux.lse else None
    if aux is None:
        return x, lse
    return x, module.AuxOutput(lse, scores.amax(dim=-1) if aux.max_scores else None)


def first(result: Any) -> Any:
    return result if isinstance(result, Tensor) else result[0]


def same(found: Tensor, wanted: Tensor) -> bool:
    if found.shape != wanted.shape:
        return False
    near = 1e-4 if found.dtype in WORKING else 2e-2
    return torch.allclose(found, wanted, rtol=near, atol=near, equal_nan=True)
