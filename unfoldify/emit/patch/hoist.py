"""Lines above a statement instead of calls in it, in the order in which Python computes them."""

from __future__ import annotations

import ast
import copy
import io
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from unfoldify.emit.format import Blank, Comment, format_expression
from unfoldify.emit.lines import assign, name, remarked
from unfoldify.emit.numbered import numbered
from unfoldify.emit.patch.indented import WIDTH
from unfoldify.emit.patch.order import HEADERS, is_pure, is_reference
from unfoldify.emit.patch.parts import Emptied, names_in, parts_of, word_of
from unfoldify.emit.patch.rulebook import Form
from unfoldify.emit.patch.scope import Scope
from unfoldify.emit.patch.spell import Lines, Operand, named, written
from unfoldify.emit.patch.stages import Rewritten, Stage
from unfoldify.emit.patch.syntax import UserFile, loads
from unfoldify.emit.patch.text import Edit
from unfoldify.recording.calls import is_random

SHORT = 24
LETTERS = ("x", "y", "z", "hidden")


@dataclass(eq=False)
class Hoist:
    """The lines above one statement."""

    file: UserFile
    statement: ast.stmt
    scope: Scope
    inline: Mapping[ast.expr, Rewritten]
    edits: list[Edit]  # of places of the statement that are changed where they stand
    namespace: Mapping[str, Any]
    aliases: Mapping[str, str]
    lines: list[ast.stmt] = field(default_factory=list)
    replaced: dict[ast.expr, str] = field(default_factory=dict)
    pending: set[str] = field(default_factory=set)  # names whose values the statement still needs
    remark: str | None = None  # of the statement's own line
    dropped: bool = False  # the lines do all that the statement did

    def run(self) -> Hoist:
        parts = [
            part
            for label in HEADERS[type(self.statement)]
            if (part := getattr(self.statement, label)) is not None
        ]
        if isinstance(self.statement, ast.AugAssign):
            self.visit(self.statement.target, later=True)
        for part in parts:
            self.visit(part, later=False)
        return self

    # -- order ----------------------------------------------------------------------------------

    def visit(self, node: ast.AST, *, later: bool) -> None:
        """The lines of what is inside; of the node itself too where something `later` passes it."""
        if node in self.inline:
            self.spell_out(self.inline[node])  # type: ignore[index]
            return
        if self.holds(node):
            parts = list(parts_of(node))
            for index, part in enumerate(parts):
                self.visit(part, later=any(self.holds(other) for other in parts[index + 1 :]))
        if later and isinstance(node, ast.expr) and not self.can_wait(node):
            self.replaced[node] = self.put_aside(node, [word_of(node)])

    def holds(self, node: ast.AST) -> bool:
        return any(inner in self.inline for inner in ast.walk(node))

    def can_wait(self, node: ast.expr) -> bool:
        """Whether computing an expression after the lines that follow is the same."""
        if is_reference(node) or isinstance(getattr(node, "ctx", None), ast.Store):
            return True
        return self.is_pure(node) and all(self.is_pure(other) for other in self.inline)

    def is_pure(self, node: ast.AST) -> bool:
        """As `is_pure`, where places that are spelled out are as pure as what goes into them."""
        if node in self.inline:
            item = self.inline[node]  # type: ignore[index]
            if any(stage.form is None for stage in item.stages):
                return False
            steps = [step for form in item.forms for step in form.spelling.steps]
            random = any(is_random(n) for step in steps for n in step.tree)
            return not random and all(is_reference(p) or self.is_pure(p) for p in item.arguments)
        if self.holds(node):
            plain = is_pure(Emptied(self.inline).visit(copy.deepcopy(node)), self.namespace)
            return plain and all(self.is_pure(p) for p in self.inline if p in set(ast.walk(node)))
        return is_pure(node, self.namespace)

    # -- one place ------------------------------------------------------------------------------

    def spell_out(self, item: Rewritten) -> None:
        """The lines of one place; its result gets a name, or ends the statement's own line."""
        current: ast.expr | None = None
        for position, stage in enumerate(item.stages):
            last = position == len(item.stages) - 1
            write = self.call_layer if stage.form is None else self.spell_layer
            current = write(item, stage, current, last=last)
        if current is not None:
            self.dropped = self.is_whole(item.place) and names_in(current) == {self.own_target()}
            if not self.dropped:
                self.lines.append(Blank())

    def call_layer(
        self, item: Rewritten, stage: Stage, current: ast.expr | None, *, last: bool
    ) -> ast.expr | None:
        """`x = self.net[1](x)`"""
        if current is None:
            assert isinstance(item.place, ast.Call)
            self.visit(item.place.args[0], later=False)
            current = ast.parse(self.text(item.place.args[0]), mode="eval").body
        layer = ast.parse(stage.layer, mode="eval").body
        value = (
            ast.Call(name(stage.function), [layer, current], [])
            if stage.function
            else ast.Call(layer, [current], [])
        )
        used = self.pending & names_in(value)
        self.pending -= used
        text = format_expression(value)
        self.lines.append(Blank())
        if last and self.is_whole(item.place) and self.fits(text, None):
            self.replaced[item.place] = text
            return None
        wishes = list(self.wishes(item, {"": current}))
        word = next(word for word in numbered(wishes) if self.is_free(word, item.place, used))
        self.lines += [assign(word, value), Blank()]
        return self.kept(item, word)

    def spell_layer(
        self, item: Rewritten, stage: Stage, current: ast.expr | None, *, last: bool
    ) -> ast.expr | None:
        """The lines of one contraction."""
        form = stage.form
        assert form is not None
        operands = self.operands_of(form, current)
        self.lines.append(Blank())
        mentioned = {label: names_in(tree) for label, tree in operands.items()}
        used = self.pending & set().union(*mentioned.values())

        def free(word: str) -> bool:
            return self.is_free(word, item.place, used)

        wishes = list(self.wishes(item, operands))
        names = named(form.spelling, mentioned, wishes, free)
        lines = written(form.spelling, names, operands, self.aliases)
        if current is None:
            self.lines += [Comment(text) for text in self.comments_inside(item)]
        self.lines += [Comment(stage.title), *lines.statements]
        self.pending -= used
        text = format_expression(lines.result)
        if (
            last
            and self.is_whole(item.place)
            and form.optional is None
            and self.fits(text, lines.remark)
        ):
            self.replaced[item.place], self.remark = text, lines.remark
            return None
        result = next(word for word in numbered(wishes) if free(word))
        self.lines += self.result_lines(lines, form, result, operands)
        return self.kept(item, result)

    def kept(self, item: Rewritten, word: str) -> ast.expr:
        """A value of a place, waiting under a name."""
        self.replaced[item.place] = word
        self.pending.add(word)
        return name(word)

    def result_lines(
        self, lines: Lines, form: Form, result: str, operands: Mapping[str, ast.expr]
    ) -> Iterator[ast.stmt]:
        """`x = ...`, and where there may be no bias: `if bias is not None: x = x + bias`"""
        if form.optional is None:
            yield remarked(assign(result, lines.result), lines.remark)
            return
        assert isinstance(lines.result, ast.BinOp)
        if not (isinstance(lines.result.left, ast.Name) and lines.result.left.id == result):
            yield remarked(assign(result, lines.result.left), lines.remark)
        added = assign(result, ast.BinOp(name(result), ast.Add(), lines.result.right))
        test = ast.Compare(operands[form.optional], [ast.IsNot()], [ast.Constant(None)])
        yield ast.If(test, [added], [])

    def operands_of(self, form: Form, current: ast.expr | None) -> dict[str, ast.expr]:
        """The expression of each operand; what has to be computed first is put aside."""
        given = {operand.label: operand for operand in form.spelling.operands.values()}
        nodes = [source.node for source in form.operands.values() if source.node is not None]
        found: dict[str, ast.expr] = {}
        for label, source in form.operands.items():
            if source.node is None:
                found[label] = ast.parse(source.text, mode="eval").body
                continue
            if current is not None:
                found[label] = current
                continue
            others = [node for node in nodes if node is not source.node]
            self.visit(source.node, later=False)
            text = self.text(source.node)
            if not self.stays(source.node, text, given.get(label), form, others):
                text = self.put_aside(source.node, [*self.carried(source.node)])
            found[label] = ast.parse(text, mode="eval").body
        return found

    def stays(
        self, node: ast.expr, text: str, operand: Operand | None, form: Form, others: list[ast.expr]
    ) -> bool:
        """Whether an operand may stand in the lines as it is written, and is not computed twice."""
        if node in self.replaced or is_reference(node):
            return True
        once = (
            operand is not None
            and form.spelling.uses(operand) <= 1
            and operand.label != form.optional
        )
        return (
            once
            and len(text) <= SHORT
            and self.is_pure(node)
            and all(self.is_pure(other) for other in others)
        )

    def put_aside(self, node: ast.expr, wishes: list[str | None]) -> str:
        """A variable for an expression, assigned here."""
        value = ast.parse(self.text(node), mode="eval").body
        used = self.pending & names_in(value)
        words = [word for word in wishes if word] + list(LETTERS)
        word = next(word for word in numbered(words) if self.is_free(word, node, used))
        self.lines.append(assign(word, value))
        self.pending -= used
        self.pending.add(word)
        self.replaced[node] = word
        return word

    # -- names ----------------------------------------------------------------------------------

    def is_free(self, word: str, within: ast.expr, used: set[str]) -> bool:
        """Whether a value may be called so from here to the end of the statement.

        `within` is what is being computed, `used` are waiting values that it uses up.
        """
        if word in self.pending:
            return word in used
        if self.scope.is_new(word):
            return True
        read = {id(load) for part in (within, *self.replaced) for load in loads(part, word)}
        if any(id(load) not in read for load in loads(self.statement, word)):
            return False
        return self.scope.is_over(word, self.statement) or word == self.own_target()

    def wishes(self, item: Rewritten, operands: Mapping[str, ast.expr]) -> Iterator[str]:
        """Names for what a place computes, the best first."""
        target = self.own_target()
        if target is not None:
            yield target
        carried = [tree.id for tree in operands.values() if isinstance(tree, ast.Name)][:1]
        if item.word is None or (
            len(self.inline) == 1 and isinstance(self.statement, (ast.Return, ast.Expr))
        ):
            yield from carried
        if item.word is not None:
            yield item.word
        yield from carried
        yield from LETTERS

    def carried(self, node: ast.expr) -> Iterator[str]:
        """What the statement assigns at last, then the variables that an operand is made from."""
        target = self.own_target()
        if target is not None:
            yield target
        words = [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and n.id != "self"]
        yield from (word for word in words if word in self.scope.own)

    def own_target(self) -> str | None:
        """The variable that the statement assigns, where it may hold earlier values."""
        statement = self.statement
        target: Any = statement.target if isinstance(statement, ast.AnnAssign) else None
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
        if not isinstance(target, ast.Name) or target.id not in self.scope.own:
            return None
        return (
            target.id
            if target.id not in self.scope.reserved and not self.scope.guarded(statement)
            else None
        )

    # -- text -----------------------------------------------------------------------------------

    def is_one_block(self) -> bool:
        """Whether the statement is the last line of the lines above it, or went into them."""
        return self.dropped or any(self.is_whole(place) for place in self.inline)

    def text(self, node: ast.expr) -> str:
        """A node as it is written, with the names of what was put aside."""
        if node in self.replaced:
            return self.replaced[node]
        return self.file.source.in_place(node, self.all_edits(node))

    def all_edits(self, node: ast.AST) -> list[Edit]:
        """The outermost replacements inside a node, and the changes in place outside them."""
        parts = set(ast.walk(node))
        inner = [n for n in self.replaced if n is not node and n in parts]
        covered = {part for n in inner for part in ast.walk(n)}
        outer = [n for n in inner if not any(n is not m and n in set(ast.walk(m)) for m in inner)]
        edits = [Edit(*self.file.with_parentheses(n), self.replaced[n]) for n in outer]
        return [*edits, *(e for e in self.edits if e.place in parts and e.place not in covered)]

    def is_whole(self, place: ast.expr) -> bool:
        """Whether a place is all that a statement assigns or returns."""
        return getattr(self.statement, "value", None) is place and not isinstance(
            self.statement, ast.AugAssign
        )

    def fits(self, text: str, remark: str | None) -> bool:
        """Whether the statement's own line has room for what a place computes last."""
        place = getattr(self.statement, "value")  # noqa: B009
        source = self.file.source
        before = source.line(place.lineno).encode()[: place.col_offset].decode()
        after = source.line(place.end_lineno).encode()[place.end_col_offset :].decode()
        length = (
            len(before.expandtabs(4))
            + len(text)
            + len(after.rstrip())
            + (len(remark) + 4 if remark else 0)
        )
        return length <= WIDTH and "\n" not in text

    def comments_inside(self, item: Rewritten) -> Iterator[str]:
        """The comments between the lines of a call that is taken apart."""
        text = self.file.source.segment(item.place)
        kept = [self.text(node) for node in item.arguments]
        if "#" in text:
            for token in tokenize.generate_tokens(io.StringIO(text).readline):
                if token.type == tokenize.COMMENT and not any(
                    token.string in part for part in kept
                ):
                    yield token.string.lstrip("# ").rstrip()
