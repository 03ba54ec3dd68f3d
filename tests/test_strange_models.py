"""Strange models come out right, or are refused by a message that says what to do."""

from __future__ import annotations

import copy
import gc
import subprocess
import sys
import warnings
import weakref
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import unfoldify
from tests.models.example import EXAMPLES, Example

pytestmark = pytest.mark.slow  # many models, each recorded and verified in full

THEMES = ["control_flow", "structures", "in_place", "values_from_outside", "sharing"]
THEMES += ["replaced_parameters", "modes", "sizes", "dtypes", "names", "made_in_forward"]
THEMES += ["by_chance", "by_value", "several_calls", "sparse", "transforms"]
for theme in THEMES:
    torch.manual_seed(0)  # the examples of a theme are drawn while it is imported
    import_module(f"tests.models.{theme}")

ALLOWED = [name for name, example in EXAMPLES.items() if not example.refused]
REFUSED = [name for name, example in EXAMPLES.items() if example.refused]
IN_A_PROCESS_OF_ITS_OWN = ["Buffers", "DataclassOut", "CustomFunction", "NamesThatWouldBeCode"]


def built(example: Example) -> nn.Module:
    """The model of an example, always with the same weights."""
    torch.manual_seed(0)
    return example.build()


def state(model: nn.Module) -> dict[str, Any]:
    """What a model is and holds: its tensors bit for bit, its modes, its attributes, its hooks."""
    modules = dict(model.named_modules())
    return {
        "tensors": {name: tensor.clone() for name, tensor in model.state_dict().items()},
        "gradients": [(p.requires_grad, p.grad) for p in model.parameters()],
        "modes": {name: (type(module), module.training) for name, module in modules.items()},
        "attributes": {name: copy.copy(vars(module)) for name, module in modules.items()},
    }


def assert_same_state(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Whether nothing at all happened to a model."""
    assert after["modes"] == before["modes"]
    assert after["gradients"] == before["gradients"]
    assert list(after["tensors"]) == list(before["tensors"])
    for name, tensor in before["tensors"].items():
        found = after["tensors"][name]
        assert found.layout is tensor.layout
        assert torch.equal(found.to_dense(), tensor.to_dense()), name
    for name, attributes in before["attributes"].items():
        assert list(attributes) == list(after["attributes"][name]), name
        for key, value in attributes.items():
            found = after["attributes"][name][key]
            assert found is value or (type(found) is type(value) and len(found) == len(value)), key


@pytest.mark.parametrize("name", ALLOWED)
def test_written_and_equal(name: str, tmp_path: Path) -> None:
    example = EXAMPLES[name]
    model = built(example)
    before = state(model)
    result = unfoldify.unfoldify(model, example.args, example.kwargs)
    assert result.report.verification.ok, str(result.report.verification)
    assert bool(result.report.fixed_sizes) == example.fixed, result.report.fixed_sizes
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compile(result.source, "written.py", "exec")
    assert_same_state(before, state(model))
    assert list(result.module.state_dict()) == list(model.state_dict())
    if name in IN_A_PROCESS_OF_ITS_OWN:
        check_alone(result, model, example, tmp_path)


ALONE = """
import sys, torch
from written import {name}
model = {name}()
state, args, kwargs, training = torch.load("example.pt", weights_only=False)
model.load_state_dict(state, strict=True)
torch.save(list(model.train(training)(*args, **kwargs).__dict__.values()), "found.pt") if {is_object} \\
    else torch.save(model.train(training)(*args, **kwargs), "found.pt")
assert not {{"unfoldify", "rich", "tests"}} & {{name.partition(".")[0] for name in sys.modules}}
"""


def check_alone(result: unfoldify.Result, model: nn.Module, example: Example, folder: Path) -> None:
    """The file, alone in a folder, in a process that knows nothing of the original."""
    result.save(folder / "written.py")
    what = (model.state_dict(), example.args, example.kwargs, model.training)
    torch.save(what, folder / "example.pt")
    wanted = model(*example.args, **example.kwargs)
    is_object = hasattr(wanted, "__dict__") and not isinstance(wanted, torch.Tensor)
    script = ALONE.format(name=type(model).__name__, is_object=is_object)
    subprocess.run(
        [sys.executable, "-W", "error::SyntaxWarning", "-c", script], cwd=folder, check=True
    )
    found = torch.load(folder / "found.pt", weights_only=False)
    wanted = list(vars(wanted).values()) if is_object else wanted
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_way_out(name: str) -> None:
    example = EXAMPLES[name]
    model = built(example)
    before = state(model)
    with pytest.raises(unfoldify.CaptureError) as refusal:
        unfoldify.unfoldify(model, example.args, example.kwargs)
    assert str(refusal.value).endswith(example.refused)
    assert_same_state(before, state(model))


def test_refusals_name_the_line() -> None:
    with pytest.raises(unfoldify.CaptureError) as refusal:
        unfoldify.unfoldify(built(EXAMPLES["ThroughNumpy"]), EXAMPLES["ThroughNumpy"].args)
    line = "self.fc(x) + torch.from_numpy(np.sort(x.detach().numpy()))"
    where, _, rest = str(refusal.value).partition(": ")
    assert where.startswith("values_from_outside.py:")
    assert rest.startswith(f"`{line}`\n  a (2, 3) float32 tensor")


def test_fixed_values_name_the_line() -> None:
    example = EXAMPLES["RefusesValues"]
    result = unfoldify.unfoldify(built(example), example.args)
    (fixed,) = result.report.fixed_sizes
    assert fixed.startswith("control_flow.py:")
    assert fixed.endswith(
        ": `(x > 100).any()`: the value False of a tensor was looked at (__bool__)"
    )


def test_a_meta_model_is_written_without_weights() -> None:
    with torch.device("meta"):
        model = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    result = unfoldify.unfoldify(model, torch.randn(2, 3, device="meta"))
    assert "the model is on the meta device, without numbers" in str(result.report.verification)
    assert all(p.is_meta for p in result.module.parameters())
    assert 'w = rearrange(self[0].weight, "o i -> i o")' in result.source


def test_a_dead_weak_proxy_in_the_process_is_no_matter() -> None:
    """Asking one for its class raises, and a recording looks at every object that is alive."""
    referent = nn.Linear(1, 1)
    proxy = weakref.proxy(referent)
    del referent
    gc.collect()
    example = EXAMPLES["Closure"]
    assert unfoldify.unfoldify(built(example), example.args).report.verification.ok
    with pytest.raises(ReferenceError):
        isinstance(proxy, torch.Tensor)
