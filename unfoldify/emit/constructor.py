"""One module → the statements of its `__init__`, with holes for what may differ between instances."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from unfoldify.emit.constants import constant_expression
from unfoldify.emit.containers import in_a_row
from unfoldify.emit.declare import Declaration, declaration
from unfoldify.emit.initial import initial_value
from unfoldify.emit.lines import ClassCall, Declared, Hole, assign, constant, dotted, name
from unfoldify.emit.replaced import declared
from unfoldify.emit.side_file import SAFETENSORS_TYPES
from unfoldify.emit.sparse import all_short, empty_sparse, is_sparse, sparse_call
from unfoldify.emit.words import order_in_source
from unfoldify.emit.wrapped import wrapped
from unfoldify.recording.layers import CONTAINERS, torch_ancestor, torch_layer
from unfoldify.recording.paths import joined
from unfoldify.recording.values import parts

FEW = 8  # numbers that are shown, though they come with the weights
BASES = (nn.ModuleList, nn.ModuleDict, nn.Sequential, nn.ParameterList, nn.ParameterDict)


@dataclass(frozen=True)
class Surroundings:
    """What an instance's constructor has to know of the rest of the model."""

    instances: Mapping[int, Any]  # id of a module → its Instance
    homes: Mapping[int, str]  # id of a module or tensor → the one path under which it is made
    constants: Mapping[str, Tensor | float]  # full path → what is no parameter and no buffer
    side: dict[str, Tensor]  # constants that are too large to be written: they go to the side file


def is_instance(module: nn.Module) -> bool:
    """Whether a module is written as a class of its own."""
    if type(module) in CONTAINERS or type(module) is nn.Sequential or is_einops(module):
        return False
    return layer_declaration(module) is None


def is_einops(module: nn.Module) -> bool:
    return type(module).__module__.startswith("einops.layers")


def layer_declaration(module: nn.Module) -> Any:
    """How a torch.nn layer is declared: its own class, or the one whose forward it runs."""
    layer = torch_layer(module)
    if layer is None:
        return None
    found = wrapped(module, layer)
    if found is not None:
        return found
    return declared(module) if type(module) is layer else declared(module, layer)


def base_of(module: nn.Module) -> tuple[ast.expr, Declaration | None, set[str]]:
    """The emitted class's base, how it is constructed, and the names that it makes itself."""
    ancestor = torch_ancestor(module)
    if isinstance(module, BASES):
        return dotted(f"nn.{ancestor.__name__}"), None, set()
    is_torchs_own = type(module) is ancestor and any(True for _ in module.children())
    if ancestor is not nn.Module and not is_torchs_own:  # nn.Transformer: its parts are made here
        found = declaration(module, ancestor)
        if found is not None:
            made = {*module._parameters, *module._buffers} & built_names(found)
            return dotted(found.spelled), found, made
    return dotted("nn.Module"), None, set()


def built_names(found: Any) -> set[str]:
    with torch.device("meta"):
        layer = found.build()
    return {*layer._parameters, *layer._buffers, *layer._modules}


def declared_arguments(found: Any) -> tuple[list[ast.expr], list[ast.keyword]]:
    args = [literal(argument.value) for argument in found.arguments if argument.positional]
    keywords = [ast.keyword(a.name, literal(a.value)) for a in found.arguments if not a.positional]
    return args, keywords


def in_wrappings(layer: ast.expr, found: Any) -> ast.expr:
    """`nn.utils.parametrizations.weight_norm(nn.Conv1d(4, 8, kernel_size=3))`"""
    for wrapping in found.wrappings:
        keywords = [ast.keyword(name, literal(value)) for name, value in wrapping.arguments]
        layer = ast.Call(dotted(wrapping.spelled), [layer], keywords)
    return layer


