"""What inserted lines call by name: the user's own imports, else imports added beside them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from unfoldify.emit.patch.syntax import FUNCTIONS, UserFile, bound_names, names_of
from unfoldify.emit.patch.text import Edit

# name → (module, what is taken from it, other names where the name is taken)
WANTED: dict[str, tuple[str, str | None, tuple[str, ...]]] = {
    "torch": ("torch", None, ("pytorch",)),
    "F": ("torch.nn.functional", None, ("functional", "torch_functional")),
    "nn": ("torch", "nn", ("torch_nn",)),
    "math": ("math", None, ("mathematics",)),
    "rearrange": ("einops", "rearrange", ("einops_rearrange",)),
    "einsum": ("einops", "einsum", ("einops_einsum",)),
    "reduce": ("einops", "reduce", ("einops_reduce",)),
    "repeat": ("einops", "repeat", ("einops_repeat",)),
}


@dataclass(frozen=True)
class Imports:
    """The names that inserted lines use, and the imports to be added for them."""

    names: dict[str, str]  # as they are usually called → as they are called in this file
    added: tuple[str, ...]


def choose_imports(file: UserFile, words: Iterable[str], functions: Iterable[ast.AST]) -> Imports:
    """Names for `words` that no function in which they are used has for something else."""
    shadowed = {name for function in functions for name in visible_names(file, function)}
    present = dict(imported(file))
    names: dict[str, str] = {}
    added: list[str] = []
    for word in sorted(set(words) & set(WANTED)):
        module, taken, others = WANTED[word]
        own = [
            name
            for name, what in present.items()
            if what == (module, taken) and name not in shadowed
        ]
        if own:
            names[word] = word if word in own else own[0]
            continue
        free = [
            name for name in (word, *others) if name not in shadowed and not is_bound(file, name)
        ]
        names[word] = free[0] if free else f"{word}_of_{module.partition('.')[0]}"
        added.append(statement(module, taken, names[word]))
    return Imports(names, tuple(together(added)))


def visible_names(file: UserFile, node: ast.AST) -> Iterator[str]:
    """The variables of a function and of the functions around it."""
    for function in (node, *file.above(node)):
        if isinstance(function, (*FUNCTIONS, ast.Lambda)):
            yield from bound_names(function)


def imported(file: UserFile) -> Iterator[tuple[str, tuple[str, str | None]]]:
    """(name, (module, what is taken from it)) of the imports that nothing binds anew."""
    counted: dict[str, list[tuple[str, str | None]]] = {}
    for statement_ in file.tree.body:
        if isinstance(statement_, ast.Import):
            for alias in statement_.names:
                whole = alias.asname is not None or "." not in alias.name
                module = alias.name if whole else alias.name.partition(".")[0]
                counted.setdefault(alias.asname or module, []).append(normal(module, None))
        elif isinstance(statement_, ast.ImportFrom) and statement_.module and not statement_.level:
            for alias in statement_.names:
                what = normal(statement_.module, alias.name)
                counted.setdefault(alias.asname or alias.name, []).append(what)
    own = bound_names(
        ast.Module(
            [n for n in file.tree.body if not isinstance(n, (ast.Import, ast.ImportFrom))], []
        )
    )
    for name, found in counted.items():
        if len(set(found)) == 1 and name not in own:
            yield name, found[0]


def normal(module: str, taken: str | None) -> tuple[str, str | None]:
    """One spelling for `import torch.nn as nn` and `from torch import nn`."""
    for wanted, part, _ in WANTED.values():
        if (module, taken) == (wanted, part):
            return wanted, part
        if taken is not None and part is None and f"{module}.{taken}" == wanted:
            return wanted, part
        if taken is None and part is not None and module == f"{wanted}.{part}":
            return wanted, part
    return module, taken


def is_bound(file: UserFile, name: str) -> bool:
    """Whether the module has something of this name."""
    return name in bound_names(file.tree) or any(
        name in names_of(node) for node in ast.walk(file.tree) if isinstance(node, ast.alias)
    )


def statement(module: str, taken: str | None, name: str) -> str:
    if taken is not None:
        return f"from {module} import {taken}" + (f" as {name}" if name != taken else "")
    return f"import {module}" + (f" as {name}" if name != module else "")


def together(statements: list[str]) -> Iterator[str]:
    """Imports from one module in one statement, in the order of isort."""
    parts: dict[str, list[str]] = {}
    for line in statements:
        head, _, taken = line.partition(" import ")
        parts.setdefault(head if taken else line, []).extend([taken] if taken else [])
    lines = [
        f"{head} import {', '.join(taken)}" if taken else head for head, taken in parts.items()
    ]
    yield from sorted(lines, key=sort_key)


def sort_key(line: str) -> tuple[bool, str]:
    words = line.split()
    return words[0] == "from", words[1]


def import_edits(file: UserFile, added: Iterable[str]) -> Iterator[Edit]:
    """Each new import where isort would put it among those of torch, or below them."""
    block = import_block(file)
    source = file.source
    for line in added:
        following = next((s for s in block if sort_key(source.segment(s)) > sort_key(line)), None)
        in_order = [sort_key(source.segment(s)) for s in block]
        if following is not None and in_order == sorted(in_order):
            at = source.offset(following.lineno, 0)
            yield Edit(at, at, f"{line}\n")
        elif block:
            at = source.end(block[-1])
            rest = source.line(block[-1].end_lineno or 0)[block[-1].end_col_offset or 0 :]
            yield Edit(at + len(rest), at + len(rest), f"\n{line}")
        else:
            at = source.offset(first_code(file), 0)
            yield Edit(at, at, f"{line}\n")


def import_block(file: UserFile) -> list[ast.stmt]:
    """The import statements in a row that torch is among; else the last ones."""
    blocks: list[list[ast.stmt]] = []
    for node in file.tree.body:
        if not isinstance(node, (ast.Import, ast.ImportFrom)) or not file.source.stands_alone(node):
            continue
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            continue
        if blocks and blocks[-1][-1].end_lineno == node.lineno - 1:
            blocks[-1].append(node)
        else:
            blocks.append([node])
    first = first_definition(file)
    blocks = [
        block for block in blocks if first is None or block[0].lineno < first.lineno
    ] or blocks
    mine = [
        block for block in blocks if any("torch" in file.source.segment(node) for node in block)
    ]
    return mine[0] if mine else blocks[-1] if blocks else []


def first_definition(file: UserFile) -> ast.stmt | None:
    """The first class or function at the top level."""
    return next(
        (node for node in file.tree.body if isinstance(node, (*FUNCTIONS, ast.ClassDef))), None
    )


def first_code(file: UserFile) -> int:
    """The line of the first statement behind the docstring and the imports from __future__."""
    for index, node in enumerate(file.tree.body):
        is_docstring = (
            index == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        )
        if not is_docstring and not (
            isinstance(node, ast.ImportFrom) and node.module == "__future__"
        ):
            return node.lineno
    return 1


def function_edit(file: UserFile, text: str) -> Edit:
    """Functions above the first class or function of the file and the comments right above that."""
    first = first_definition(file)
    if first is None:
        end = len(file.source.text)
        return Edit(end, end, f"\n\n{text}")
    decorators = getattr(first, "decorator_list", [])
    line = min([first.lineno, *(node.lineno for node in decorators)])
    while line > 1 and file.source.line(line - 1).strip().startswith("#"):
        line -= 1
    at = file.source.offset(line, 0)
    before = 0
    while before < 2 and line - before > 1 and not file.source.line(line - 1 - before).strip():
        before += 1
    return Edit(at, at, "\n" * (2 - before if line > 1 else 0) + f"{text}\n\n")
