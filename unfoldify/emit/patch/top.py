"""What the changed places need at the top of the file: functions, imports, and names for both."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unfoldify.emit.patch.arguments import PARAMETERS
from unfoldify.emit.patch.decide import Decider
from unfoldify.emit.patch.decisions import CallFunction, CallWithLayer, Decision, Inline
from unfoldify.emit.patch.dispatch import apply_source, mentioned_layers
from unfoldify.emit.patch.excerpt import Switches, called, excerpt, renamed
from unfoldify.emit.patch.imports import WANTED, Imports, choose_imports, is_bound, visible_names
from unfoldify.emit.patch.sites import Place
from unfoldify.emit.patch.speak import in_torch
from unfoldify.emit.patch.syntax import UserFile
from unfoldify.recording.layers import has_hooks, torch_layer
from unfoldify.rules.recurrent import is_packed


@dataclass(frozen=True)
class Top:
    """Text for the top of the file, and the names under which places reach it."""

    text: str
    functions: Mapping[str, str]  # library's name → name in this file
    imports: Imports
    dropped: set[str]  # parameters that no function has
    reserved: frozenset[str]


def top_of(
    file: UserFile,
    places: Iterable[Place],
    decisions: Mapping[ast.expr, Decision],
    decider: Decider,
) -> Top:
    """Everything that the decisions call for."""
    places = [place for place in places if not hasattr(decisions[place.expression], "reason")]
    by_function = [
        p for p in places if isinstance(decisions[p.expression], (CallFunction, CallWithLayer))
    ]
    wanted = {decisions[place.expression].function for place in by_function}  # type: ignore[union-attr]
    switches = switches_of(file, by_function, decider)
    applied = [
        p for p in by_function if getattr(decisions[p.expression], "function", "") == "apply"
    ]
    text_of_apply = ""
    if applied:
        text_of_apply = apply_of(file, applied, decider, switches)
        wanted |= called(text_of_apply)
    texts = excerpt(wanted, switches, decider.rules.how.style == "product")
    if text_of_apply:
        texts["apply"] = text_of_apply
    if decider.rules.dialect == "torch":
        texts = {name: in_torch(text) for name, text in texts.items()}
    functions = [function for p in places if (function := file.function(p.expression)) is not None]
    names = free_names(file, texts, functions)
    used = {word for text in texts.values() for word in words_of(text)}
    used |= {word for p in places for word in words_of_lines(decisions[p.expression])}
    imports = choose_imports(file, used, functions)
    renames = {**names, **imports.names}
    text = "\n\n".join(renamed(text, renames) for text in texts.values())
    reserved = {name.partition(".")[0] for name in imports.names.values()} | set(names.values())
    return Top(text, names, imports, switches.dropped, frozenset(reserved))


def free_names(
    file: UserFile, texts: Iterable[str], functions: Sequence[ast.AST]
) -> dict[str, str]:
    """A name for each function that the file has for nothing else."""
    visible = {name for function in functions for name in visible_names(file, function)}
    names: dict[str, str] = {}
    for word in texts:
        wishes = (word, f"{word}_layer", f"spelled_{word}", f"_{word}")
        taken = visible | set(names.values())
        free = (
            w
            for w in wishes
            if w not in taken and not is_bound(file, w) and not hasattr(builtins, w)
        )
        names[word] = next(free, f"__{word}")
    return names


def words_of(text: str) -> set[str]:
    """The modules and functions of others that a text names."""
    return {n.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name)} & set(WANTED)


def words_of_lines(decision: Decision) -> Iterator[str]:
    """The same for the lines above a statement."""
    for stage in decision.stages if isinstance(decision, Inline) else ():
        if stage.form is not None:
            yield from stage.form.words


# -- what the functions have to be able to do ------------------------------------------------------


def switches_of(file: UserFile, places: list[Place], decider: Decider) -> Switches:
    calls = [call for place in places for call in place.calls]
    modules = [
        module for place in places for module in (*place.modules, *place.inside, *place.owners)
    ]
    text = file.source.text
    on = {"VECTORS"}
    convolutions = [arguments_of(call) for call in calls]
    if (
        "dilation" in text
        or positional(file) > 5
        or any(max(sizes(a.get("dilation", 1))) > 1 for a in convolutions)
    ):
        on.add("DILATED")
    if (
        "groups" in text
        or positional(file) > 6
        or any(a.get("groups", 1) > 1 for a in convolutions)
    ):
        on.add("GROUPED")
    if has_string(file, "same", "valid") or any(
        isinstance(a.get("padding"), str) for a in convolutions
    ):
        on.add("NAMED_PADDING")
    if any(is_unbatched(call) for call in calls):
        on.add("UNBATCHED")
    learned = any(
        getattr(m, "bias_k", None) is not None or getattr(m, "add_zero_attn", False)
        for m in modules
    )
    if learned or "add_bias_kv" in text or "add_zero_attn" in text:
        on.add("LEARNED_TOKENS")
    if "proj_size" in text or any(getattr(m, "proj_size", 0) for m in modules):
        on.add("PROJECTED")
    if any(is_packed(call.node.args) for call in calls if call.rule.kind == "recurrent"):
        on.add("PACKED")
    large = {
        function
        for call in calls
        if decider.rules.style(call) != decider.rules.how.style
        for function in functions_for(call)
    }
    return Switches(frozenset(on), frozenset(large))


def arguments_of(call: Any) -> Mapping[str, Any]:
    """The hyper-parameters of a recorded convolution."""
    names = PARAMETERS.get(call.node.target, ())
    return dict(zip(names, call.node.args, strict=False)) | dict(call.node.kwargs) if names else {}


def sizes(value: Any) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def positional(file: UserFile) -> int:
    """The most arguments that a convolution of the file is given by position."""
    found = 0
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Call) and "Conv" in ast.unparse(node.func):
            spread = any(isinstance(arg, ast.Starred) for arg in node.args) or any(
                k.arg is None for k in node.keywords
            )
            found = max(found, 99 if spread else len(node.args))
    return found


def has_string(file: UserFile, *words: str) -> bool:
    return any(
        isinstance(node, ast.Constant) and node.value in words for node in ast.walk(file.tree)
    )


def is_unbatched(call: Any) -> bool:
    """Whether a convolution, attention or recurrent layer is given an example without batch."""
    like = (
        call.node.args[0].meta.get("val")
        if call.node.args and hasattr(call.node.args[0], "meta")
        else None
    )
    if like is None or (call.rule.kind == "recurrent" and is_packed(call.node.args)):
        return False
    name = getattr(call.node.target, "__name__", "")
    if name.startswith("conv"):
        return len(like.shape) == int(name[-2]) + 1 if name[-1] == "d" else False
    if call.rule.kind in ("attention", "recurrent") and call.inner is not None:
        return len(like.shape) == 2 or any(
            "unsqueeze" in str(n.target) for n in call.node.all_input_nodes
        )
    return False


def functions_for(call: Any) -> set[str]:
    """The library's functions that compute a recorded call."""
    if call.rule.kind == "attention":
        return (
            {"linear", "attention_scores", "attended"}
            if call.inner is not None
            else {"attention_scores", "attended"}
        )
    if call.rule.kind == "recurrent":
        return {"linear"}
    if call.rule.kind == "matmul":
        return {"matmul"}
    return {getattr(call.node.target, "__name__", "")}


# -- apply -----------------------------------------------------------------------------------------


def apply_of(file: UserFile, places: list[Place], decider: Decider, switches: Switches) -> str:
    """`apply` for the layers that were seen at these places and those that the file names."""
    modules = [module for place in places for module in (*place.modules, *place.inside)]
    classes = {cls for module in modules if (cls := torch_layer(module)) is not None}
    classes |= mentioned_layers(file, decider.namespace)
    calls = [place.expression for place in places if isinstance(place.expression, ast.Call)]
    more = any(
        len(call.args) != 1 or call.keywords or isinstance(call.args[0], ast.Starred)
        for call in calls
    )
    padded = "padding_mode" in file.source.text or any(
        getattr(m, "padding_mode", "zeros") != "zeros" for m in modules
    )
    return apply_source(
        classes, switches, padded=padded, more=more, hooks=any(has_hooks(m) for m in modules)
    )