def literal(value: Any) -> ast.expr:
    """A constructor argument: numbers, torch's constants, functions, layers inside layers."""
    from unfoldify.emit.expressions import Expressions

    if isinstance(value, Tensor):  # weights of a loss: the layer keeps them in a buffer
        known = constant_expression(value) if value.numel() <= FEW else None
        return empty_tensor(value) if known is None else known.ast
    if hasattr(value, "arguments") and hasattr(value, "spelled"):
        return in_wrappings(ast.Call(dotted(value.spelled), *declared_arguments(value)), value)
    return Expressions(nn.Module(), {}).value(value)


class Constructor:
    """Writes the `__init__` of one instance."""

    def __init__(self, module: nn.Module, path: str, around: Surroundings) -> None:
        self.module, self.path, self.around = module, path, around

    def statements(self) -> list[ast.stmt]:
        _, found, made = base_of(self.module)
        init = ast.Attribute(ast.Call(name("super"), [], []), "__init__", ast.Load())
        args: list[ast.expr] = []
        if isinstance(self.module, BASES):
            args, made = self.container_items()
        first = ast.Expr(Declared(found, "", init) if found else ast.Call(init, args, []))
        entries: dict[str, list[ast.stmt]] = {}
        for label, child in self.module._modules.items():
            if label not in made:
                path = joined(self.path, label)
                made_here = self.attribute(label, self.child(child, path))
                entries[label] = [made_here, *self.named_items(dotted("self"), label, child, path)]
        for label, parameter in self.module._parameters.items():
            if label not in made:
                entries[label] = [self.parameter(label, parameter)]
        for label, buffer in self.module._buffers.items():
            if label not in made:
                entries[label] = [self.buffer(label, buffer)]
        kind: Any = type(self.module)
        order = order_in_source(kind)
        known = [label for label in entries if label in order]
        if len(known) == len(entries):
            entries = {
                label: entries[label] for label in sorted(entries, key=lambda label: order[label])
            }
        return [first, *itertools.chain(*entries.values()), *self.constants()]

    def container_items(self) -> tuple[list[ast.expr], set[str]]:
        """The arguments of `super().__init__` for a class that is a container."""
        items = {
            label: self.child(child, joined(self.path, label))
            for label, child in self.module._modules.items()
        }
        if isinstance(self.module, (nn.ModuleList, nn.Sequential)):
            numbered = list(items)[: in_a_row(self.module)]
            elements = [items[label] for label in numbered]
            if isinstance(self.module, nn.ModuleList):
                return ([ast.List(elements, ast.Load())] if elements else []), set(numbered)
            if len(numbered) == len(items):
                return elements, set(items)
            return [], set()
        return [], set()

    def attribute(self, label: str, value: ast.expr, owner: ast.expr | None = None) -> ast.stmt:
        owner = owner or name("self")
        if label.isidentifier() and not is_keyword(label):
            return assign(ast.Attribute(owner, label, ast.Store()), value)
        adds = ast.Attribute(owner, "add_module", ast.Load())
        call = ast.Call(adds, [ast.Constant(label), value], [])
        return ast.Expr(call)

    # -- modules -------------------------------------------------------------------------------

    def named_items(
        self, owner: ast.expr, label: str, module: nn.Module | None, path: str
    ) -> list[ast.stmt]:
        """`self.path.pad = ...`: the items that an nn.ModuleList holds by other names than 0, 1, ..."""
        if type(module) is not nn.ModuleList or not label.isidentifier():
            return []
        place = ast.Attribute(owner, label, ast.Load())
        lines: list[ast.stmt] = []
        for key in list(module._modules)[in_a_row(module) :]:
            child = module._modules[key]
            value = self.child(child, joined(path, key))
            lines.append(self.attribute(key, value, place))
            lines.extend(self.named_items(place, key, child, joined(path, key)))
        return lines

    def child(self, child: nn.Module | None, path: str) -> ast.expr:
        """The expression that makes one child."""
        if child is None:
            return ast.Constant(None)
        home = self.around.homes.get(id(child), path)
        if home != path:  # made elsewhere, put here by the class that holds both
            return ast.Call(dotted("nn.Identity"), [], [])
        if type(child) in CONTAINERS or type(child) is nn.Sequential:
            return self.container(child, path)
        if is_einops(child):
            return einops_layer(child)
        instance = self.around.instances.get(id(child))
        if instance is not None:
            return ClassCall(instance, path)
        found = layer_declaration(child)
        return Declared(found, path[len(self.path) + 1 :] if self.path else path)

    def container(self, module: Any, path: str) -> ast.expr:
        spelled = dotted(f"nn.{type(module).__name__}")
        if isinstance(module, (nn.ParameterList, nn.ParameterDict)):
            return self.parameters(module, spelled, path)
        items = {
            label: self.child(child, joined(path, label))
            for label, child in module._modules.items()
        }
        if isinstance(module, nn.ModuleDict):
            keys: list[ast.expr | None] = [ast.Constant(key) for key in items]
            return ast.Call(spelled, [ast.Dict(keys, list(items.values()))] if items else [], [])
        if isinstance(module, nn.ModuleList):
            elements = list(items.values())[: in_a_row(module)]
            return ast.Call(spelled, [ast.List(elements, ast.Load())] if elements else [], [])
        if in_a_row(module) == len(items):
            return ast.Call(spelled, list(items.values()), [])
        keys = [ast.Constant(key) for key in items]
        ordered = ast.Call(name("OrderedDict"), [ast.Dict(keys, list(items.values()))], [])
        return ast.Call(spelled, [ordered], [])

    def parameters(self, module: Any, spelled: ast.expr, path: str) -> ast.expr:
        """A list or dict of parameters, which may hold lists and dicts of more."""
        values: dict[str, ast.expr] = {
            key: as_parameter(empty_tensor(value), value)
            for key, value in module._parameters.items()
        }
        values |= {k: self.child(c, joined(path, k)) for k, c in module._modules.items()}
        if isinstance(module, nn.ParameterList):
            ordered = [values[key] for key in sorted(values, key=int)]
            return ast.Call(spelled, [ast.List(ordered, ast.Load())], [])
        keys: list[ast.expr | None] = [ast.Constant(key) for key in values]
        return ast.Call(spelled, [ast.Dict(keys, list(values.values()))], [])

    # -- tensors -------------------------------------------------------------------------------

    def parameter(self, label: str, parameter: nn.Parameter | None) -> ast.stmt:
        value: ast.expr = ast.Constant(None)
        if parameter is not None:
            zeros = empty_tensor(parameter)
            begin = initial_value(self.module, label, zeros)
            if begin is None and is_sparse(parameter):
                begin = self.persistent(parameter, joined(self.path, label))
            value = as_parameter(begin or zeros, parameter)
        if parameter is None or not label.isidentifier() or is_keyword(label):
            return ast.Expr(
                ast.Call(dotted("self.register_parameter"), [ast.Constant(label), value], [])
            )
        return self.attribute(label, value)

    def buffer(self, label: str, buffer: Tensor | None) -> ast.stmt:
        persistent = label not in self.module._non_persistent_buffers_set
        if buffer is None:
            value: ast.expr = ast.Constant(None)
        elif persistent:
            zeros = empty_tensor(buffer)
            begin = initial_value(self.module, label, zeros)
            value = begin or self.persistent(buffer, joined(self.path, label)) or zeros
        else:
            value = self.constant(buffer, joined(self.path, label))
        keywords = [] if persistent else [ast.keyword("persistent", ast.Constant(False))]
        return ast.Expr(
            ast.Call(dotted("self.register_buffer"), [ast.Constant(label), value], keywords)
        )

    def persistent(self, buffer: Tensor, path: str) -> ast.expr | None:
        """What a buffer begins with, as far as the file needs to say it: the state_dict has it."""
        if not is_sparse(buffer):
            return constant_call(buffer, path)
        fits = empty_sparse(buffer)
        return self.constant(buffer, path) if fits is None else None

    def constants(self) -> list[ast.stmt]:
        """What the model keeps as plain attributes, and tensors that its code found elsewhere."""
        found: list[ast.stmt] = []
        for path, held in self.around.constants.items():
            owner, _, label = path.rpartition(".")
            if owner == self.path and label not in self.module._buffers:
                found.append(self.attribute(label, self.value(held, path)))
        return found

    def value(self, held: Tensor | float, path: str) -> ast.expr:
        if isinstance(held, Tensor):
            return self.constant(held, path)
        return Hole.of(held, path.rpartition(".")[2])

    def constant(self, tensor: Tensor, path: str) -> ast.expr:
        """The value of a tensor that no state_dict carries."""
        if is_sparse(tensor):
            held = parts(tensor.detach())
            written = all_short(map(constant_call, held.values()))
            apart = (self.stored(part, f"{path}.{label}") for label, part in held.items())
            return sparse_call(tensor, written or list(apart))
        return constant_call(tensor, path) or self.stored(tensor, path)

    def stored(self, tensor: Tensor, path: str) -> ast.expr:
        """A tensor in the side file."""
        stored = ast.Subscript(name("CONSTANTS"), Hole.of(path, "constant"), ast.Load())
        if tensor.is_complex() and tensor.dtype not in SAFETENSORS_TYPES:
            self.around.side[path] = torch.view_as_real(tensor.detach().resolve_conj())
            return ast.Call(dotted("torch.view_as_complex"), [stored], [])
        self.around.side[path] = tensor.detach()
        return stored


