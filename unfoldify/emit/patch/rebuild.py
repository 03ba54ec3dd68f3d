"""A model and the patched text of its file → the model with the text's classes and functions.

The constructor's arguments are rarely known, and the patch leaves constructors as they are: so the
model's objects are copied one by one, each with the class of the same name from the patched file.
Closures are copied too, with the code that their place in the file has now.
"""

from __future__ import annotations

import copy
import functools
import linecache
import sys
import types
import weakref
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from unfoldify.errors import UsageError
from unfoldify.loading.target import import_root, importable

BUILDING: ContextVar[bool] = ContextVar("BUILDING", default=False)
ATOMS = (
    *(str, bytes, int, float, complex, type(None), types.ModuleType, types.BuiltinFunctionType),
    *(torch.dtype, torch.device, torch.Size, torch.Generator, torch.layout, torch.memory_format),
)


def rebuilt(model: nn.Module, source: str, path: Path) -> nn.Module:
    """`model` as it would be, had its file been `source`; weights and buffers are copies."""
    original = vars(sys.modules[type(model).__module__])
    namespace = executed(source, path, original)
    old = code_objects(compile(path.read_bytes(), str(path), "exec"))
    new = code_objects(namespace.pop("__patched_code__"))
    return Transplant(original, namespace, old, new).copied(model)  # type: ignore[no-any-return]


def executed(source: str, path: Path, original: Mapping[str, Any]) -> dict[str, Any]:
    """The names that the patched file defines, run as an import of it would be."""
    if BUILDING.get():
        raise UsageError(
            f"{path.name}: it calls unfoldify when it is imported, and the patched file has to be "
            'imported to be checked.\nPut the call under `if __name__ == "__main__":`, or use '
            "--layout inline."
        )
    name = f"{original.get('__name__', path.stem)}_patched"
    module = types.ModuleType(name)
    namespace = vars(module)
    namespace.update(__file__=str(path), __package__=original.get("__package__"))
    text = source.removeprefix("\ufeff")
    filename = f"<patched {path.name}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    code = compile(text, filename, "exec")
    token, arguments = BUILDING.set(True), sys.argv
    sys.modules[name], sys.argv = module, [str(path)]
    try:
        with importable(import_root(path)), torch.random.fork_rng(devices=[]):
            exec(code, namespace)
    finally:
        BUILDING.reset(token)
        sys.argv = arguments
        del sys.modules[name]
    return {**namespace, "__patched_code__": code}


def code_objects(code: types.CodeType) -> dict[str, list[types.CodeType]]:
    """Every function of a compiled file by its qualified name, in the order of the file."""
    found: dict[str, list[types.CodeType]] = {}

    def walk(outer: types.CodeType) -> Iterator[types.CodeType]:
        for constant in outer.co_consts:
            if isinstance(constant, types.CodeType):
                yield constant
                yield from walk(constant)

    for inner in walk(code):
        found.setdefault(inner.co_qualname, []).append(inner)
    return found


