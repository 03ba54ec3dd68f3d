"""One GraphModule → another one over the same parameters, calls that have a rule spelled out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from torch import fx

from unfoldify.errors import UsageError
from unfoldify.graphs.choose import has_rules, is_hooked, is_own_layer, layer_of, plan_for, rule_of
from unfoldify.graphs.knowledge import Inputs, knowledge, unknown
from unfoldify.graphs.leaves import look_into, traced
from unfoldify.graphs.place import place
from unfoldify.graphs.recorder import GraphRecorder
from unfoldify.graphs.scripting import as_script_wants
from unfoldify.graphs.session import session
from unfoldify.graphs.shapes import Known
from unfoldify.graphs.spell import spell_call, spell_layer
from unfoldify.graphs.twin import graphs, replace_submodule, twin
from unfoldify.graphs.values import note_values
from unfoldify.lowering.lower import Declined, Group, Lowering, function_name
from unfoldify.options import Options
from unfoldify.recording.paths import joined
from unfoldify.rules import Decline


@dataclass(frozen=True)
class Rewriting:
    """What was spelled out, and what was not and why."""

    groups: tuple[Group, ...] = ()
    declined: tuple[Declined, ...] = ()

    def below(self, path: str) -> Rewriting:
        """The same as seen from the module that has this one at `path`."""
        return Rewriting(
            tuple(replace(group, layer=joined(path, group.layer)) for group in self.groups),
            tuple(replace(each, layer=joined(path, each.layer)) for each in self.declined),
        )

    def __add__(self, other: Rewriting) -> Rewriting:
        return Rewriting(self.groups + other.groups, self.declined + other.declined)


def rewrite(
    module: fx.GraphModule, inputs: Inputs, options: Options, path: str = ""
) -> tuple[fx.GraphModule, Rewriting]:
    """A twin of the module, its graphs and those of the GraphModules in it rewritten."""
    result = twin(module)
    how = Lowering(options.rules(), options.style, options.max_intermediate, options.wanted)
    how = how.within(path, options.wanted) if path else how
    done = Rewriting()
    calls: dict[str, Inputs] = {}
    for graph in graphs(result):
        graph_done, graph_calls = rewrite_graph(module, result, graph, inputs, how, options.dialect)
        done += graph_done
        calls.update(graph_calls)
    rewritten: dict[int, fx.GraphModule] = {}
    for name, child in nested(module):
        if id(child) not in rewritten:
            try:
                new, below = rewrite(child, calls.get(name), options, joined(path, name))
            except UsageError as error:
                if inputs is None:
                    raise unknown(graphs(result)[0], str(error).splitlines()[0]) from None
                fact = Declined("", type(child).__name__, "graph", str(error))
                new, below = child, Rewriting(declined=(fact,))
            rewritten[id(child)] = new if below.groups else child
            done += below.below(name)
        if rewritten[id(child)] is not child:
            replace_submodule(result, name, rewritten[id(child)])
    for graph in graphs(result):
        graph.lint()
    result.recompile()
    setattr(type(result), "__prepare_scriptable__", as_script_wants)  # noqa: B010  (for torch.jit)
    return result, done


def rewrite_graph(
    module: fx.GraphModule,
    result: fx.GraphModule,
    graph: fx.Graph,
    inputs: Inputs,
    how: Lowering,
    dialect: str,
) -> tuple[Rewriting, dict[str, Inputs]]:
    """Rewrite one graph in place; what its submodules were called with comes back too."""
    declined = list(look_into_leaves(module, graph, how))
    nodes = [node for node in graph.nodes if is_wanted(module, node, how)]
    within = {name for name, _ in nested(module)}
    called = [n for n in graph.nodes if n.op == "call_module" and n.target in within]
    if not nodes and not called:
        return Rewriting(declined=tuple(declined)), {}
    known, calls = knowledge(module, graph, nodes, inputs)
    recorder = GraphRecorder(result, how, dialect)
    new: list[fx.Node] = []
    with session(recorder, module):
        for node in nodes:
            before = len(recorder.groups)
            try:
                new += spell_out(recorder, node, known)
            except Decline as reason:
                recorder.undo(0)
                del recorder.groups[before:]
                rule = rule_of(node, how.rules)
                kind = rule.kind if rule is not None else "layer"
                declined.append(Declined(layer_of(node), function_name(node), kind, str(reason)))
    note_values(graph, new, result)
    return Rewriting(tuple(recorder.groups), (*declined, *recorder.declined)), calls


def spell_out(recorder: GraphRecorder, node: fx.Node, known: Known) -> list[fx.Node]:
    """Replace one node; the nodes that do what it did."""
    rule = rule_of(node, recorder.how.rules)
    before = len(recorder.groups)
    if rule is not None:
        result = spell_call(recorder, node, rule, known)
    else:
        result = spell_layer(recorder, node, known)
    if len(recorder.groups) == before:  # nothing in it has a rule after all
        recorder.undo(0)
        return []
    return place(node, result, recorder.new, known)


def nested(module: fx.GraphModule) -> list[tuple[str, fx.GraphModule]]:
    """The GraphModules inside, but not those inside them; one with several names by each of them."""
    found: list[tuple[str, fx.GraphModule]] = []
    for name, child in module.named_modules(remove_duplicate=False):
        if not name or any(name.startswith(f"{outer}.") for outer, _ in found):
            continue
        if isinstance(child, fx.GraphModule):
            found.append((name, child))
    return found


# -- which nodes -----------------------------------------------------------------------------------


def is_wanted(module: fx.GraphModule, node: fx.Node, how: Lowering) -> bool:
    """Whether a call is to be spelled out."""
    rule = rule_of(node, how.rules)
    if rule is not None:
        return how.wanted(layer_of(node), rule.kind)
    if node.op != "call_module":
        return False
    layer, path = module.get_submodule(str(node.target)), str(node.target)
    if plan_for(layer, path, how) == "keep":
        return False
    return is_own_layer(layer) and has_rules(layer, path, how)


def look_into_leaves(module: fx.GraphModule, graph: fx.Graph, how: Lowering) -> Iterator[Declined]:
    """Write out modules of the user's that a tracer kept whole, where contractions are in them."""
    for node in list(graph.nodes):
        if node.op != "call_module":
            continue
        layer, path = module.get_submodule(str(node.target)), str(node.target)
        if is_hooked(layer, path, how):
            reason = "it has hooks, which run when the layer itself is called"
            yield Declined(path, type(layer).__name__, "layer", reason)
        if plan_for(layer, path, how) != "enter" or is_own_layer(layer):
            continue
        inner = traced(layer)
        if inner is not None:
            outer = {n: joined(path, str(n.target)) for n in inner.nodes if n.op == "call_module"}
            if any(
                has_rules(module.get_submodule(outer[n]), outer[n], how) if n in outer
                else is_wanted(module, n, how)
                for n in inner.nodes
            ):  # fmt: skip
                look_into(graph, node, layer, inner)
        elif has_rules(layer, path, how):
            reason = "torch.fx cannot trace it, or it does something else in training"
            yield Declined(path, type(layer).__name__, "layer", reason)
