"""TARGET and `--input` → a model and the arguments to run it with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from unfoldify.blame import fact, users_line
from unfoldify.errors import LoadError
from unfoldify.loading.arguments import Arguments, as_arguments, mismatch
from unfoldify.loading.candidates import required
from unfoldify.loading.choose import Request, choose, described, needs_arguments
from unfoldify.loading.inputs import Input, draw
from unfoldify.loading.suggest import suggested_inputs
from unfoldify.loading.target import Target, import_root, import_target, importable
from unfoldify.preserve import seed_everything
from unfoldify.recording.lazy import copies, fill, grows, unfilled
from unfoldify.recording.scripted import check_scripted


@dataclass(frozen=True)
class Loaded:
    """A model and the arguments of one call of it, as the user's file gives them."""

    model: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    path: Path | None  # the user's file
    taken: str  # "Net() of model.py": what was found


def load(
    target: Target, inputs: Sequence[Input] = (), *, seed: int = 0, options: str = ""
) -> Loaded:
    """The model of `target`, built after the seed, and its inputs.

    `options` are the other words of the command, repeated in the commands that messages suggest.
    """
    seed_everything(seed)
    module = import_target(target)
    file = getattr(module, "__file__", None)
    path = Path(file).resolve() if file else None
    request = Request(target, options, module, path)
    with importable(import_root(path) if path else Path.cwd()):
        model, taken = _model(request, seed)
        check_scripted(model)
        seed_everything(seed)
        args, kwargs = _inputs(model, inputs, request)
        if unfilled(model) or grows(model, args, kwargs):
            seed_everything(seed)
            _call(lambda: fill(model, *copies((args, kwargs))), "the model's first call", request)
    return Loaded(model, args, kwargs, path, f"{taken} of {request.place}")


def _model(request: Request, seed: int) -> tuple[nn.Module, str]:
    name, value = choose(request)
    if isinstance(value, nn.Module):
        return value, name
    arguments: Arguments = ((), {})
    if _takes_init_inputs(request, name, value):
        arguments = _init_inputs(request, value)
    elif needs := required(value):
        raise LoadError(needs_arguments(request, name, value, needs))
    seed_everything(seed)
    built = _call(lambda: value(*arguments[0], **arguments[1]), f"{name}()", request)
    if not isinstance(built, nn.Module):
        raise LoadError(
            f"{request.place}: {name}() returned {described(built)}, not a torch.nn.Module.\n"
            "A function that is named as TARGET must return the model and nothing else."
        )
    return built, f"{name}()"


def _takes_init_inputs(request: Request, name: str, value: Any) -> bool:
    if "get_init_inputs" not in vars(request.module) or not isinstance(value, type):
        return False
    return name == "Model" or bool(required(value))


def _init_inputs(request: Request, cls: type[nn.Module]) -> Arguments:
    value = _call(request.module.get_init_inputs, "get_init_inputs()", request)
    args, kwargs = as_arguments(value, cls, pairs=(list, tuple))
    if why := mismatch(cls, args, kwargs):
        raise LoadError(
            f"{request.place}: {cls.__name__} cannot be built from what get_init_inputs() returns: "
            f"{why}.\nReturn a list of positional arguments, or [args, kwargs]."
        )
    return args, kwargs


def _inputs(model: nn.Module, given: Sequence[Input], request: Request) -> Arguments:
    """`--input`, else get_inputs(), else example_inputs; none where forward needs none."""
    args, kwargs, origin = _given_inputs(model, given, request)
    why = mismatch(model.forward, args, kwargs)
    if why is None:
        return args, kwargs
    name = type(model).__name__
    needed = ", ".join(required(model.forward))
    suggestion = suggested_inputs(model, required(model.forward))
    if origin is None:
        call = " ".join(f"--input {one.option}" for one in suggestion)
        values = ", ".join(one.expression for one in suggestion)
        written = f"\nor write in {request.place}\n  def get_inputs():\n      return [{values}]"
        raise LoadError(
            f"{request.place}: no inputs for {name}.forward, which takes {needed}.\n"
            f"Give their shapes, for example\n  {request.command(more=call)}"
            + (written if request.target.is_file else "")
        )
    found = [f"{len(args)} positional"] + ([f"keywords {', '.join(kwargs)}"] if kwargs else [])
    raise LoadError(
        f"{request.place}: {name}.forward cannot take the inputs of {origin}: {why}.\n"
        f"It takes {needed or 'no arguments'}; found: {' and '.join(found)}."
    )


def _given_inputs(
    model: nn.Module, given: Sequence[Input], request: Request
) -> tuple[tuple[Any, ...], dict[str, Any], str | None]:
    if given:
        dtype, device = _dtype_and_device(model)
        return (*draw(given, dtype, device), "--input")
    for owner, name in (
        (request.module, "get_inputs"),
        (request.module, "example_inputs"),
        (model, "example_inputs"),
        (model, "example_input_array"),
    ):
        value = getattr(owner, name, None)
        if value is not None:
            if callable(value):
                value = _call(value, f"{name}()", request)
            args, kwargs = as_arguments(value, model.forward, pairs=(tuple,))
            return args, kwargs, f"{name}()" if name == "get_inputs" else name
    return (), {}, None


def _dtype_and_device(model: nn.Module) -> tuple[torch.dtype, torch.device]:
    """Of the first floating parameter or buffer: what the model computes in."""
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.is_floating_point():
            return tensor.dtype, tensor.device
    return torch.get_default_dtype(), torch.device("cpu")


def _call(function: Callable[[], Any], spelled: str, request: Request) -> Any:
    try:
        return function()
    except (Exception, SystemExit) as error:
        where = users_line(error, request.path) or request.place
        raise LoadError(
            f"{where}\n  {fact(error)}\n{spelled} of {request.place} failed."
        ) from error
