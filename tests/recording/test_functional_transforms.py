"""What torch.func computes is written as plain loops and calls of torch.autograd.grad."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn, randn
from torch.autograd import forward_ad, functional
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vjp, vmap

import unfoldify
from unfoldify.recording import watcher


class Model(nn.Module):
    """Whatever is computed of its weight and its arguments."""

    def __init__(self, compute: Callable[..., Any]) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.linspace(-1, 1, 4))
        self.compute = compute

    def forward(self, x: Tensor) -> Any:
        return self.compute(self, x)


class Two(Model):
    def forward(self, x: Tensor, v: Tensor) -> Any:  # type: ignore[override]
        return self.compute(self, x, v)


def forward_of(model: nn.Module, *args: Tensor) -> str:
    """The body of the emitted forward, which is equal to the model at every size that it takes."""
    result = unfoldify.unfoldify(model, args)
    assert result.report.verification.ok
    assert not result.report.fixed_sizes
    return textwrap.dedent(result.source.partition("def forward(")[2].partition("\n")[2]).strip()


mask = vmap(vmap(lambda row, column: row >= column, in_dims=(None, 0)), in_dims=(0, None))

WRITTEN: dict[str, tuple[Callable[..., Any], str]] = {
    "vmap": (
        lambda self, x: vmap(lambda p: p.tanh() * self.w)(x),
        """
        values = []
        for p in x.unbind(0):
            values.append(p.tanh() * self.w)
        return torch.stack(values)
        """,
    ),
    "vmap along other axes, of a function whose argument is called like the model's": (
        lambda self, x: vmap(lambda x: x.tanh(), in_dims=1, out_dims=-1)(x),
        """
        values = []
        for x_i in x.unbind(1):
            values.append(x_i.tanh())
        return torch.stack(values, dim=-1)
        """,
    ),
    "vmap of a function that takes no notice of the items": (
        lambda self, x: vmap(lambda p: self.w)(x),
        "return self.w.expand(x.shape[0], self.w.shape[0])",
    ),
    "vmap over numbers of what is done number by number": (
        lambda self, x: vmap(lambda p: p.sin() * self.w[0])(x[0]),
        "return x[0].sin() * self.w[0]",
    ),
    "vmap over numbers of what is not: a loop": (
        lambda self, x: vmap(lambda p: torch.stack([p, p]))(x[:, 0]),
        """
        values = []
        for p in x[:, 0].unbind(0):
            values.append(torch.stack([p, p]))
        return torch.stack(values)
        """,
    ),
    "maps in maps over indices": (
        lambda self, x: mask(torch.arange(x.shape[0]), torch.arange(x.shape[1])) * self.w,
        "return (torch.arange(x.shape[0])[:, None] >= torch.arange(x.shape[1])) * self.w",
    ),
    "maps in maps, of a function that takes no notice of the outer one's": (
        lambda self, x: vmap(vmap(lambda p, q: q.exp(), (None, 0)), (0, None))(x[:, 0], x[0]),
        """
        y = x[0]
        z = y.exp()
        return z.expand(x[:, 0].shape[0], y.shape[0])
        """,
    ),
    "grad": (
        lambda self, x: grad(lambda p: (p.tanh() * self.w).sum())(x),
        """
        with torch.enable_grad():
            p = x.clone().requires_grad_()
            y = (p.tanh() * self.w).sum()
            gradient = torch.autograd.grad(y, p, create_graph=True)[0]
        return gradient
        """,
    ),
    "grad in grad: one copy of the argument": (
        lambda self, x: grad(lambda p: grad(lambda q: (q.tanh() * self.w).sum())(p).sum())(x),
        """
        with torch.enable_grad():
            p = x.clone().requires_grad_()
            y = (p.tanh() * self.w).sum()
            gradient = torch.autograd.grad(y, p, create_graph=True)[0]
            y = gradient.sum()
            gradient = torch.autograd.grad(y, p, create_graph=True)[0]
        return gradient
        """,
    ),
    "grad in grad, the inner of which sees the outer's argument: two copies": (
        lambda self, x: grad(lambda p: grad(lambda q: (q.tanh() * p).sum())(p).sum())(x),
        """
        with torch.enable_grad():
            p = x.clone().requires_grad_()
            q = p.clone().requires_grad_()
            y = (q.tanh() * p).sum()
            gradient = torch.autograd.grad(y, q, create_graph=True)[0]
            y = gradient.sum()
            gradient = torch.autograd.grad(y, p, create_graph=True)[0]
        return gradient
        """,
    ),
    "hessian in vmap": (
        lambda self, x: vmap(hessian(lambda p: (p.tanh() * self.w).sum()))(x),
        """
        with torch.enable_grad():
            values = []
            for p in x.unbind(0):
                p = p.clone().requires_grad_()
                y = (p.tanh() * self.w).sum()
                gradient = torch.autograd.grad(y, p, create_graph=True)[0]
                rows = []
                for y_i in gradient.unbind(0):
                    rows.append(torch.autograd.grad(y_i, p, create_graph=True)[0])
                values.append(torch.stack(rows))
        return torch.stack(values)
        """,
    ),
    "jacobian of an output with two axes": (
        lambda self, x: jacrev(lambda p: p.tanh() * self.w)(x),
        """
        with torch.enable_grad():
            p = x.clone().requires_grad_()
            y = p.tanh() * self.w
            z = y.flatten()
            rows = []
            for y_i in z.unbind(0):
                rows.append(torch.autograd.grad(y_i, p, create_graph=True)[0])
            stacked = torch.stack(rows)
            stacked = torch.unflatten(stacked, 0, y.shape)
        return stacked
        """,
    ),
    "a derivative that nothing flows on from": (
        lambda self, x: x - functional.vjp(lambda p: (p.tanh() * self.w).sum(), x)[1],
        """
        with torch.enable_grad():
            p = x.detach().requires_grad_()
            y = (p.tanh() * self.w).sum()
            gradient = torch.autograd.grad(y, p, grad_outputs=torch.ones_like(y))[0]
        return x - gradient
        """,
    ),
}


@pytest.mark.parametrize(("compute", "want"), WRITTEN.values(), ids=WRITTEN)
def test_what_is_written(compute: Callable[..., Any], want: str) -> None:
    assert forward_of(Model(compute), randn(3, 4)) == textwrap.dedent(want).strip()


def test_a_slope_along_a_vector() -> None:
    def compute(self: Model, x: Tensor, v: Tensor) -> Tensor:
        y, slope = jvp(lambda p: p.tanh() * self.w, (x,), (v,))
        return y + slope

    assert (
        forward_of(Two(compute), randn(3, 4), randn(3, 4))
        == textwrap.dedent("""
        with torch.enable_grad():
            p = x.clone().requires_grad_()
            y = p.tanh() * self.w
            u = torch.zeros_like(y).requires_grad_()  # any: the gradient is linear in it
            gradient = torch.autograd.grad(y, p, grad_outputs=u, create_graph=True)[0]
            slope = torch.autograd.grad(gradient, u, grad_outputs=v, create_graph=True)[0]
        return y + slope
        """).strip()
    )


def test_a_slope_of_dual_numbers() -> None:
    def compute(self: Model, x: Tensor, v: Tensor) -> Any:
        with forward_ad.dual_level():
            given = forward_ad.make_dual(x, v)
            return forward_ad.unpack_dual(given.tanh() * self.w).tangent

    assert (
        forward_of(Two(compute), randn(3, 4), randn(3, 4))
        == textwrap.dedent("""
        with torch.enable_grad():
            given = x.clone().requires_grad_()
            y = given.tanh() * self.w
            u = torch.zeros_like(y).requires_grad_()  # any: the gradient is linear in it
            gradient = torch.autograd.grad(y, given, grad_outputs=u, create_graph=True)[0]
            gradient = torch.autograd.grad(gradient, u, grad_outputs=v, create_graph=True)[0]
        return gradient
        """).strip()
    )


def test_functions_made_before_are_written_as_those_made_in_forward() -> None:
    def vector(p: Tensor) -> Tensor:
        return p.tanh() * torch.arange(4.0)

    made = jacrev(vector), vmap(jacfwd(vector))
    before = forward_of(Model(lambda self, x: made[0](x[0]) + made[1](x) * self.w), randn(3, 4))
    later = forward_of(
        Model(lambda self, x: jacrev(vector)(x[0]) + vmap(jacfwd(vector))(x) * self.w), randn(3, 4)
    )
    assert before == later
    x = randn(4)
    expected = torch.diag((1 - x.tanh() ** 2) * torch.arange(4.0))
    torch.testing.assert_close(made[0](x), expected)  # and they are torch's own again


def test_the_file_works_where_its_user_switches_gradients_off() -> None:
    model = Model(lambda self, x: vjp(lambda p: p.tanh() * self.w, x)[1](x)[0])
    written = unfoldify.unfoldify(model, randn(3, 4)).module
    x = randn(5, 4)
    with torch.no_grad():
        torch.testing.assert_close(written(x), model(x))


def test_transforms_are_torchs_own_again_after_a_recording() -> None:
    names = torch.vmap, grad, jacrev, jacfwd, functional.jacobian, functional.hvp
    with pytest.raises(unfoldify.CaptureError):
        unfoldify.unfoldify(
            Model(lambda self, x: vmap(torch.rand_like, randomness="different")(x)), randn(3, 4)
        )
    assert names == (torch.vmap, grad, jacrev, jacfwd, functional.jacobian, functional.hvp)
    assert torch._functorch.apis.vmap_impl is torch._functorch.vmap.vmap_impl
    assert not hasattr(torch._functorch.vmap.vmap_impl, "__wrapped__")


def test_one_item_alone_is_a_batch_too() -> None:
    compute = lambda self, x: vmap(lambda p: p.tanh() * self.w)(x) + x.shape[0]  # noqa: E731
    assert forward_of(Model(compute), randn(1, 4)) == forward_of(Model(compute), randn(3, 4))


class Numbered(nn.Module):
    """Does something else with each item, as only one of which the second is none of a loop."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.ones(4))
        self.seen = 0

    def forward(self, x: Tensor) -> Tensor:
        self.seen = 0

        def scaled(p: Tensor) -> Tensor:
            self.seen += 1
            return p.tanh() * self.w if self.seen == 1 else p.exp()

        return vmap(scaled)(x)


