"""What torch.jit.script has to be told: a bias that its class calls optional is there.

Everybody else reads it as the assurance that a type checker asks for as well.
"""

from __future__ import annotations

from typing import Any

from torch import fx, nn

from unfoldify.graphs.scripting import is_optional


def present(x: Any) -> Any:
    """Call target: `x`, which is not None."""
    return x


def assure(graph: fx.Graph, module: nn.Module) -> None:
    """Give each optional bias that a rule uses a line of its own, and the assurance below it."""
    order = {node: index for index, node in enumerate(graph.nodes)}
    for node in list(graph.nodes):
        if node.op != "get_attr" or not is_optional(module, str(node.target)):
            continue
        by_group: dict[Any, list[fx.Node]] = {}
        for user in sorted(node.users, key=lambda user: order[user]):
            if "group" in user.meta:
                by_group.setdefault(user.meta["group"], []).append(user)
        for users in by_group.values():
            with graph.inserting_before(users[0]):
                sure = graph.call_function(present, (node,))
            same = ("group", "layer", "loop", "grad", "outer", "call_positions")
            sure.meta.update({key: users[0].meta[key] for key in same if key in users[0].meta})
            sure.meta.update(val=node.meta["val"], name=node.target.rpartition(".")[2], kept=True)
            for user in users:
                user.replace_input_with(node, sure)
