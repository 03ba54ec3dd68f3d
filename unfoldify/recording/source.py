"""Code positions → the words of the user's file: which statement made a call, and what it was
called there.

Every recorded call keeps the frames that led to it as `(code, instruction offset)` pairs, innermost
first. From Python 3.11 on, a code object knows the exact span of every instruction, so the pair
leads to one expression of one file.
"""

from __future__ import annotations

import ast
import dis
import io
import linecache
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from types import CodeType, FrameType

import unfoldify

Position = tuple[CodeType, int]
PACKAGE_FOLDER = f"{unfoldify.__path__[0]}/"


def is_of_a_rule(filename: str) -> bool:
    """Whether a file is one of the rules: its words are for readers, but not the user's."""
    return filename.startswith(f"{PACKAGE_FOLDER}rules/")


@dataclass(frozen=True)
class Site:
    """Where a call stands in its file, and what becomes of its value there."""

    filename: str
    line: int
    statement: tuple[
        str, int
    ]  # file and first line of the statement: calls of one statement share it
    role: str  # "assigned" | "returned" | "nested" | "discarded"
    targets: tuple[
        str | None, ...
    ] = ()  # names on the left; more than one where a tuple is unpacked
    unpacks: bool = False
    target: ast.expr | None = field(default=None, compare=False)  # what those names stand in
    index: int | None = (
        None  # of the subscript that the value is taken apart by at once: `x.shape[-1]`
    )
    items: tuple[tuple[int, str], ...] = ()  # those of its items that the statement names, by index
    appended_to: str | None = None  # the list that the value, or what is made of it, is added to
    expression: ast.expr | None = field(default=None, compare=False)
    comments: tuple[str, ...] = ()  # whole-line comments directly above the statement
    remark: str | None = None  # the comment at the end of the statement's line
    decides: bool = False  # whether it is in the test of an `if` that does more than to refuse
    goes_on: bool = False  # whether it is in the test of a `while`, or in one of its rounds
    text: str = ""  # the expression as its author wrote it
    gap: bool = False  # whether an empty line stands above the statement


@dataclass(frozen=True)
class SourceFile:
    """One parsed file: its expressions by span, each node's parent, its comments by line."""

    expressions: Mapping[tuple[int, int, int, int], ast.expr]
    parents: Mapping[ast.AST, ast.AST]
    comments: Mapping[
        int, tuple[str, bool]
    ]  # line → comment, and whether it has the line to itself
    lines: tuple[str, ...]


# Python 3.11 makes a call by two instructions, and by the first alone once it has seen often enough
# what is called
PRECALL, CALL_BEHIND = dis.opmap.get("PRECALL"), 4


def position_in(frame: FrameType) -> Position:
    """Where a frame is: for one call the same however often it was made."""
    code, offset = frame.f_code, frame.f_lasti
    return code, offset + CALL_BEHIND if code.co_code[offset] == PRECALL else offset


def site(position: Position) -> Site | None:
    """The site of one code position, or None where the source is not at hand."""
    code, offset = position
    return _site(code, offset)


def first_site(positions: Iterable[Position]) -> Site | None:
    """The innermost of the positions around a call whose source is at hand."""
    return next(filter(None, map(site, positions)), None)