class Transplant:
    """Copies objects, with classes and functions of another version of their file."""

    def __init__(
        self,
        original: Mapping[str, Any],
        namespace: dict[str, Any],
        old: Mapping[str, list[types.CodeType]],
        new: Mapping[str, list[types.CodeType]],
    ) -> None:
        self.home = original.get("__name__")
        self.namespace = namespace
        self.globals = namespace
        self.old, self.new = old, new
        self.memo: dict[
            int, tuple[Any, Any]
        ] = {}  # id → (the original, which keeps the id good, its copy)

    def copied(self, value: Any) -> Any:
        if isinstance(value, ATOMS) and type(value).__module__ in ("builtins", "torch"):
            return value
        if id(value) in self.memo:
            return self.memo[id(value)][1]
        return self.copy_of(value)

    def keep(self, value: Any, made: Any) -> Any:
        self.memo[id(value)] = (value, made)
        return made

    def copy_of(self, value: Any) -> Any:
        match value:
            case Tensor():
                return self.keep(value, self.tensor(value))
            case type():
                return self.class_of(value)
            case types.FunctionType():
                return self.function(value)
            case types.MethodType():
                return self.keep(
                    value,
                    types.MethodType(self.copied(value.__func__), self.copied(value.__self__)),
                )
            case functools.partial():
                args, kwargs = self.copied(value.args), self.copied(value.keywords)
                return self.keep(value, functools.partial(self.copied(value.func), *args, **kwargs))
            case weakref.ref():
                target = value()
                return value if target is None else weakref.ref(self.copied(target))
            case dict() | list() | set() | tuple() | frozenset() | deque():
                return self.container(value)
        return self.instance(value)

    def tensor(self, value: Tensor) -> Tensor:
        if isinstance(value, (nn.UninitializedParameter, nn.UninitializedBuffer)):
            return copy.deepcopy(value)
        with torch.no_grad():
            made = value.detach().clone()
        if isinstance(value, nn.Parameter):
            return nn.Parameter(made, requires_grad=value.requires_grad)
        return made.requires_grad_(value.requires_grad and value.is_leaf)

    def container(self, value: Any) -> Any:
        kind = type(value)
        if isinstance(value, dict):
            made = self.keep(value, copy.copy(value) if kind not in (dict, OrderedDict) else kind())
            made.clear()
            if isinstance(value, defaultdict):
                made.default_factory = self.copied(value.default_factory)
            made.update((self.copied(key), self.copied(item)) for key, item in value.items())
            return made
        if isinstance(value, (list, deque, set)):
            made = self.keep(value, copy.copy(value))
            made.clear()
            (made.update if isinstance(value, set) else made.extend)(
                [self.copied(item) for item in value]
            )
            return made
        items = [self.copied(item) for item in value]
        return self.keep(value, kind._make(items) if hasattr(value, "_make") else kind(items))

    def instance(self, value: Any) -> Any:
        """Any other object: a module, a configuration, a helper of the user's."""
        attributes = getattr(value, "__dict__", None)
        if not isinstance(attributes, dict):
            return self.keep(value, value)
        cls = self.copied(type(value))
        try:
            made = cls.__new__(cls) if isinstance(value, nn.Module) else copy.copy(value)
        except Exception:
            return self.keep(value, value)
        self.keep(value, made)
        if type(made) is not cls:
            made.__class__ = cls
        for name, item in attributes.items():
            made.__dict__[name] = self.copied(item)
        return made

    # -- classes and functions ------------------------------------------------------------------

    def class_of(self, cls: type) -> type:
        """The class of that name in the patched file; one made by a function is made anew."""
        if cls.__module__ == self.home:
            found = self.named(cls.__qualname__)
            if isinstance(found, type):
                return found
        elif not any(base.__module__ == self.home for base in cls.__mro__):
            return cls
        bases = tuple(self.copied(base) for base in cls.__bases__)
        own = {k: v for k, v in vars(cls).items() if k not in ("__dict__", "__weakref__")}
        made = self.keep(cls, type(cls)(cls.__name__, bases, own))
        for name, item in own.items():  # methods may refer to the class itself
            if isinstance(item, (types.FunctionType, staticmethod, classmethod, property)):
                setattr(made, name, self.method(item))
        return made  # type: ignore[no-any-return]

    def method(self, item: Any) -> Any:
        """A function of a class that is made anew, whatever it is wrapped in."""
        if isinstance(item, property):
            get, put, delete = (
                part and self.copied(part) for part in (item.fget, item.fset, item.fdel)
            )
            return property(get, put, delete, item.__doc__)
        if isinstance(item, (staticmethod, classmethod)):
            return type(item)(self.copied(item.__func__))
        return self.copied(item)

    def named(self, qualified: str) -> Any:
        found: Any = self.namespace
        for part in qualified.split("."):
            found = found.get(part) if isinstance(found, dict) else getattr(found, part, None)
        return found

    def function(self, function: types.FunctionType) -> Any:
        """The function at the same place of the patched file, with a copy of its closure."""
        if function.__module__ != self.home:
            return self.keep(function, function)
        code = self.new_code(function.__code__)
        if code is None:
            return self.keep(function, function)
        cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        empty = {name: types.CellType() for name in code.co_freevars}
        closure = tuple(empty[name] for name in code.co_freevars)
        made = types.FunctionType(code, self.globals, function.__name__, None, closure)
        self.keep(function, made)
        made.__defaults__ = self.copied(function.__defaults__)
        made.__kwdefaults__ = self.copied(function.__kwdefaults__)
        made.__dict__.update(self.copied(function.__dict__))
        made.__qualname__ = function.__qualname__
        for name, cell in empty.items():
            try:
                cell.cell_contents = self.copied(cells[name].cell_contents)
            except (KeyError, ValueError):
                continue
        return made

    def new_code(self, code: types.CodeType) -> types.CodeType | None:
        """The code that stands in the patched file where this one stands in the original."""
        old, new = self.old.get(code.co_qualname, []), self.new.get(code.co_qualname, [])
        lines = [other.co_firstlineno for other in old]
        if code.co_firstlineno not in lines or len(old) != len(new):
            return None
        return new[lines.index(code.co_firstlineno)]
