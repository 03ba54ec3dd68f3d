"""What a model does in training and in evaluation: one graph where they differ in flags, or in blocks
that training skips by chance; else both.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import fx

from unfoldify.recording.align import Place, Unalike, align, compare, compare_loops, matched
from unfoldify.recording.body import Body
from unfoldify.recording.finish import bodies, calls
from unfoldify.recording.loops.loop import block_runs, chain, values_without

CHANCE = "chance"  # of a node that only training has, since it decides about a block: EVER or NEVER
EVER, NEVER = "ever", "never"  # whether evaluation has the block
_FLAGS = (bool, int, float, type(None))


def choose(training: bool, value: Any, otherwise: Any) -> Any:
    """Call target: `value if training else otherwise`."""
    return value if training else otherwise


def by_mode(evaluation: Body, training: Body) -> None:
    """Make one body of a module's two modes where that says both; else keep both."""
    for ours, theirs, _ in list(align(evaluation, training, by_flag)):
        if not any(takes_over(ours, theirs, has_blocks) for has_blocks in (EVER, NEVER)):
            ours.other_mode = theirs
            calls_by_mode(ours, theirs)


def calls_by_mode(evaluation: Body, training: Body) -> None:
    """The same of what both graphs call: a block says what it does in either mode by itself.

    Its callers need not say it for it, and a container like nn.Sequential cannot: it calls a forward.
    """
    waiting: dict[int, list[Body]] = {}
    for call in calls(evaluation):
        waiting.setdefault(id(call.meta["body"].module), []).append(call.meta["body"])
    for call in calls(training):
        theirs: Body = call.meta["body"]
        ours = next(iter(waiting.get(id(theirs.module), ())), None)
        if ours is None or given(ours) != given(theirs):
            continue
        waiting[id(theirs.module)].remove(ours)
        of_training = list(bodies(theirs))  # before evaluation may take its graph over
        by_mode(ours, theirs)
        for each in of_training if ours.other_mode is None else [theirs]:
            each.said = True
        theirs.said_by = ours


def given(body: Body) -> object:
    """What a call has in common with one of the other mode, for one text to do for both."""
    parameters = [(each.name, each.node is None, each.lifted) for each in body.parameters]
    return parameters, len(body.exports)


def by_flag(place: Place, ours: Any, theirs: Any) -> Any:
    """`self.training`, or a choice by it, in a graph of evaluation."""
    return chosen(place, theirs, ours)


def by_flag_of_training(place: Place, ours: Any, theirs: Any) -> Any:
    return chosen(place, ours, theirs)


def chosen(place: Place, training: Any, evaluation: Any) -> Any:
    if not (isinstance(training, _FLAGS) and isinstance(evaluation, _FLAGS)):
        return None
    graph = place.body.graph
    with graph.inserting_before(place.node):
        flag = graph.create_node("get_attr", "training")
        flag.meta["value"] = False
        if training is True and evaluation is False:
            return flag
        found = graph.call_function(choose, (flag, training, evaluation))
        # a rule is to see that there is something
        found.meta["value"] = evaluation if evaluation else training
        return found


def takes_over(evaluation: Body, training: Body, has_blocks: str) -> bool:
    """Whether the modes only differ in blocks that training runs by chance: then its graph says both.

    Evaluation has all of these blocks, or none.
    """
    chances = nodes_of_chance(training.graph, has_blocks)
    for node in chances:
        node.meta[CHANCE] = has_blocks
    try:
        fellows = matched(training, evaluation) if chances else {}
        known = {**fellows, **of_evaluation(training.graph, fellows)}
        for node, fellow in fellows.items():
            compare(Place(training, node, known), fellow, by_flag_of_training)
            compare_loops(Place(training, node, known), fellow, by_flag_of_training)
        parameters = [
            replace(mine, outer=other.outer)
            for mine, other in zip(training.parameters, evaluation.parameters, strict=True)
        ]
    except (Unalike, ValueError):
        fellows = {}
    if not fellows:
        for node in chances:
            del node.meta[CHANCE]
        return False
    adopt(evaluation, fellows)
    evaluation.graph, evaluation.parameters = training.graph, parameters
    evaluation.lists, evaluation.exports = training.lists, training.exports
    evaluation.constants = {**training.constants, **evaluation.constants}
    return True


def nodes_of_chance(graph: fx.Graph, has_blocks: str) -> set[fx.Node]:
    """What decides about blocks, the calls that lead to nothing else, and what evaluation leaves out:
    the blocks, or else what runs in their place.
    """
    found: set[fx.Node] = set()
    tails = (node for node in graph.nodes if node.target is values_without)
    others = {other for tail in tails for other in tail.args[1]}
    for node in reversed(graph.nodes):
        leads_there = bool(node.users) and found.issuperset(node.users) and node not in others
        decides = node.target in (block_runs, values_without)
        is_left_out = any(
            (loop.side_of is None) == (has_blocks is NEVER)
            for loop in chain(node.meta.get("loop"))
            if loop.test is not None
        )
        if decides or is_left_out or (leads_there and node.op != "placeholder"):
            found.add(node)
    return found


def of_evaluation(graph: fx.Graph, fellows: dict[fx.Node, fx.Node]) -> dict[fx.Node, fx.Node]:
    """What evaluation has for the values of the blocks that it has not."""
    found: dict[fx.Node, fx.Node] = {}
    for node in graph.nodes:
        if node.target is values_without:
            block, others = node.meta["head_of"].side_of, node.args[1]
            for end, other in zip(block.ends, others, strict=True):
                same = found.get(other) or fellows.get(other)
                if end not in fellows and same is not None:
                    found[end] = same
    return found


def adopt(body: Body, fellows: dict[fx.Node, fx.Node]) -> None:
    """The calls of one graph become those of a body that had another graph."""
    news = {fellow: node for node, fellow in fellows.items()}
    for node, fellow in fellows.items():
        if "body" in node.meta:
            training, child = node.meta["body"], fellow.meta["body"]
            child.parent, child.call = body, node
            child.parameters = [
                replace(each, outer=news.get(each.outer, each.outer)) for each in child.parameters
            ]
            node.meta["body"] = child
            by_mode(child, training)
