"""Modules that torch.jit compiled: they run, but there is no Python left that could be recorded."""

from __future__ import annotations

from torch import jit, nn

from unfoldify.errors import CaptureError


def check_scripted(module: nn.Module, path: str = "") -> None:
    """Raises where a module is TorchScript, with what to unfoldify in its place."""
    if not (isinstance(module, jit.ScriptModule) and hasattr(jit.ScriptModule, "graph")):
        return  # without its compiler, torch has ScriptModule as a name for nn.Module alone
    label = path or "the model"
    kind = type(module)
    if not kind.__module__.startswith("torch."):
        name = kind.__name__
        raise CaptureError(
            f"{label} is TorchScript: {name} is a class of torch.jit.ScriptModule, which compiles its "
            "methods when it is built, so their calls cannot be seen.\n"
            f"Write class {name}(torch.nn.Module), without @torch.jit.script_method: the weights and "
            "the rest of the class stay as they are. Or set PYTORCH_JIT=0 before torch is imported."
        )
    name = getattr(module, "original_name", kind.__name__)
    way = "before torch.jit.script, trace or load"
    raise CaptureError(
        f"{label} is TorchScript ({name}): its Python is gone, so its calls cannot be seen.\n"
        + (
            f"Build the model with the module as it was {way}."
            if path
            else f"Give the torch.nn.Module {name} as it was {way}; its state_dict has the same names."
        )
    )
