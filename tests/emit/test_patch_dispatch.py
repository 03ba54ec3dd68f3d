"""Which layers of torch.nn the function `apply` of a patched file has to know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from torch import nn

from unfoldify.emit.patch.dispatch import mentioned_layers
from unfoldify.emit.patch.syntax import UserFile

SOURCE = """
import torch
from torch import nn
from torch.nn import GRU as Recurrent

class Transformer(nn.Module):
    pass

net = [Transformer(), torch.nn.Conv2d(3, 4, 3), nn.Linear, Recurrent(3, 4)]
"""


def test_a_class_of_the_users_is_no_layer_of_torchs(user_file: Callable[..., Path]) -> None:
    path = user_file("net.py", SOURCE)
    namespace: dict[str, object] = {}
    exec(SOURCE, namespace)
    found = mentioned_layers(UserFile.read(path), namespace)
    assert found == {nn.Conv2d, nn.Linear, nn.GRU}
