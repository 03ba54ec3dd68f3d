"""The text of a file → its class, built; and the file, written."""

from __future__ import annotations

import linecache
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from unfoldify.emit.patch.text import encoded
from unfoldify.emit.side_file import safetensors_bytes


def build(source: str, constants: Mapping[str, Tensor], original: nn.Module) -> nn.Module:
    """The emitted class in a fresh namespace, built, with the original's weights in it and its
    mode.
    """
    filename = f"<unfoldified {type(original).__name__}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {"__name__": "unfolded"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model_unfolded.py"
        save(source, constants, path)
        namespace["__file__"] = str(path)
        with torch.random.fork_rng(devices=[]):
            exec(compile(source, filename, "exec"), namespace)
            module: nn.Module = namespace[class_name(original)]()
    state = original.state_dict()
    if any(tensor.is_meta for tensor in state.values() if isinstance(tensor, Tensor)):
        module.to("meta")  # no weights to be had from there
    module.load_state_dict(state, strict=True)
    module.train(original.training)
    for part in module.modules():
        type(part).__module__ = (
            "unfolded" if type(part).__module__ == "builtins" else type(part).__module__
        )
    return module


def class_name(model: nn.Module) -> str:
    from unfoldify.emit.class_names import class_name as emitted_name

    return emitted_name(model)


def save(source: str, constants: Mapping[str, Tensor], path: Path) -> None:
    """Write a file, and its constants beside it; an existing file is replaced whole or not at all."""
    if constants:
        replace_file(path.with_suffix(".safetensors"), safetensors_bytes(constants))
    replace_file(path, encoded(source))


def replace_file(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(content)
    temporary.replace(path)