@lru_cache(maxsize=65536)
def _site(code: CodeType, offset: int) -> Site | None:
    file = parsed(code.co_filename)
    line, end_line, column, end_column = next(
        islice(code.co_positions(), offset // 2, None), (None, None, None, None)
    )
    if file is None or line is None or end_line is None or column is None or end_column is None:
        return None
    expression = file.expressions.get((line, column, end_line, end_column))
    if expression is None:
        return None
    statement, role, targets, unpacks = _use(file, expression)
    above, remark = _comments(file, statement)
    return Site(
        filename=code.co_filename,
        line=line,
        statement=(code.co_filename, statement.lineno),
        role=role,
        targets=targets,
        unpacks=unpacks,
        target=statement.targets[-1] if isinstance(statement, ast.Assign) else None,
        index=_index(file, expression),
        items=tuple(_items(file, expression)),
        appended_to=_list(file, expression, statement),
        decides=_decides(file, expression),
        goes_on=_goes_on(file, expression),
        expression=expression,
        comments=above,
        remark=remark,
        text=_text(file, expression),
        gap=_gap(file, statement),
    )


@lru_cache(maxsize=512)
def parsed(filename: str) -> SourceFile | None:
    """The file, parsed once; None where there is no source or it does not parse."""
    lines = linecache.getlines(filename)
    text = "".join(lines)
    if not text:
        return None
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    expressions: dict[tuple[int, int, int, int], ast.expr] = {}
    parents: dict[ast.AST, ast.AST] = {}
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            parents[child] = node
        if (
            isinstance(node, ast.expr)
            and node.end_lineno is not None
            and node.end_col_offset is not None
        ):
            expressions.setdefault(
                (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset), node
            )
        elif (
            isinstance(node, ast.AugAssign)
            and node.end_lineno is not None
            and node.end_col_offset is not None
        ):
            # an augmented assignment computes at the span of the whole statement
            key = (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
            expressions.setdefault(key, node)  # type: ignore[arg-type]
        elif isinstance(node, ast.For) and node.end_lineno and node.end_col_offset:
            # a loop starts at the span of the whole statement
            key = (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
            expressions.setdefault(key, node.iter)
        elif isinstance(node, (ast.If, ast.While)) and node.end_lineno and node.end_col_offset:
            # the jump that asks for the truth of the test has the span of the whole statement
            key = (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
            expressions.setdefault(key, node.test)
    return SourceFile(expressions, parents, dict(_tokenized_comments(text)), tuple(lines))


def _tokenized_comments(text: str) -> Iterator[tuple[int, tuple[str, bool]]]:
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                alone = not token.line[: token.start[1]].strip()
                yield token.start[0], (token.string, alone)
    except (tokenize.TokenError, IndentationError, SyntaxError):
        return


def _use(
    file: SourceFile, expression: ast.expr
) -> tuple[ast.stmt, str, tuple[str | None, ...], bool]:
    """The statement around an expression, and what the statement does with its value."""
    node: ast.AST = expression
    whole = True
    places: list[int] = []  # in tuples: [1] for the second value of `q, k = f(x), g(x)`
    while not isinstance(node, ast.stmt):
        parent = file.parents[node]
        if isinstance(parent, ast.NamedExpr) and parent.value is node and whole:
            return _statement(file, parent), "assigned", (parent.target.id,), False
        if isinstance(parent, ast.Lambda):  # what becomes of it is said where the lambda is called
            return (
                _statement(file, parent),
                "returned" if parent.body is expression else "nested",
                (),
                False,
            )
        if isinstance(parent, ast.Tuple):
            places.insert(0, parent.elts.index(node))  # type: ignore[arg-type]
        elif not isinstance(parent, ast.stmt):
            places.clear()
        whole = whole and isinstance(parent, (ast.stmt, ast.NamedExpr, ast.Tuple, ast.Starred))
        node = parent
    own = _own_target(node, places)
    whole = whole and (own is not None or not places)
    role = "nested"
    targets: tuple[str | None, ...] = ()
    unpacks = False
    if isinstance(node, ast.Assign):
        targets, unpacks = _targets(own or node.targets[-1])
        role = "assigned" if whole else "nested"
    elif isinstance(node, ast.AnnAssign):
        targets, unpacks = _targets(node.target)
        role = "assigned" if whole else "nested"
    elif isinstance(node, ast.AugAssign):
        targets, unpacks = _targets(node.target)
        itself: ast.AST = expression  # the statement stands for the value that it computes
        role = "assigned" if node is itself else "nested"
    elif isinstance(node, ast.Return):
        role = "returned" if whole else "nested"
    elif isinstance(node, ast.Expr):
        role = "discarded" if whole else "nested"
    return node, role, targets, unpacks


def _own_target(statement: ast.stmt, places: list[int]) -> ast.expr | None:
    """The target of one of several values that a statement assigns to as many targets."""
    if not places or not isinstance(statement, ast.Assign):
        return None
    value, target = statement.value, statement.targets[-1]
    for place in places:
        if not isinstance(value, ast.Tuple) or not isinstance(target, ast.Tuple | ast.List):
            return None
        own = _own_place(value.elts, place, target.elts)
        if own is None:
            return None
        value, target = value.elts[place], own
    return target


def _own_place(values: list[ast.expr], place: int, targets: list[ast.expr]) -> ast.expr | None:
    """The target of one of several values; of `*x.shape`, which may be one of them, all that remain."""
    starred = [i for i, each in enumerate(values) if isinstance(each, ast.Starred)]
    more = len(targets) - len(values)
    if any(isinstance(each, ast.Starred) for each in targets) or len(starred) > 1 or more < 0:
        return None
    if not starred:
        return targets[place] if not more else None
    if place == starred[0]:
        return ast.Tuple(targets[place : place + more + 1], ast.Store())
    return targets[place if place < starred[0] else place + more]


def _statement(file: SourceFile, node: ast.AST) -> ast.stmt:
    while not isinstance(node, ast.stmt):
        node = file.parents[node]
    return node


def _targets(target: ast.expr) -> tuple[tuple[str | None, ...], bool]:
    if isinstance(target, (ast.Tuple, ast.List)):
        return tuple(_name_of(element) for element in target.elts), True
    if isinstance(target, ast.Name):
        return (target.id,), False
    if isinstance(target, ast.Attribute):
        return (target.attr,), False
    if isinstance(target, ast.Starred):
        return (None,), False
    if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
        return (None,), False
    return (None,), False


def _decides(file: SourceFile, expression: ast.expr) -> bool:
    """Whether an expression stands in a test, and what is tested for is no error."""
    node: ast.AST = expression
    while not isinstance(node, ast.stmt):
        parent = file.parents[node]
        if isinstance(parent, (ast.IfExp, ast.If, ast.While)) and parent.test is node:
            body = parent.body if isinstance(parent, ast.If) else [parent]
            return not all(isinstance(line, ast.Raise) for line in body)
        node = parent
    return False


def _goes_on(file: SourceFile, expression: ast.expr) -> bool:
    """Whether an expression stands in the test of a loop, or in one of its rounds."""
    node: ast.AST | None = expression
    while node is not None and not isinstance(node, (ast.FunctionDef, ast.Lambda)):
        if isinstance(node, ast.While):
            return True
        node = file.parents.get(node)
    return False


def _list(file: SourceFile, expression: ast.expr, statement: ast.stmt) -> str | None:
    """`outs` of `outs.append(...)` and of `outs = [... for ...]`"""
    match statement:
        case ast.Expr(ast.Call(ast.Attribute(ast.Name(id=word), "append"), [_], [])):
            return word
        case ast.Assign([ast.Name(id=word)], ast.ListComp(elt=item)):
            return word if _is_inside(file, expression, item) else None
    return None


def _is_inside(file: SourceFile, expression: ast.expr, whole: ast.expr) -> bool:
    node: ast.AST | None = expression
    while node is not None and node is not whole:
        node = file.parents.get(node)
    return node is whole


def _name_of(target: ast.expr) -> str | None:
    """The name that one of several targets has; a tuple inside the tuple has none."""
    names, unpacks = _targets(target)
    return None if unpacks else names[0]


def _index(file: SourceFile, expression: ast.expr) -> int | None:
    parent = file.parents.get(expression)
    if not isinstance(parent, ast.Subscript) or parent.value is not expression:
        return None
    return _constant(parent.slice)


def _items(file: SourceFile, expression: ast.expr) -> Iterator[tuple[int, str]]:
    """(1, "n") of `n = x.shape[1]`, (-2, "h") and (-1, "w") of `h, w = x.shape[-2:]`"""
    parent = file.parents.get(expression)
    if not isinstance(parent, ast.Subscript) or parent.value is not expression:
        return
    _, role, targets, unpacks = _use(file, parent)
    if role != "assigned":
        return
    index = _index(file, expression)
    if index is not None and not unpacks:
        yield from ((index, word) for word in targets if word)
    elif isinstance(parent.slice, ast.Slice) and unpacks:
        start = _constant(parent.slice.lower)
        if start is None:
            stop = _constant(parent.slice.upper)
            start = stop - len(targets) if stop is not None and stop < 0 else 0
        yield from ((start + i, word) for i, word in enumerate(targets) if word)


def _constant(written: ast.expr | None) -> int | None:
    """The whole number that stands there, if it is one."""
    try:
        value = ast.literal_eval(written) if written is not None else None
    except ValueError:
        return None
    return value if isinstance(value, int) else None


def _comments(file: SourceFile, statement: ast.stmt) -> tuple[tuple[str, ...], str | None]:
    """The lines above a statement, and those above the `if`, `for` or `with` that it begins."""
    first: ast.AST = statement
    above: list[str] = []
    while isinstance(first, ast.stmt):
        above[:0] = _above(file, first)
        parent = file.parents.get(first)
        if not isinstance(parent, (ast.If, ast.For, ast.With)) or parent.body[0] is not first:
            break
        first = parent
    text, alone = file.comments.get(statement.end_lineno or statement.lineno, (None, True))
    return tuple(above), None if alone else text


def _above(file: SourceFile, statement: ast.stmt) -> list[str]:
    found: list[str] = []
    line = statement.lineno - 1
    while line in file.comments and file.comments[line][1]:
        found.insert(0, file.comments[line][0])
        line -= 1
    return found


def _gap(file: SourceFile, statement: ast.stmt) -> bool:
    """Whether an empty line stands above a statement and its comments."""
    parent = file.parents.get(statement)
    if isinstance(parent, (ast.If, ast.For, ast.With)) and parent.body[0] is statement:
        return _gap(file, parent)
    line = statement.lineno - 1
    while line in file.comments and file.comments[line][1]:
        line -= 1
    return line > 0 and not file.lines[line - 1].strip()


def _text(file: SourceFile, expression: ast.expr) -> str:
    end = expression.end_lineno or expression.lineno
    if end == expression.lineno:
        line = file.lines[expression.lineno - 1].encode()
        return line[expression.col_offset : expression.end_col_offset].decode(errors="replace")
    return ast.unparse(expression)


def users_place(positions: tuple[Position, ...]) -> str:
    """`model.py:12: `x = x[mask]``, with the line break before what is said of it; "" if unknown."""
    found = first_site(positions)
    if found is None:
        return ""
    return f"{found.filename.rsplit('/', 1)[-1]}:{found.line}: `{found.text}`\n  "


@dataclass(frozen=True)
class LoopHead:
    """The head of a loop or a comprehension: the names that it sets, and what it goes over."""

    targets: tuple[str | None, ...]
    line: int
    iterable: str
    in_brackets: bool = False  # of a comprehension


@lru_cache(maxsize=65536)
def loop_heads(position: Position) -> tuple[LoopHead, ...]:
    """The loops of the source around a code position, inside its own function, the innermost first."""
    found = site(position)
    file = parsed(found.filename) if found is not None else None
    if found is None or file is None or found.expression is None:
        return ()
    heads: list[LoopHead] = []
    node: ast.AST | None = found.expression
    while node is not None and not isinstance(
        node, (ast.FunctionDef, ast.Lambda, ast.ClassDef, ast.Module)
    ):
        if isinstance(node, (ast.For, ast.AsyncFor)):
            heads.append(LoopHead(_all_names(node.target), node.lineno, ast.unparse(node.iter)))
        elif isinstance(node, ast.While):
            heads.append(LoopHead((), node.lineno, "while"))
        elif isinstance(node, (ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp)):
            first = node.generators[0]
            names = _all_names(first.target)
            heads.append(LoopHead(names, node.lineno, ast.unparse(first.iter), True))
        node = file.parents.get(node)
    return tuple(heads)


def nested_comprehensions(found: Site) -> int:
    """How many lists of a statement are around an expression: `[[f(x) for x in xs] for f in fs]`."""
    file, count = parsed(found.filename), 0
    node: ast.AST | None = found.expression
    while file is not None and node is not None and not isinstance(node, ast.stmt):
        count += isinstance(node, ast.ListComp)
        node = file.parents.get(node)
    return count


def lists_of_loop(positions: Sequence[Position]) -> Mapping[str, str]:
    """What each round of the loop around a place puts into a list → that list."""
    found = first_site(positions)
    file = parsed(found.filename) if found is not None else None
    node: ast.AST | None = found.expression if found is not None else None
    while file is not None and node is not None and not isinstance(node, (ast.For, ast.While)):
        node = None if isinstance(node, ast.FunctionDef) else file.parents.get(node)
    lists: dict[str, str] = {}
    for statement in ast.walk(node) if node is not None else ():
        match statement:
            case ast.Expr(ast.Call(ast.Attribute(ast.Name(id=word), "append"), [item], [])):
                lists.setdefault(ast.unparse(item), word)
            case ast.Assign([ast.Subscript(value=ast.Name(id=word))], item):
                lists.setdefault(ast.unparse(item), word)
    return lists


def _all_names(target: ast.expr) -> tuple[str | None, ...]:
    """Every name of a loop's target, in order: `i, (a, b)` → i, a, b."""
    if isinstance(target, (ast.Tuple, ast.List)):
        return tuple(name for element in target.elts for name in _all_names(element))
    return (target.id if isinstance(target, ast.Name) else None,)


def shown_line(positions: Sequence[Position]) -> str:
    """`model.py:12: `x = x[mask]``, the innermost line of the user's that is known."""
    for position in positions:
        found = site(position)
        if found is not None:
            return f"{found.filename.rsplit('/', 1)[-1]}:{found.line}: `{found.text}`"
    return ""