def test_an_item_that_is_only_imagined_is_in_no_file() -> None:
    source = unfoldify.unfoldify(Numbered(), randn(1, 4)).source
    assert ".exp()" not in source
    assert "[1]" not in source


def test_more_items_than_can_be_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "MOST_ROUNDS", 3)
    model = Model(lambda self, x: vmap(lambda p: p.tanh() * self.w)(x))
    assert unfoldify.unfoldify(model, randn(3, 4)).report.verification.ok
    with pytest.raises(unfoldify.CaptureError) as refusal:
        unfoldify.unfoldify(model, randn(4, 4))
    assert str(refusal.value).endswith(
        "`vmap(lambda p: p.tanh() * self.w)(x)`\n  a torch.func transform goes over more than 3 items "
        "in one run, and each of them is recorded.\nGive an example with fewer items (a smaller batch, "
        "fewer outputs), or unfoldify the modules around it."
    )


def test_a_torch_without_these_inner_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch._functorch.eager_transforms, "_jvp_with_argnums")
    assert unfoldify.unfoldify(nn.Linear(4, 2), randn(3, 4)).report.verification.ok
    model = Model(lambda self, x: vmap(lambda p: p.tanh() * self.w)(x))
    assert unfoldify.unfoldify(model, randn(3, 4)).report.verification.ok
    with pytest.raises(unfoldify.UnfoldifyError):
        unfoldify.unfoldify(Model(lambda self, x: jacrev(lambda p: p.tanh())(x)), randn(3, 4))
