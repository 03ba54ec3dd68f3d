"""What verify does around its comparisons: it leaves no trace, keeps to its time, reports."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unfoldify.preserve import same_bits
from unfoldify.recording.sizes import free_sizes
from unfoldify.verification.verify import Check, Verification, verify


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.bn = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 3)
        self.head.bias.requires_grad_(False)
        self.register_buffer("seen", torch.zeros(1))
        self.plain = torch.ones(3)
        self.calls = 0
        self.bn.eval()

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.seen += 1
        self.plain.add_(1)
        x = self.bn(self.conv(x)).mean(dim=(2, 3))
        return F.dropout(self.head(x), 0.5, self.training) * self.plain


def everything(model: nn.Module) -> dict[str, Any]:
    found: dict[str, Any] = {"rng": torch.get_rng_state()}
    for name, module in model.named_modules():
        held = vars(module)
        found[name] = {key: value for key, value in held.items() if not key.startswith("_")}
        found[f"{name} members"] = {
            key: [(k, id(v)) for k, v in value.items()]
            for key, value in held.items()
            if isinstance(value, dict) and key.startswith("_")
        }
    for name, tensor in itertools.chain(model.named_parameters(), model.named_buffers()):
        where = (tensor.data_ptr(), tensor.dtype, tensor.requires_grad, id(tensor.grad))
        found[f"{name} place"] = where
        found[f"{name} values"] = tensor.detach().clone()
    found["plain"] = model.plain.clone()
    return found


def test_both_models_and_the_inputs_come_back_bit_for_bit() -> None:
    original, rewritten, x = Net(), Net(), torch.randn(2, 3, 8, 8)
    original(x).sum().backward()
    rewritten(x)
    kept, before = x.clone(), [everything(original), everything(rewritten)]
    assert verify(original, rewritten, (x,)).ok
    for was, model in zip(before, (original, rewritten), strict=True):
        now = everything(model)
        assert was.keys() == now.keys()
        for key, value in was.items():
            same = same_bits(value, now[key]) if isinstance(value, Tensor) else value == now[key]
            assert same or key == "", key
    assert original.calls == 1
    assert rewritten.calls == 1
    assert not original.bn.training
    assert original.training
    assert same_bits(x, kept)
    assert x.grad is None
    assert not x.requires_grad


def test_they_come_back_after_a_failure_too() -> None:
    class Fails(Net):
        def forward(self, x: Tensor) -> Tensor:
            super().forward(x)
            raise RuntimeError("no")

    original, rewritten = Net(), Fails()
    before = everything(rewritten)
    assert not verify(original, rewritten, (torch.randn(2, 3, 8, 8),)).ok
    now = everything(rewritten)
    assert all(same_bits(v, now[k]) for k, v in before.items() if k.endswith("values"))
    assert rewritten.calls == 0


def test_a_large_example_is_checked_at_a_smaller_size() -> None:
    args = (torch.randn(2, 3, 64, 64),)
    sizes = free_sizes(Net(), args)
    verification = verify(Net(), Net(), args, variants=sizes, max_seconds=0.001)
    assert verification.ok, str(verification)
    ran = [c for c in verification.checks if c.skipped is None and c.gradients is not None]
    assert next((check.mode, check.inputs) for check in ran) == ("evaluation", "x: 4x3x10x12")
    assert verification.seconds < 5


def test_which_checks_are_planned_does_not_depend_on_the_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The sentence of the emitted file is the same where every second is an hour."""
    args = (torch.randn(2, 3, 8, 8),)
    quick = verify(Net(), Net(), args)
    clock = itertools.count(0, 3600)
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    slow = verify(Net(), Net(), args, variants=free_sizes(Net(), args, max_seconds=1e9))
    assert any(check.skipped for check in slow.checks)
    assert slow.sentence == quick.sentence


