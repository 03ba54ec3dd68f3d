"""A recording → the file in the layout that was asked for, and the model built from it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from unfoldify.emit.build import build
from unfoldify.emit.file import emit
from unfoldify.emit.functions.again import functions_of_layers
from unfoldify.emit.functions.functions import Functions
from unfoldify.emit.functions.outline import OutlinedFunction
from unfoldify.emit.header import header, users_patterns
from unfoldify.emit.helpers.helpers import Helpers, helpers_of
from unfoldify.emit.patch.patch import Declines, Groups, Patched, patched
from unfoldify.lowering.given_lists import give_lists
from unfoldify.lowering.model import spell_out
from unfoldify.merge import Merged, merge, walk_bodies
from unfoldify.options import Options
from unfoldify.recording.body import Body
from unfoldify.recording.capture import Recording
from unfoldify.recording.model import Recorded


@dataclass(frozen=True)
class Written:
    """The file as it is before it is verified."""

    source: str
    module: nn.Module
    groups: Groups  # what was spelled out, by the path of the module that calls it
    declined: Declines
    side: Mapping[str, Tensor]

    @property
    def has_helpers(self) -> bool:
        """Whether functions of the user's, or layers, are functions of the file."""
        return False

    def headed(self, verification: Any, recorded: Recorded) -> str:
        """The file's last text; a patched file keeps the beginning that its author wrote."""
        return self.source


@dataclass(frozen=True)
class WrittenAnew(Written):
    """A file of the tool's own, whose docstring tells what was verified."""

    root: Body
    merged: Merged
    functions: Functions | None
    helpers: Helpers | None
    layers: Sequence[OutlinedFunction]  # functions of layers that are called again
    options: Options
    source_path: str | Path | None

    @property
    def has_helpers(self) -> bool:
        return bool(self.layers) or (self.helpers is not None and bool(self.helpers.found))

    def headed(self, verification: Any, recorded: Recorded) -> str:
        told = header(
            self.merged.root.module,
            self.source,
            verification,
            self.source_path,
            kinds={group.kind for _, group in self.groups},
            theirs=users_patterns(self.bodies()),
            every=not (self.options.only or self.options.skip),
            bound=[each.at_sizes for each in recorded.fixed if each.at_sizes],
            bound_to={each.what for each in recorded.fixed if each.at_sizes},
        )
        return f'"""{told}"""\n\n{self.source}'  # the very text that was verified

    def bodies(self) -> Iterator[Body]:
        yield from walk_bodies(self.root)
        yield from self.functions.bodies if self.functions is not None else ()
        yield from self.helpers.bodies if self.helpers is not None else ()
        yield from (function.body for function in self.layers)


def write(
    recorded: Recorded,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    options: Options,
    source_path: str | Path | None,
    *,
    once: bool = True,
) -> Written:
    """Spell out what the options ask for; `recorded`, with its graphs, becomes what is written.

    With `once`, functions of the user's and layers that are called more than once are functions of the
    file.
    """
    model = recorded.recording.model
    if options.layout == "patch":  # not after: the graphs are rewritten in place
        patch = patched(model, args, kwargs, recorded.modes, options, source_path)
        return as_patch(patch, model, *spell_out(recorded, options))
    if once:
        give_lists(walk_bodies(recorded.recording.root))
    functions = Functions(options.style, options.dialect) if options.layout == "functions" else None
    seen = recorded.recording
    if functions is None:
        groups, declined = spell_out(recorded, options)
    else:
        groups, declined = spell_out(recorded, options, functions.spell_out)
        functions.settle(names_of(seen))  # not before torch and einops are themselves again
    helpers, layers = None, []
    if functions is None and once:
        helpers = helpers_of(list(walk_bodies(seen.root)), names_of(seen))
        names = {*names_of(seen), *(helper.name for helper in helpers.found)}
        if options.dialect != "torch":  # TorchScript has functions of tensors, and none of layers
            layers = functions_of_layers(walk_bodies(seen.root), names)
    merged = merge(model, seen.root, seen.constants, recorded.resting, shapes=options.shapes)
    more = helpers.bodies if helpers is not None else ()
    above = [*definitions(functions, helpers), *(layer.definition() for layer in layers)]
    source = emit(merged, above, more)
    module = build(source, merged.side, model)
    return WrittenAnew(
        source,
        module,
        groups,
        declined,
        merged.side,
        seen.root,
        merged,
        functions,
        helpers,
        layers,
        options,
        source_path,
    )


def as_patch(patch: Patched, model: nn.Module, groups: Groups, declined: Declines) -> Written:
    return Written(patch.source, patch.module(model), *patch.told(groups, declined), side={})


def names_of(recording: Recording) -> set[str]:
    """The names in the emitted file that are given: its classes, the arguments of the model."""
    classes = {type(module).__name__ for module in recording.model.modules()}
    return classes | {parameter.name for parameter in recording.root.parameters}


def definitions(functions: Functions | None, helpers: Helpers | None) -> list[ast.FunctionDef]:
    found = functions.definitions() if functions is not None else []
    return [*found, *(helpers.definitions() if helpers is not None else [])]
