"""torch's own inputs that its operators and layers refuse: the rules refuse them alike."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from test_layers import MODULES, Spelled
from test_samples import EVERY, OPERATORS, _copies, called
from torch.testing._internal.common_modules import ModuleErrorEnum

REFUSING = [name for name, op in OPERATORS.items() if op.error_inputs_func is not None]
BY_DATA = {"nn.Embedding"}  # an index beyond the table: a product cannot tell, its sum is zero
LAYERS = [
    name
    for name, info in MODULES.items()
    if info.module_error_inputs_func is not None and name not in BY_DATA
]


def raised(function: Any, args: Any, kwargs: Any) -> BaseException | None:
    """What a call raises, on copies of its arguments."""
    try:
        function(*_copies(args), **_copies(kwargs))
    except Exception as error:
        return error
    return None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", REFUSING)
def test_what_an_operator_refuses(name: str) -> None:
    op = OPERATORS[name]
    function, refused = called(op), 0
    for case in op.error_inputs("cpu"):
        sample = case.sample_input
        args = (sample.input, *sample.args)
        if op.name == "nn.functional.embedding":
            args = (sample.args[0], sample.input, *sample.args[1:])
        wanted = raised(function, args, sample.kwargs)
        if wanted is None:  # a case of torch's tests that only its wrapper refuses
            continue
        refused += 1
        found = raised(EVERY[function].function, args, sample.kwargs)
        assert type(found) is type(wanted), f"{args} {sample.kwargs}: {found!r} for {wanted!r}"
    assert refused


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", LAYERS)
def test_what_a_layer_refuses(name: str) -> None:
    info = MODULES[name]
    cases = info.module_error_inputs_func(
        info, device="cpu", dtype=torch.float64, requires_grad=False, training=False
    )
    for case in cases:
        if case.error_on != ModuleErrorEnum.FORWARD_ERROR:
            continue
        construct, forward = (
            case.module_error_input.constructor_input,
            case.module_error_input.forward_input,
        )
        layer = info.module_cls(*construct.args, **construct.kwargs).double()
        wanted = raised(layer, forward.args, forward.kwargs)
        with Spelled("product"):
            found = raised(layer, forward.args, forward.kwargs)
        assert wanted is not None
        assert type(found) is type(wanted), f"{found!r} for {wanted!r}"
