"""The text of a file → its class, built; and the file, written."""

from __future__ import annotations

import itertools
import linecache
import os
import sys
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

from unfoldify.emit.patch.text import encoded
from unfoldify.emit.side_file import safetensors_bytes

_COUNT = itertools.count(1)


def build(source: str, constants: Mapping[str, Tensor], original: nn.Module) -> nn.Module:
    """The emitted class in a module of its own, built, with the original's weights in it and its
    mode. Python knows that module as long as what was built is alive: pickle and torch.export look
    for it.
    """
    home = ModuleType(f"unfolded_{next(_COUNT)}")
    sys.modules[home.__name__] = home
    filename = f"<unfoldified {type(original).__name__}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model_unfolded.py"
        save(source, constants, path)
        home.__file__ = str(path)
        with torch.random.fork_rng(devices=[]):
            exec(compile(source, filename, "exec"), vars(home))
            module: nn.Module = getattr(home, class_name(original))()
    weakref.finalize(module, sys.modules.pop, home.__name__, None)
    state = original.state_dict()
    if any(tensor.is_meta for tensor in state.values() if isinstance(tensor, Tensor)):
        module.to("meta")  # no weights to be had from there
    module.load_state_dict(state, strict=True)
    module.train(original.training)
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
