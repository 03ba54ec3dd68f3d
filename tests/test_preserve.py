"""The original comes back exactly as it was."""

from __future__ import annotations

import collections
import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from unfoldify.preserve import Snapshot, preserved, same_bits


class Busy(nn.Module):
    """Changes everything that a forward can change."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(4)
        self.linear = nn.Linear(4, 4)
        self.calls = 0
        self.cache: dict[str, Any] = {"seen": [torch.zeros(2)]}
        self.order = collections.OrderedDict(a=1)
        self.recent: collections.deque[int] = collections.deque([1], maxlen=2)
        self.plain = torch.ones(3)
        self.numbers = np.ones(3)
        self.generator = torch.Generator().manual_seed(3)
        self.numpy_generator = np.random.default_rng(3)
        self.python_generator = random.Random(3)
        self.notes = Notes()

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.cache["seen"].append(x)
        self.cache["seen"][0].add_(1)
        self.cache["new"] = x
        self.order["b"] = 2
        self.recent.extend([2, 3])
        self.plain.mul_(2)
        self.numbers += 1
        self.notes.last = x
        self.linear.weight.data.mul_(0.5)  # not counted in the tensor's version
        x = x + torch.rand(4, generator=self.generator) + float(self.numpy_generator.random())
        x = x + self.python_generator.random() + random.random()
        x = x + float(np.random.rand()) + torch.rand(4)
        return self.linear(self.norm(x))


class Notes:
    last: Any = None


HELD = (
    *("_forward_hooks", "_forward_pre_hooks", "_backward_hooks"),
    *("_parameters", "_buffers", "_modules"),
)
UNWRITABLE = ("meta", "sparse", "none")


def fingerprint(model: nn.Module) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, module in model.named_modules():
        found[name] = (type(module), module.training, {k: id(v) for k, v in vars(module).items()})
        for hooks in HELD:
            found[f"{name}.{hooks}"] = [(k, id(v)) for k, v in vars(module)[hooks].items()]
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        place = (tensor.data_ptr(), tensor.dtype, tensor.stride(), tensor.requires_grad)
        place += (id(tensor.grad),)
        found[f"{name} values"] = (place, tensor.detach().clone())
    return found


def assert_same(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert before.keys() == after.keys()
    for name, value in before.items():
        if name.endswith(" values"):
            assert value[0] == after[name][0], name
            assert same_bits(value[1], after[name][1]), name
        else:
            assert value == after[name], name


def streams() -> tuple[Any, ...]:
    return torch.get_rng_state().tolist(), random.getstate(), str(np.random.get_state())


def test_everything_that_a_forward_changes_comes_back() -> None:
    model = Busy()
    before, random_before = fingerprint(model), streams()
    held = (
        list(model.cache["seen"]),
        model.generator.get_state().tolist(),
        model.python_generator.getstate(),
    )
    with preserved(model):
        model(torch.randn(2, 4))
        assert model.calls == 1
        assert not same_bits(model.norm.running_mean, torch.zeros(4))
    assert_same(before, fingerprint(model))
    assert streams() == random_before
    assert model.calls == 0
    assert model.cache == {"seen": held[0]}
    assert held[0][0].tolist() == [0, 0]
    assert list(model.order) == ["a"]
    assert list(model.recent) == [1]
    assert model.plain.tolist() == [1, 1, 1]
    assert model.numbers.tolist() == [1, 1, 1]
    assert "last" not in vars(model.notes)
    assert model.generator.get_state().tolist() == held[1]
    assert model.python_generator.getstate() == held[2]
    assert model.numpy_generator.random() == np.random.default_rng(3).random()


def test_modes_hooks_classes_and_members_come_back() -> None:
    model = Busy()
    model.norm.eval()
    model.linear.bias.requires_grad_(False)
    before = fingerprint(model)
    with preserved(model):
        model.train()
        model.register_forward_hook(lambda *_: None)
        model.linear.bias.requires_grad_(True)
        model.double()
        model.linear.weight = nn.Parameter(torch.zeros(4, 4))
        model.extra = nn.Linear(2, 2)
        del model.norm
        parametrize.register_parametrization(model.linear, "bias", nn.Identity())
    assert_same(before, fingerprint(model))
    assert not model.linear.bias.requires_grad


def test_gradients_come_back() -> None:
    model = Busy()
    model(torch.randn(2, 4)).sum().backward()
    grad = model.linear.weight.grad
    assert grad is not None
    kept = grad.clone()
    with preserved(model):
        model(torch.randn(2, 4)).sum().backward()
        assert not same_bits(kept, grad)
        model.zero_grad()
    assert model.linear.weight.grad is grad
    assert same_bits(kept, grad)


def test_it_comes_back_after_an_error() -> None:
    model = Busy()
    before = fingerprint(model)
    with pytest.raises(RuntimeError), preserved(model):
        model(torch.randn(2, 5))
    assert_same(before, fingerprint(model))


def test_a_tensor_that_was_pointed_elsewhere_is_never_written_to() -> None:
    model = nn.Linear(3, 3)
    before = model.weight.detach().clone()
    with preserved(model, values=False):
        model.weight.data = torch.zeros(3, 3, dtype=torch.float64)
        model.weight.data.add_(1)
    assert model.weight.dtype is torch.float32
    assert same_bits(model.weight.detach(), before)


def test_tensors_of_every_kind_come_back() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("expanded", torch.zeros(1, 3).expand(4, 3))
            self.register_buffer("imaginary", torch.zeros(2, dtype=torch.complex64))
            self.register_buffer("small", torch.zeros(2, dtype=torch.bfloat16))
            self.register_buffer("flags", torch.zeros(2, dtype=torch.bool))
            self.register_buffer("none", torch.zeros(0))
            self.register_buffer("nan", torch.tensor([float("nan"), -0.0]))
            self.register_buffer("meta", torch.zeros(2, device="meta"))
            self.register_buffer("sparse", torch.eye(2).to_sparse())
            self.register_buffer("nothing", None)

    model = Odd()
    before = {name: b.clone() for name, b in model.named_buffers() if name not in UNWRITABLE}
    with preserved(model):
        for name in before:
            model.get_buffer(name).data.as_strided([1], [1]).fill_(1)
            assert not same_bits(before[name], model.get_buffer(name)), name
    for name, value in before.items():
        assert same_bits(value, model.get_buffer(name)), name


def test_a_model_that_holds_itself() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    model.itself = [model]
    with preserved(model):
        model.train(False)
    assert model.training


def test_a_quick_restore_sees_what_torch_counts() -> None:
    model = nn.BatchNorm1d(2)
    snapshot = Snapshot(model)
    model(torch.randn(4, 2))
    snapshot.restore(thorough=False)
    assert model.num_batches_tracked == 0
    assert model.running_var.tolist() == [1, 1]