def is_keyword(label: str) -> bool:
    import keyword

    return keyword.iskeyword(label)


def constant_call(tensor: Tensor, path: str = "values") -> ast.expr | None:
    if tensor.device.type == "meta":
        return None
    found = constant_expression(tensor.detach())
    return None if found is None else SizesAsHoles(path.rpartition(".")[2]).visited(found.ast)


class SizesAsHoles(ast.NodeTransformer):
    """The numbers of a constant's expression may differ between instances."""

    def __init__(self, word: str) -> None:
        self.word = word  # the constant's own name, for an argument that holds its values

    def visited(self, expression: ast.expr) -> ast.expr:
        result: ast.expr = self.visit(expression)
        return result

    def visit_List(self, node: ast.List) -> ast.expr:
        """A list differs as a whole: the mask of every other layer of a flow, say."""
        try:
            values = ast.literal_eval(node)
        except ValueError:  # float("inf")
            return node
        return Hole.of(values, self.word) if values else node

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        is_number = isinstance(node.value, (int, float)) and not isinstance(node.value, bool)
        return Hole.of(node.value, "size") if is_number else node


def as_parameter(value: ast.expr, parameter: Tensor) -> ast.expr:
    """`nn.Parameter(torch.zeros(3, 4))`: its values come from the original."""
    keywords = (
        [] if parameter.requires_grad else [ast.keyword("requires_grad", ast.Constant(False))]
    )
    return ast.Call(dotted("nn.Parameter"), [value], keywords)


def empty_tensor(tensor: Tensor) -> ast.Call:
    shape: list[ast.expr] = [Hole.of(int(size), "size") for size in tensor.shape] or [
        ast.Tuple([], ast.Load())
    ]
    keywords = []
    if tensor.dtype != torch.float32:
        keywords.append(ast.keyword("dtype", dotted(str(tensor.dtype))))
    keywords += filter(None, [empty_sparse(tensor)])
    return ast.Call(dotted("torch.zeros"), shape, keywords)


def einops_layer(module: nn.Module) -> ast.expr:
    """`Rearrange("b c h w -> b (h w) c", h=8)`"""
    sizes: dict[str, Any] = dict(getattr(module, "axes_lengths", {}))
    told = [vars(module).get(label) for label in ("pattern", "reduction")]
    args: list[ast.expr] = [ast.Constant(word) for word in told if isinstance(word, str)]
    keywords = [ast.keyword(key, constant(value)) for key, value in sizes.items()]
    return ast.Call(name(type(module).__name__), args, keywords)