def test_what_time_did_not_allow_is_said() -> None:
    x = torch.randn(2, 3, 8, 8)
    verification = verify(Net(), Net(), (x,), max_seconds=0, variants=free_sizes(Net(), (x,)))
    assert verification.ok
    late = [check.skipped for check in verification.checks if check.skipped]
    assert late
    assert all(text.startswith("it would take about ") for text in late)
    assert all(text.endswith(" s more") for text in late)


def test_no_other_sizes_no_training_no_gradients() -> None:
    args = (torch.randn(2, 3, 8, 8),)
    only = verify(Net(), Net(), args, variants=(), training=False, gradients=False)
    assert only.ok
    assert [(c.mode, c.precision, c.gradients) for c in only.checks] == [
        ("evaluation", "float64", None),
        ("evaluation", "float32", None),
    ]
    assert only.sentence == (
        "Checked against the original in float64, outputs, for x: 2x3x8x8, in evaluation."
    )


def test_progress_is_told() -> None:
    told: list[str] = []
    verify(Net(), Net(), (torch.randn(2, 3, 8, 8),), progress=told.append)
    assert told == [
        "float32, evaluation with x: 2x3x8x8",
        "float64, evaluation with x: 2x3x8x8",
        "float64, training with x: 4x3x9x10",
        "float64, training with x: 2x3x8x8",
        "float64, evaluation with x: 4x3x9x10",
    ]


def test_the_verdict_as_plain_values() -> None:
    verification = verify(Net(), Net(), (torch.randn(2, 3, 8, 8),), variants=())
    found = json.loads(json.dumps(verification.to_dict()))
    assert found["ok"] is True
    assert found["first_difference"] is None
    assert found["checks"][0]["mode"] == "evaluation"
    assert found["checks"][0]["errors"]["outputs"] < 1e-14


def test_the_same_seed_gives_the_same_verdict() -> None:
    x = torch.randn(2, 3, 8, 8)
    first, second = (verify(Net(), Net(), (x,), variants=(), seed=3) for _ in range(2))
    assert [c.gradients for c in first.checks] == [c.gradients for c in second.checks]


def test_nothing_compared_is_not_equal() -> None:
    assert not Verification().ok
    skipped = Check("evaluation", "x: 2", "float64", skipped="no time")
    assert not Verification((skipped,)).ok
    own = Check("evaluation", "x: 2", "float32", outputs=0.0, own_type=True)
    assert Verification((skipped, own)).first_difference == "nothing could be compared: no time"


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (
            Check("training", "x: 2x3", "float64", 3.2e-16, 0.0, None),
            "training    float64   x: 2x3: outputs within 3e-16, gradients equal",
        ),
        (
            Check("evaluation", "x: 2x3", "float32", skipped="it would take about 9 s more"),
            "evaluation  float32   x: 2x3: left out, it would take about 9 s more",
        ),
        (
            Check("evaluation", "", "float64", 0.0, unstable=3),
            "evaluation  float64   no tensors: outputs equal, 3 not stable",
        ),
    ],
)
def test_a_check_in_words(check: Check, text: str) -> None:
    assert str(check) == text


class OutOfMemory(nn.Module):
    """As torch fails where a product is larger than the machine, from some batch on."""

    def __init__(self, largest: int = 1 << 30) -> None:
        super().__init__()
        self.fc, self.largest = nn.Linear(3, 3), largest

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if len(x) > self.largest:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")
        return self.fc(x)


def test_sizes_for_which_the_machine_has_no_room_are_left_out() -> None:
    found = verify(OutOfMemory(), OutOfMemory(largest=2), (torch.randn(2, 3),))
    assert found.ok
    assert {c.mode for c in found.checks if c.ok and c.skipped is None} == {
        "evaluation",
        "training",
    }
    assert any(c.skipped == "this machine has no room for it" for c in found.checks)


def test_an_example_for_which_the_machine_has_no_room_proves_nothing() -> None:
    assert not verify(OutOfMemory(), OutOfMemory(largest=1), (torch.randn(2, 3),)).ok
