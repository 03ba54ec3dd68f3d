"""torch's own samples, each as a model of one call: written, executed, equal to the original.

`python tests/rules/test_whole_way.py` prints how many samples of each operator went the whole way.
"""

from __future__ import annotations

import linecache
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from itertools import count, islice
from typing import Any

import pytest
import torch
from agreement import NoContraction, gradients_of, tensors
from test_samples import OPERATORS, _copies, samples
from torch import Tensor, fx, nn

import unfoldify

FAMILIES = ("pooling", "norm", "fold", "shuffle", "embedding")
FORMS = {
    "product": ("product", "einops"),
    "einsum": ("einsum", "einops"),
    "product, plain torch": ("product", "torch"),
    "einsum, plain torch": ("einsum", "torch"),
}
NUMBER = count()
# torch takes no gradient of running statistics and of the classes' weights
NO_GRADIENTS = ("batch_norm", "instance_norm", "cross_entropy")
DECLINED = {
    "corrcoef",  # of one variable it is a scalar, of several a matrix: not one file
    "nn.functional.rms_norm",  # without eps, which then follows the input's dtype
    "nn.functional.embedding",  # max_norm changes the table; some gradients are no product's
}
UNWATCHED = {"linalg.matrix_power"}  # torch's own backward of the inverse, in negative powers
EXPECTED_ONLY = {"linalg.matrix_power"}  # torch's identity matrix asks for gradients of zero


def spelled(value: Any, given: list[Tensor]) -> str:
    """A value as source text, tensors as arguments x0, x1, ..."""
    if isinstance(value, Tensor):
        given.append(value)
        return f"x{len(given) - 1}"
    if isinstance(value, tuple):
        return "(" + "".join(f"{spelled(item, given)}, " for item in value) + ")"
    if isinstance(value, list):
        return "[" + ", ".join(spelled(item, given) for item in value) + "]"
    if isinstance(value, float) and value in (float("inf"), -float("inf")):
        return f"float('{value}')"
    return repr(value)


def module(op: Any, args: Any, kwargs: Any) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The call as a user's model, and its inputs."""
    given: list[Tensor] = []
    words = [spelled(arg, given) for arg in args]
    words += [f"{name}={spelled(value, given)}" for name, value in kwargs.items()]
    function = op.name.replace("nn.functional.", "F.")
    if op.name == "__rmatmul__":
        function = "torch.Tensor.__rmatmul__"
    elif not function.startswith("F."):
        function = f"torch.{function}"
    inputs = "".join(f", x{i}" for i in range(len(given)))
    source = (
        "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n\n\n"
        f"class Call(nn.Module):\n    def forward(self{inputs}):\n"
        f"        return {function}({', '.join(words)})\n"
    )
    filename = f"<sample {next(NUMBER)}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {"__name__": "sample"}
    exec(compile(source, filename, "exec"), namespace)
    return namespace["Call"](), tuple(given)


def answer(
    model: Any, inputs: tuple[Tensor, ...], style: str, gradients: bool, watched: bool = True
) -> Any:
    """Outputs and gradients; in the product style no contraction is dispatched in either."""
    leaves = [
        x.detach().clone().requires_grad_(gradients and (x.is_floating_point() or x.is_complex()))
        for x in inputs
    ]
    torch.manual_seed(0)
    if style != "product":
        result = model(*leaves)
        return list(tensors(result)), gradients_of(result, leaves) if gradients else []
    with NoContraction():
        result = model(*leaves)
    with NoContraction() if watched else nullcontext():
        return list(tensors(result)), gradients_of(result, leaves) if gradients else []


def whole_way(
    name: str, form: str, rewrite: Callable[..., Any], limit: int | None = None
) -> Counter[str]:
    """How many samples of an operator agree after a rewrite, and how many are declined."""
    op, outcomes = OPERATORS[name], Counter[str]()
    style, dialect = FORMS[form]
    gradients = op.supports_autograd and not any(word in name for word in NO_GRADIENTS)
    for args, kwargs in islice(samples(op, torch.float64), limit):
        model, inputs = module(op, _copies(args), _copies(kwargs))
        try:
            wanted = answer(model, inputs, "", gradients)
        except (RuntimeError, IndexError, ValueError):
            outcomes["torch refuses"] += 1
            continue
        written, declined = rewrite(model, inputs, style, dialect)
        if declined:
            assert name in DECLINED, declined
            outcomes["declined"] += 1
            continue
        found = answer(written, inputs, style, gradients, name not in UNWATCHED)
        torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6, equal_nan=True)
        for ours, theirs in zip(found[0], wanted[0], strict=True):
            assert (ours.dtype, ours.device) == (theirs.dtype, theirs.device)
            assert ours.requires_grad == theirs.requires_grad or name in EXPECTED_ONLY
        outcomes["agree"] += 1
    return outcomes


def as_file(model: nn.Module, inputs: tuple[Tensor, ...], style: Any, dialect: Any) -> Any:
    given = tuple(x.clone() for x in inputs)
    result = unfoldify.unfoldify(model, given, style=style, dialect=dialect, also=FAMILIES)
    return result.module, result.report.declined


def as_graph(model: nn.Module, inputs: tuple[Tensor, ...], style: Any, dialect: Any) -> Any:
    given, graph = tuple(x.clone() for x in inputs), fx.symbolic_trace(model)
    result = unfoldify.transform(graph, given, style=style, dialect=dialect, also=FAMILIES)
    return result, result.meta["unfoldify"].declined


QUICK = [
    *("nn.functional.linear", "nn.functional.bilinear", "nn.functional.conv2d", "matmul", "einsum"),
    *("nn.functional.conv_transpose1d", "nn.functional.scaled_dot_product_attention", "addmm"),
    *("nn.functional.conv3d", "baddbmm", "tensordot", "linalg.multi_dot", "kron", "inner"),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", QUICK)
def test_first_sample(name: str) -> None:
    form = list(FORMS)[QUICK.index(name) % len(FORMS)]
    assert whole_way(name, form, as_file, limit=1)["agree"]
    assert whole_way(name, form, as_graph, limit=2)["agree"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", OPERATORS)
def test_samples_as_files(name: str, form: str) -> None:
    assert whole_way(name, form, as_file, limit=4)["agree"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", OPERATORS)
def test_samples_as_graphs(name: str, form: str) -> None:
    assert whole_way(name, form, as_graph, limit=12)["agree"]


def main() -> None:
    """The counts, for whoever wants to see them."""
    warnings.simplefilter("ignore")
    for name in OPERATORS:
        for rewrite, limit in ((as_file, 4), (as_graph, 12)):
            outcomes = Counter[str]()
            for form in FORMS:
                outcomes += whole_way(name, form, rewrite, limit)
            words = ", ".join(f"{number} {what}" for what, number in outcomes.items())
            print(f"{name:45} {rewrite.__name__:9} {words}", flush=True)


if __name__ == "__main__":
    main()
