"""`--weights`: what loads, and what is said of what does not."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from unfoldify.errors import LoadError
from unfoldify.loading.weights import load_weights


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Embedding(5, 3)
        self.norm = nn.BatchNorm1d(3)
        self.head = nn.Linear(3, 5, bias=False)
        self.head.weight = self.token.weight


def trained() -> dict[str, Tensor]:
    torch.manual_seed(1)
    return {
        name: torch.rand(t.shape).to(t.dtype) if t.is_floating_point() else t + 7
        for name, t in Tied().state_dict().items()
    } | {"head.weight": torch.ones(5, 3), "token.weight": torch.ones(5, 3)}


def message(path: Path, model: nn.Module | None = None) -> str:
    with pytest.raises(LoadError) as caught:
        load_weights(model or Tied(), path)
    return str(caught.value)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda w: w,
        OrderedDict,
        lambda w: {"epoch": 3, "state_dict": w},
        lambda w: {"model": w, "args": {"lr": 0.1}},
        lambda w: {f"module.{name}": value for name, value in w.items()},
        lambda w: {f"_orig_mod.module.{name}": value for name, value in w.items()},
        lambda w: {"state_dict": {f"model.{name}": value for name, value in w.items()}},
    ],
)
def test_checkpoints_as_people_save_them(tmp_path: Path, wrap: Any) -> None:
    torch.save(wrap(trained()), tmp_path / "w.pt")
    model = Tied()
    load_weights(model, tmp_path / "w.pt")
    for name, value in trained().items():
        assert torch.equal(model.state_dict()[name], value)


def test_safetensors_keep_one_of_two_names(tmp_path: Path) -> None:
    weights = trained()
    del weights["head.weight"]
    safetensors.torch.save_file(weights, tmp_path / "w.safetensors")
    model = Tied()
    load_weights(model, tmp_path / "w.safetensors")
    assert torch.equal(model.head.weight, trained()["token.weight"])
    assert model.head.weight is model.token.weight


def test_no_such_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert message(Path("w.pt")) == "w.pt: no such file of weights."


def test_weights_of_another_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(nn.BatchNorm1d(4).state_dict() | {"extra": torch.ones(1)}, "w.pt")
    assert message(Path("w.pt"), nn.BatchNorm1d(3, track_running_stats=False)) == (
        "w.pt does not hold the weights of BatchNorm1d:\n"
        "  not in the model: extra, num_batches_tracked, running_mean, running_var\n"
        "  of another shape: weight (wanted 3, found 4), bias (wanted 3, found 4)\n"
        "Build the model that the checkpoint was saved from: name it as TARGET, or write a "
        "function that returns it."
    )


def test_long_lists_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"0.weight": torch.ones(2, 2)}, "w.pt")
    model = nn.Sequential(*(nn.Linear(2, 2) for _ in range(5)))
    assert message(Path("w.pt"), model).splitlines()[1] == (
        "  missing: 0.bias, 1.bias, 1.weight, 2.bias, 2.weight, 3.bias and 3 more"
    )


class Payload:
    """What an unpickled file must not be able to make."""

    def __reduce__(self) -> Any:
        return exec, ("raise AssertionError('code of the file was run')",)


@pytest.mark.parametrize("content", [Payload(), nn.Linear(2, 2)])
def test_code_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: object) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(content, "w.pt")
    first, last = message(Path("w.pt")).split("\n")
    assert first.startswith(
        "w.pt cannot be read as weights alone: UnpicklingError: Weights only load"
    )
    assert last == ("Save the state dict by itself: torch.save(model.state_dict(), 'weights.pt')")


def test_something_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"epoch": 3, "lr": 0.1}, "w.pt")
    way_out = "Save the state dict by itself: torch.save(model.state_dict(), 'weights.pt')"
    assert message(Path("w.pt")) == (
        f"w.pt holds a dict with the keys 'epoch', 'lr', not a state dict.\n{way_out}"
    )
    torch.save([1, 2], "w.pt")
    assert message(Path("w.pt")) == f"w.pt holds a list, not a state dict.\n{way_out}"
    Path("w.pt").write_bytes(b"not a checkpoint at all")
    assert message(Path("w.pt")).startswith("w.pt cannot be read as weights alone: ")
    Path("w.safetensors").write_bytes(b"not a checkpoint at all")
    assert message(Path("w.safetensors")).startswith("w.safetensors is not a safetensors file: ")
