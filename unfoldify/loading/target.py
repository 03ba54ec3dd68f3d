"""TARGET, as the user typed it → the imported module that holds the model."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType

from unfoldify.blame import fact, shown, users_line
from unfoldify.errors import LoadError, UsageError
from unfoldify.loading.uncompiled import uncompiled


@dataclass(frozen=True)
class Target:
    """`model.py:Net` is the place `model.py` and the name `Net`; a bare file has no name."""

    place: str
    name: str | None = None

    @property
    def is_file(self) -> bool:
        return self.place.endswith(".py") or "/" in self.place or "\\" in self.place

    @property
    def stem(self) -> str:
        """What the written file is called after."""
        return Path(self.place).stem if self.is_file else self.place.rpartition(".")[2]

    def __str__(self) -> str:
        return f"{self.place}:{self.name}" if self.name else self.place


def parse_target(text: str, class_name: str | None = None) -> Target:
    """`model.py`, `model.py:Net` or `package.module:name`; `class_name` is another way to name."""
    place, colon, name = text.rpartition(":")
    if not colon or "/" in name or "\\" in name:  # the colon of C:\model.py names nothing
        place, name = text, ""
    elif not place or not all(part.isidentifier() for part in name.split(".")):
        raise UsageError(
            f"{text}: {name!r} cannot be the name of anything in a Python file.\n"
            f"Write unfoldify {place or 'model.py'}:Name, or leave the colon out to have the "
            "model found."
        )
    if class_name and name and class_name != name:
        raise UsageError(
            f"{text!r} names {name}, and --class names {class_name}.\nGive one of the two."
        )
    return Target(place, class_name or name or None)


def import_target(target: Target) -> ModuleType:
    """The module of `target`, imported with its own folder first on `sys.path`."""
    if not target.is_file:
        return _import_dotted(target)
    path = Path(target.place)
    if not path.exists():
        raise LoadError(_no_such_file(path))
    if path.is_dir() or path.suffix != ".py":
        what = "a folder" if path.is_dir() else "not a Python file"
        raise LoadError(
            f"{target.place}: {what}.\n"
            "Give the Python file that defines the model (unfoldify model.py) or an importable "
            "name (unfoldify package.module:Name)."
        )
    return _import_file(path.resolve())


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    """Inside, `folder` comes first in imports, as when Python runs a file of it; afterwards last.

    It stays at the end because a forward may import a neighbour when it is first called.
    """
    entry = str(folder)
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        sys.path.remove(entry)
        if entry not in sys.path:
            sys.path.append(entry)


def import_root(path: Path) -> Path:
    """The folder from which `path` is imported: above its package where it imports relatively."""
    folder = path.parent
    if _imports_relatively(path):
        while (folder / "__init__.py").exists():
            folder = folder.parent
    return folder


def _import_file(path: Path) -> ModuleType:
    root = import_root(path)
    arguments, sys.argv = sys.argv, [str(path)]  # a file that reads options is not given ours
    try:
        with importable(root), uncompiled():
            if root != path.parent:
                dotted = ".".join(path.relative_to(root).with_suffix("").parts)
                return importlib.import_module(dotted)
            return _execute(path)
    except (Exception, SystemExit) as error:
        raise _import_failed(shown(path), path, error) from error
    finally:
        sys.argv = arguments


def _execute(path: Path) -> ModuleType:
    name = _module_name(path)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and inspect look a class's module up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _module_name(path: Path) -> str:
    """The file's own name, unless another module has it (`types.py`, a second `model.py`)."""
    name, number = path.stem, 1
    while name in sys.stdlib_module_names or _is_other(name, path):
        number += 1
        name = f"{path.stem}_{number}"
    return name


def _is_other(name: str, path: Path) -> bool:
    module = sys.modules.get(name)
    return module is not None and getattr(module, "__file__", None) != str(path)


def _import_dotted(target: Target) -> ModuleType:
    try:
        with importable(Path.cwd()), uncompiled():
            return importlib.import_module(target.place)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if target.place != missing and not target.place.startswith(f"{missing}."):
            raise _import_failed(target.place, None, error) from error
        raise LoadError(
            f"{target.place}: no module {missing!r} can be imported from here.\n"
            f"Run unfoldify where `python -c 'import {target.place}'` works, or give the file: "
            "unfoldify path/to/model.py"
        ) from error
    except (Exception, SystemExit) as error:
        raise _import_failed(target.place, None, error) from error


def _import_failed(place: str, path: Path | None, error: BaseException) -> LoadError:
    where = users_line(error, path) or place
    if isinstance(error, ModuleNotFoundError):
        way_out = "Install it, or run unfoldify in the environment in which the file runs."
    elif isinstance(error, SystemExit):
        way_out = 'Put what is run as a script under `if __name__ == "__main__":`.'
    else:
        way_out = f"The file must import as it is: try `python {place}`."
        if path is None:
            way_out = f"The module must import as it is: try `python -c 'import {place}'`."
    return LoadError(f"{where}\n  {fact(error)}\n{way_out}")


def _no_such_file(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"{path}: no such file (there is no folder {folder})."
    close = get_close_matches(path.name, [other.name for other in folder.glob("*.py")], n=3)
    if close:
        commands = "".join(f"\n  unfoldify {folder / name}" for name in close)
        return f"{path}: no such file. Is it one of these?{commands}"
    return f"{path}: no such file."


def _imports_relatively(path: Path) -> bool:
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return False
    return any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(tree))
