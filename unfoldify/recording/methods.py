"""Models that call an attribute of their own like a method of nn.Module."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from unfoldify.errors import CaptureError

# what a model is asked while it is recorded and compared, by the tool and by nn.Module itself
ASKED = (
    *("train", "eval", "children", "named_children", "modules", "named_modules"),
    *("parameters", "named_parameters", "buffers", "named_buffers", "state_dict"),
)


def check_methods(model: nn.Module) -> None:
    """Raises where an attribute hides a method, so that `model.eval()` and the like fail."""
    for path, module in parts(model):
        for name, value in vars(module).items():
            if name in ASKED and not callable(value):
                here = f" of {path}" if path else ""
                raise CaptureError(
                    f"{type(module).__name__}{here}: self.{name} is a {type(value).__name__}, and "
                    f"hides the method {name}() of nn.Module, which is needed to record the model.\n"
                    "Give the attribute another name."
                )


def parts(module: nn.Module, path: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Every module, found without its methods."""
    yield path, module
    for name, child in module._modules.items():
        if child is not None:
            yield from parts(child, f"{path}.{name}" if path else name)
