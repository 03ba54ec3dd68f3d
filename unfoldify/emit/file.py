"""Classes → the text of the file."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import nn

from unfoldify.emit.arguments import Arguments, ClassName
from unfoldify.emit.autograd import autograd_sources
from unfoldify.emit.class_names import name_classes
from unfoldify.emit.constants.numbers import formula
from unfoldify.emit.constructor import as_parameter, base_of, empty_tensor
from unfoldify.emit.docstrings import class_docstring, method_docstring
from unfoldify.emit.expressions import Expressions
from unfoldify.emit.format import format_statements
from unfoldify.emit.hoisting import hoisted
from unfoldify.emit.imports import imports
from unfoldify.emit.layer_numbers import with_names
from unfoldify.emit.lines import assign, dotted, name, remarked
from unfoldify.emit.repetition import folded
from unfoldify.emit.replaced import replaced, shapes
from unfoldify.emit.side_file import loader
from unfoldify.emit.signature import signature
from unfoldify.merge import Instance, Kind, Merged, walk_bodies
from unfoldify.recording.body import Body, Construct
from unfoldify.recording.layers import is_torch_class
from unfoldify.recording.spelling import AutogradCall


def emit(merged: Merged, functions: Iterable[ast.stmt] = (), bodies: Iterable[Body] = ()) -> str:
    """The whole file but for its docstring; `functions` are those that its forwards call, `bodies`
    their graphs.
    """
    name_classes(merged)
    classes: list[ast.stmt] = [FinishNames().visit(each) for each in functions]
    classes += output_classes(merged)
    classes += [FinishNames().visit(class_definition(kind, merged)) for kind in merged.kinds]
    text = "\n\n\n".join("\n".join(format_statements([tree])) for tree in classes)
    text = "\n\n\n".join([*autograd_functions(merged, bodies), text])
    if merged.side:
        text = f"{loader(merged.side.values())}\n\n\n{text}"
    return f"{imports(text)}\n\n{text if merged.side else chr(10) + text}\n"


# -- classes ---------------------------------------------------------------------------------------


def class_definition(kind: Kind, merged: Merged) -> ast.ClassDef:
    """One class: its constructor and its forward."""
    arguments = Arguments(kind)
    init, methods = arguments.resolve()
    init = list(hoisted(init, kind.parameters))
    first = kind.instances[0]
    is_root = first is merged.root
    init.extend(
        [
            *resized(first.module),
            *ties(first, merged),
            *dtype_of_model(first.module),
            *frozen(first.module),
        ]
        if is_root
        else []
    )
    base, *_ = base_of(first.module)
    body: list[ast.stmt] = []
    if len(init) > 1 or not is_bare(init):
        parameters = [ast.arg("self"), *(ast.arg(label) for label in kind.parameters)]
        signature_ = ast.arguments([], parameters, None, [], [], None, [])
        body.append(function("__init__", signature_, [folded(statement) for statement in init]))
    if is_root and merged.resting:
        body.append(train_method(first.module, merged.resting))
    helpers = {body.method for body in first.bodies}
    for label, lines in methods.items():
        text = first.methods[label]
        owner = next(b for b in first.bodies if b.module is first.module)
        words = method_docstring(first.module, label)
        arguments_ = signature(owner, text.names, is_root=is_root and label not in helpers)
        body.append(
            function(label, arguments_, [*words, *(list(with_names(lines)) or [ast.Pass()])])
        )
    words = class_docstring(kind, merged)
    return ast.ClassDef(kind.name, [base], [], [*words, *(body or [ast.Pass()])], [])


def autograd_functions(merged: Merged, others: Iterable[Body]) -> list[str]:
    """The source of the user's own autograd functions, with what it needs."""
    bodies = walk_bodies(merged.root.bodies[0]) if merged.root.bodies else ()
    targets = [node.target for body in (*bodies, *others) for node in body.graph.nodes]
    called = dict.fromkeys(target for target in targets if isinstance(target, AutogradCall))
    return autograd_sources([target.cls for target in called])


def output_classes(merged: Merged) -> Iterator[ast.ClassDef]:
    """The classes of what the model returns, fields only."""
    seen: set[str] = set()
    for body in merged.root.bodies:
        for node in body.graph.nodes:
            if isinstance(node.target, Construct) and node.target.name not in seen:
                seen.add(node.target.name)
                yield output_class(node.target)


def output_class(target: Construct) -> ast.ClassDef:
    kind: ast.expr = ast.BinOp(dotted("torch.Tensor"), ast.BitOr(), ast.Constant(None))
    fields = [
        ast.AnnAssign(ast.Name(field, ast.Store()), kind, ast.Constant(None), 1)
        for field in target.fields
    ]
    bases: list[ast.expr] = [name("NamedTuple")] if target.is_tuple else []
    decorators: list[ast.expr] = [] if target.is_tuple else [name("dataclass")]
    return ast.ClassDef(target.name, bases, [], [*fields] or [ast.Pass()], decorators)


def is_bare(init: list[ast.stmt]) -> bool:
    """Whether a constructor only calls its parent's without arguments."""
    call = init[0].value if isinstance(init[0], ast.Expr) else None
    return isinstance(call, ast.Call) and not call.args and not call.keywords


def function(label: str, arguments: ast.arguments, body: list[ast.stmt]) -> ast.FunctionDef:
    return ast.FunctionDef(label, arguments, body, [], None, None, lineno=0)


