"""Dropout whose chance is 0 in evaluation is dropout in training: `F.dropout(x, 0.1, training=...)`."""

from __future__ import annotations

import torch.nn.functional as F
from torch import fx

from unfoldify.recording.modes import choose


def drop_in_training(graph: fx.Graph) -> None:
    """`F.dropout(weights, 0.1 if self.training else 0.0)` as one writes it, in place."""
    for node in list(graph.nodes):
        if node.target is not F.dropout or len(node.args) > 2:
            continue
        chance = node.args[1] if len(node.args) == 2 else node.kwargs.get("p")
        if not isinstance(chance, fx.Node) or chance.target is not choose:
            continue
        flag, in_training, in_evaluation = chance.args
        if in_evaluation == 0 and node.kwargs.get("training", True) is True:
            node.args = (node.args[0], in_training)
            node.kwargs = {"training": flag}
            if not chance.users:
                graph.erase_node(chance)
