"""Every layer and every operator that torch has samples for goes all the way through the tool."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.common_modules import module_db
from torch.utils import _pytree as pytree

import unfoldify

pytestmark = pytest.mark.slow  # a thousand models, each recorded and verified in full

LAYERS = {info.name: info for info in module_db}
OPERATORS = {f"{op.name} {op.variant_test_name}".strip(): op for op in op_db}
FEW = 2  # samples of each
UNDEFINED = (
    "empty",
    "empty_like",
    "empty_permuted",
    "empty_strided",
    "new_empty",
    "new_empty_strided",
)
UNSTABLE = ("svd_lowrank", "pca_lowrank")  # the same random matrix amplifies what rounding leaves
ODD = (  # the chunked kind takes targets of another number than rows
    "nn.functional.linear_cross_entropy",
)
LEFT_OUT = {*UNDEFINED, *ODD, *UNSTABLE, "nn.functional.triplet_margin_with_distance_loss"}


class Call(nn.Module):
    """One operator, its tensors as inputs, everything else as it is."""

    def __init__(self, function: Any, arguments: Any) -> None:
        super().__init__()
        self.function = function
        self.leaves, self.spec = pytree.tree_flatten(arguments)

    def forward(self, *tensors: Tensor) -> Any:
        given = iter(tensors)
        leaves = [next(given) if isinstance(leaf, Tensor) else leaf for leaf in self.leaves]
        first, args, kwargs = pytree.tree_unflatten(leaves, self.spec)
        return self.function(first, *args, **kwargs)


def runs(model: nn.Module, args: Any, kwargs: Any) -> bool:
    """Whether the model runs, here and without the tool."""
    given, keywords = pytree.tree_map_only(Tensor, Tensor.clone, (tuple(args), dict(kwargs)))
    try:
        with torch.no_grad():
            model(*given, **keywords)
    except (RuntimeError, ValueError, TypeError, NotImplementedError, AssertionError):
        return False
    return True


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str) -> None:
    info = LAYERS[name]
    torch.manual_seed(0)
    samples = info.module_inputs_func(
        info, device="cpu", dtype=torch.float32, requires_grad=False, training=True
    )
    spread = samples[:: max(1, len(samples) // FEW)][:FEW]
    for sample in spread:
        made = sample.constructor_input
        layer = info.module_cls(*made.args, **made.kwargs)
        given = sample.forward_input
        if given is not None and runs(layer, given.args, given.kwargs):
            unfoldify.unfoldify(layer, given.args, given.kwargs)


@pytest.mark.parametrize("name", [name for name in OPERATORS if name.split()[0] not in LEFT_OUT])
def test_operators(name: str) -> None:
    op = OPERATORS[name]
    dtype = torch.float32 if torch.float32 in op.dtypes else next(iter(op.dtypes))
    torch.manual_seed(0)
    for sample in itertools.islice(op.sample_inputs("cpu", dtype), FEW):
        arguments = (sample.input, sample.args, sample.kwargs)
        model = Call(op.op, arguments)
        tensors = [leaf for leaf in model.leaves if isinstance(leaf, Tensor)]
        if runs(model, tensors, {}):
            unfoldify.unfoldify(model, tensors)
