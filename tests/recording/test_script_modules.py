"""A model that torch.jit compiled is refused as what it is; the module before that is written."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, jit, nn

import unfoldify
from unfoldify.cli import main


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x).relu()


class Encoder(jit.ScriptModule):
    """As code for reinforcement learning was written."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    @jit.script_method
    def forward(self, x):
        return self.fc(x).relu()


def stored() -> nn.Module:
    file = io.BytesIO()
    jit.save(jit.script(Net()), file)
    file.seek(0)
    module: nn.Module = jit.load(file)
    return module


COMPILED: dict[str, Callable[[], nn.Module]] = {
    "script": lambda: jit.script(Net()),
    "trace": lambda: jit.trace(Net(), torch.randn(2, 4)),
    "load": stored,
}


@pytest.mark.parametrize("how", COMPILED)
def test_a_compiled_model_is_refused(how: str) -> None:
    with pytest.raises(unfoldify.CaptureError) as refusal:
        unfoldify.unfoldify(COMPILED[how](), torch.randn(2, 4))
    assert str(refusal.value) == (
        "the model is TorchScript (Net): its Python is gone, so its calls cannot be seen.\n"
        "Give the torch.nn.Module Net as it was before torch.jit.script, trace or load; its "
        "state_dict has the same names."
    )


OF_A_CLASS = (
    "{} is TorchScript: Encoder is a class of torch.jit.ScriptModule, which compiles its methods when "
    "it is built, so their calls cannot be seen.\n"
    "Write class Encoder(torch.nn.Module), without @torch.jit.script_method: the weights and the "
    "rest of the class stay as they are. Or set PYTORCH_JIT=0 before torch is imported."
)


def test_a_class_of_script_methods_is_refused() -> None:
    for model, label in ((Encoder(), "the model"), (nn.Sequential(Encoder()), "0")):
        with pytest.raises(unfoldify.CaptureError) as refusal:
            unfoldify.unfoldify(model, torch.randn(2, 4))
        assert str(refusal.value) == OF_A_CLASS.format(label)


def test_the_module_that_was_scripted_is_written() -> None:
    model = Net()
    jit.script(model)
    result = unfoldify.unfoldify(model, torch.randn(2, 4))
    compiled = jit.script(model)
    result.module.load_state_dict(compiled.state_dict(), strict=True)
    x = torch.randn(5, 4)
    torch.testing.assert_close(result.module(x), compiled(x))


def test_the_command_reads_its_methods_as_they_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "encoder.py"
    file.write_text(
        "from torch import jit, nn\n\n\n"
        "class Encoder(jit.ScriptModule):\n"
        '    __constants__ = ["scale"]\n\n'
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.fc = nn.Linear(4, 3)\n"
        "        self.scale = jit.Attribute(2.0, float)\n\n"
        "    @jit.script_method\n"
        "    def forward(self, x):\n"
        "        return self.fc(x) * self.scale\n"
    )
    before = jit.ScriptModule, jit.script_method
    assert main([str(file), "--input", "2,4", "-o", "-"]) == 0
    assert "return x * 2.0" in capsys.readouterr().out
    assert (jit.ScriptModule, jit.script_method) == before


@pytest.mark.parametrize(
    "call",
    [
        "freeze(jit.script(nn.Linear(4, 3)).eval())",
        "trace(nn.Linear(4, 3), torch.randn(2, 4))",
    ],
)
def test_what_a_file_compiles_itself_is_refused_by_the_command(
    call: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "compiled.py"
    file.write_text(f"import torch\nfrom torch import jit, nn\n\nmodel = jit.{call}\n")
    assert main([str(file), "--input", "2,4", "-o", "-"]) == 3
    assert "the model is TorchScript" in capsys.readouterr().err