def resized(model: nn.Module) -> Iterator[ast.stmt]:
    """Parameters of torch's layers that were given another shape than their layer makes."""
    spell = Expressions(model, {})
    known: dict[Any, tuple[str, ...]] = {}  # layers alike are asked once
    for path, module in model.named_modules():
        if not module._parameters or not is_torch_class(type(module)):
            continue
        alike = (type(module), module.extra_repr(), shapes(module))
        if alike not in known:
            known[alike] = tuple(replaced(module))
        for label in known[alike]:
            parameter = module._parameters[label]
            value: ast.expr = ast.Constant(None)
            if parameter is not None:
                value = as_parameter(empty_tensor(parameter), parameter)
            owner = spell.path(path) if path else name("self")
            yield assign(stored(ast.Attribute(owner, label, ast.Load())), value)


def ties(root: Instance, merged: Merged) -> Iterator[ast.stmt]:
    """Modules and parameters that have two names: made once, the other names set here."""
    spell = Expressions(root.module, {})
    seen: dict[int, str] = {}
    made: set[str] = set()
    for path, module in root.module.named_modules(remove_duplicate=False):
        first = seen.setdefault(id(module), path)
        if first != path and not any(path.startswith(other + ".") for other in made):
            made.add(path)
            yield remarked(rename(spell.path(path), spell.path(first)), "one module, two names")
    tensors: dict[int, str] = {}
    for path, tensor in root.module.named_parameters(remove_duplicate=False):
        first = tensors.setdefault(id(tensor), path)
        if first != path and not any(path.startswith(other + ".") for other in made):
            yield remarked(rename(spell.path(path), spell.path(first)), "one tensor, two names")


def rename(place: ast.expr, value: ast.expr) -> ast.stmt:
    """`self.b = self.a`; by `setattr` where the name is a keyword or not a word."""
    if isinstance(place, ast.Call):  # getattr(self, "in")
        return ast.Expr(ast.Call(name("setattr"), [*place.args, value], []))
    return assign(stored(place), value)


def dtype_of_model(model: nn.Module) -> Iterator[ast.stmt]:
    """`self.to(torch.bfloat16)`, `self.head.to(torch.float64)`: layers are declared in float32, so
    the largest parts of another type say so.
    """
    found: list[str] = []
    for path, module in model.named_modules():
        inside = any(not other or path.startswith(f"{other}.") for other in found)
        own = {id(p) for part in module.modules() for p in part._parameters.values()}
        parameters = [p for p in module.parameters() if id(p) in own]
        dtypes = {p.dtype for p in parameters if is_of_numbers(p)}
        if inside or len(dtypes) != 1 or dtypes == {torch.float32}:
            continue
        if parameters[0].is_complex() and not became_complex(module):
            continue
        found.append(path)
        to = ast.Attribute(Expressions(model, {}).path(path), "to", ast.Load())
        yield ast.Expr(ast.Call(to, [dotted(str(dtypes.pop()))], []))


def is_of_numbers(tensor: torch.Tensor) -> bool:
    """Whether `module.to(dtype)` turns a tensor into one of that type."""
    return tensor.is_floating_point() or tensor.is_complex()


def became_complex(module: nn.Module) -> bool:
    """Whether layers of torch were turned: the author of a complex parameter says so himself, and
    keeps real buffers beside it.
    """
    layers = [part for part in module.modules() if is_torch_class(type(part)) and part._parameters]
    return bool(layers) and not any(b.is_floating_point() for b in module.buffers())


def frozen(model: nn.Module) -> Iterator[ast.stmt]:
    """`self.encoder.requires_grad_(False)` for the largest parts that do not learn."""
    found: list[str] = []
    for path, module in model.named_modules():
        parameters = list(module.parameters())
        inside = any(not other or path.startswith(f"{other}.") for other in found)
        learns = any(p.requires_grad or not is_of_numbers(p) for p in parameters)
        if parameters and not inside and not learns:
            found.append(path)
    for path in found:
        part = Expressions(model, {}).path(path)
        call = ast.Call(
            ast.Attribute(part, "requires_grad_", ast.Load()), [ast.Constant(False)], []
        )
        yield ast.Expr(call)


def train_method(model: nn.Module, resting: tuple[str, ...]) -> ast.FunctionDef:
    """`train` as the original has it: some modules stay in evaluation mode."""
    parameters = [ast.arg("self"), ast.arg("mode")]
    arguments = ast.arguments([], parameters, None, [], [], None, [ast.Constant(True)])
    parent = ast.Call(dotted("train"), [name("mode")], [])
    parent.func = ast.Attribute(ast.Call(name("super"), [], []), "train", ast.Load())
    lines: list[ast.stmt] = [ast.Expr(parent)]
    for path in resting:
        part = Expressions(model, {}).path(path)
        lines.append(ast.Expr(ast.Call(ast.Attribute(part, "eval", ast.Load()), [], [])))
    return function("train", arguments, [*lines, ast.Return(name("self"))])


def stored(target: Any) -> Any:
    target.ctx = ast.Store()
    return target


class FinishNames(ast.NodeTransformer):
    """Puts in the names of classes, and the formulas of well-known numbers."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ClassName):
            return name(node.kind.name)
        match node:
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=float() as value)):
                negative = formula(-value)
                if negative is not None:
                    return negative
            case ast.Constant(value=float() as value):
                return formula(value) or node
        return super().generic_visit(node)
