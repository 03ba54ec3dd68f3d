"""Where a model keeps its modules and tensors: paths such as blocks.0.weight."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from unfoldify.recording.structures import steps


def named_state(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Every parameter and buffer under each of its names."""
    yield from model.named_parameters(remove_duplicate=False)
    yield from model.named_buffers(remove_duplicate=False)


def plain_tensors(model: nn.Module) -> Iterator[tuple[int, str]]:
    """Tensors kept as plain attributes, with their paths; those of lists by the list's name."""
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            if not name.isidentifier() or name.startswith("__"):
                continue
            if isinstance(value, Tensor):
                yield id(value), joined(path, name)
            for _, key, item in steps(value):
                label = f"{name}_{key}"
                if isinstance(item, Tensor) and label.isidentifier() and not hasattr(module, label):
                    yield id(item), joined(path, label)


def below(path: str, ancestor: str) -> str | None:
    """`path` as seen from `ancestor`, or None where it is not below it."""
    if not ancestor:
        return path
    return path[len(ancestor) + 1 :] if path.startswith(ancestor + ".") else None


def joined(*parts: str) -> str:
    return ".".join(part for part in parts if part)
