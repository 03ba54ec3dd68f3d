"""A function of the user's that is called more than once is written once; what is in the way, stays."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn, randn

import unfoldify


def functions(source: str) -> dict[str, str]:
    """The text of each function above the classes."""
    tree = ast.parse(source)
    return {node.name: ast.unparse(node) for node in tree.body if isinstance(node, ast.FunctionDef)}


def forward(source: str) -> list[str]:
    """The statements of the model's own forward."""
    tree = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    body = next(node for node in reversed(tree) if node.name == "forward").body
    return [line for statement in body for line in ast.unparse(statement).splitlines()]


def written(model: nn.Module, *args: Any) -> str:
    return unfoldify.unfoldify(model, args).source


# -- written once ----------------------------------------------------------------------------------


def rotate_half(x: Tensor) -> Tensor:
    """Rotates half of the features.

    Args:
        x: any tensor
    """
    # the halves
    x1, x2 = x.chunk(2, dim=-1)
    return torch.cat((-x2, x1), dim=-1)


class Rotated(nn.Module):
    def forward(self, q: Tensor, k: Tensor) -> Tensor:
        q = q + rotate_half(q) * 2
        k = k + rotate_half(k) * 3
        return q * k


def test_a_function_is_written_once_with_its_own_words() -> None:
    source = written(Rotated(), randn(3, 4), randn(3, 4))
    assert (
        "\n\n\ndef rotate_half(x):\n"
        '    """Rotates half of the features."""\n'
        "    # the halves\n"
        "    x1, x2 = x.chunk(2, dim=-1)\n"
        "    return torch.cat((-x2, x1), dim=-1)\n\n\n"
    ) in source
    assert forward(source) == [
        "q = q + rotate_half(q) * 2",
        "k = k + rotate_half(k) * 3",
        "return q * k",
    ]


class Once(nn.Module):
    def forward(self, q: Tensor, k: Tensor) -> Tensor:
        return q + rotate_half(k)


def test_a_function_that_is_called_once_stays_where_it_is() -> None:
    assert not functions(written(Once(), randn(3, 4), randn(3, 4)))


def halved(x: Tensor) -> tuple[Tensor, Tensor]:
    a, b = x.chunk(2, dim=-1)
    return b, a


class Short(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        a, b = halved(x)
        c, d = halved(y)
        return a * b + c - d


def test_a_function_of_one_statement_stays_where_it_is_called() -> None:
    assert not functions(written(Short(), randn(3, 4), randn(3, 4)))


def windows_of(x: Tensor, size: int, shift: int = 0) -> Tensor:
    if shift:
        x = torch.roll(x, (-shift, -shift), (1, 2))
    b, h, w, c = x.shape
    x = x.view(b, h // size, size, w // size, size, c)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, size * size, c)


class Windowed(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        a, b = windows_of(x, 2), windows_of(x, 4)
        c, d = windows_of(x, 2, shift=1), windows_of(x, 4, 2)
        return a.sum((0, 1)) + b.sum((0, 1)) * c.amax((0, 1)) + d.amax((0, 1))


def test_numbers_that_differ_are_parameters_and_what_is_computed_of_them() -> None:
    found = functions(written(Windowed(), randn(2, 8, 8, 3)))
    assert found["windows_of"].splitlines() == [
        "def windows_of(x, size):",
        "    b, h, w, c = x.shape",
        "    x = x.view(b, h // size, size, w // size, size, c)",
        "    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, size * size, c)",
    ]
    assert found["windows_of2"].splitlines()[:2] == [
        "def windows_of2(x, size, shift):",
        "    x = torch.roll(x, (-shift, -shift), (1, 2))",
    ]


class Attention(nn.Module):
    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k = nn.Linear(8, 8), nn.Linear(8, 8)

    def split(self, x: Tensor, heads: int) -> Tensor:
        b, n, d = x.shape
        x = x.view(b, n, heads, d // heads)
        return x.transpose(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        q = self.split(self.q(x), self.heads)
        k = self.split(self.k(x), self.heads)
        return (q * k).transpose(1, 2).flatten(2)


class Other(nn.Module):
    def forward(self, q: Tensor) -> Tensor:
        return rotate_half(q).tanh()


class Several(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.other = Attention(2), Attention(4), Other()

    def forward(self, x: Tensor) -> Tensor:
        return self.other(rotate_half(self.two(self.one(x))))


def test_several_classes_call_one_function() -> None:
    source = written(Several(), randn(2, 3, 8))
    assert list(functions(source)) == ["rotate_half", "split"]
    assert source.count("rotate_half(") == 3
    assert "q = split(q, self.heads)" in source
    assert "self.one = Attention(2)" in source


def gated(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    y = F.linear(x, weight, bias)
    gate = y.sigmoid()
    return y * gate


class OfParameters(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(randn(4, 4)), nn.Parameter(randn(4))
        self.last = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = gated(x, self.weight, self.bias)
        return gated(x, self.last.weight, self.last.bias)


def test_a_contraction_is_spelled_out_in_the_function_that_is_given_the_weights() -> None:
    source = written(OfParameters(), randn(3, 4))
    assert "def gated(x, weight, bias):\n    # linear\n" in source
    assert forward(source) == [
        "x = gated(x, self.weight, self.bias)",
        "return gated(x, self.last.weight, self.last.bias)",
    ]


def power(x: Tensor, rounds: int) -> Tensor:
    for step in range(rounds):
        x = x + x.roll(step, 0)
        x = x.tanh()
    return x


class OfLoops(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> Any:
        return power(x, 3) * power(y, 3), [power(each, 4) for each in (x, y)]


def test_a_loop_of_the_function_is_in_it() -> None:
    source = written(OfLoops(), randn(3, 4), randn(3, 4))
    assert functions(source)["power"].splitlines() == [
        "def power(x):",
        "    for step in range(3):",
        "        x = x + x.roll(step, 0)",
        "        x = x.tanh()",
        "    return x",
    ]
    assert forward(source) == ["return (power(x) * power(y), [power2(x), power2(y)])"]


class OverModules(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = rotate_half(layer(x))
        return x


def test_a_call_in_a_loop_over_modules_is_one_call() -> None:
    source = written(OverModules(), randn(3, 4))
    assert not functions(source)
    assert "for layer in self.layers:" in source


def outer(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    x, y = rotate_half(x) * 2, rotate_half(y) + 1
    return y, x


class Nested(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        x, y = outer(x, y)
        left, right = outer(y, x)
        return left * right


def test_a_function_calls_another() -> None:
    source = written(Nested(), randn(3, 4), randn(3, 4))
    assert list(functions(source)) == ["rotate_half", "outer"]
    assert functions(source)["outer"].splitlines()[1:] == [
        "    x = rotate_half(x) * 2",
        "    y = rotate_half(y) + 1",
        "    return (y, x)",
    ]
    assert forward(source) == [
        "x, y = outer(x, y)",
        "left, right = outer(y, x)",
        "return left * right",
    ]


def changed(x: Tensor, y: Tensor) -> Tensor:
    x = x.clone()
    x[:, 0] = y[:, 0]
    x[:, 1] += 1
    return x * y


class Changing(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return changed(x, y) * changed(y, x)


def test_a_function_may_change_what_it_made_itself() -> None:
    assert (
        "x[:, 0] = y[:, 0]" in functions(written(Changing(), randn(3, 4), randn(3, 4)))["changed"]
    )


def noisy(x: Tensor, p: float, training: bool) -> Tensor:
    x = F.dropout(x, p, training)
    x = x * 2
    return x.tanh()


class Noisy(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        x = noisy(x, 0.1, self.training)
        return noisy(x, 0.2, self.training)


def test_the_mode_is_handed_over() -> None:
    source = written(Noisy(), randn(3, 4))
    assert "def noisy(x, p, training):\n    x = F.dropout(x, p, training)\n" in source
    assert forward(source)[0] == "x = noisy(x, 0.1, self.training)"


@dataclass
class Held:
    mean: Tensor
    scale: float

    def apply(self, x: Tensor) -> Tensor:
        y = (x - self.mean) * self.scale
        return y.tanh() + y


def joined(parts: list[Tensor]) -> Tensor:
    y = torch.cat(parts, -1).tanh()
    return y * y.sigmoid()


class OfOthersThings(nn.Module):
    """Values of a closure, of a list, of an object."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        def shifted(z: Tensor, scale: int) -> Tensor:
            z = z * scale
            return (z + x).tanh()

        one, other = Held(x.mean(0), 0.5), Held(y.mean(0), 0.25)
        z = one.apply(y) * other.apply(y)
        return joined([shifted(z, 2), x]) * joined([y, shifted(z, 3)])


def test_values_of_a_closure_a_list_and_an_object_are_given_as_well() -> None:
    found = functions(written(OfOthersThings(), randn(3, 4), randn(3, 4)))
    heads = [text.splitlines()[0] for text in found.values()]
    assert sorted(heads) == [
        "def apply(mean, scale, x):",
        "def joined(part1, part2):",
        "def shifted(z, scale, x):",
    ]


# -- what stays where it is ------------------------------------------------------------------------


def changes_its_argument(x: Tensor, y: Tensor) -> Tensor:
    x[:, 0] = y[:, 0]
    x[:, 1] = y[:, 2]
    return x * 2


class ChangesArguments(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        a, b = x + 1, y * 2
        return changes_its_argument(a, y) * changes_its_argument(b, x) + a + b


class WithLayers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def step(self, x: Tensor) -> Tensor:
        y = self.layer(x).relu()
        return y * x.tanh()

    def forward(self, x: Tensor) -> Tensor:
        return self.step(self.step(x))


def steps_of(x: Tensor) -> Iterator[Tensor]:
    y = x.tanh()
    y = y * x
    yield y
    yield y.exp()


class Generating(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return sum(steps_of(x)) * sum(steps_of(y))  # type: ignore[call-overload,no-any-return]


def otherwise(x: Tensor, flag: bool) -> Tensor:
    x = x.exp() if flag else x.sin()
    return x * 2 + 1


class OfTwoWays(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return otherwise(x, True) * otherwise(x, False)


@pytest.mark.parametrize(
    ("model", "count"),
    [(ChangesArguments(), 2), (WithLayers(), 1), (Generating(), 2), (OfTwoWays(), 1)],
    ids=lambda value: type(value).__name__,
)
def test_what_is_in_the_way_leaves_the_lines_where_they_are(model: nn.Module, count: int) -> None:
    found = functions(written(model, *(randn(3, 4) for _ in range(count))))
    assert found.keys() <= {"linear"}


class Hidden(nn.Module):
    """A variable and an argument that are called as the function is."""

    def forward(self, rotate_half_: Tensor, split: Tensor) -> Tensor:
        rotate = rotate_half(rotate_half_)
        rotated = rotate_half(split)
        return rotate * rotated


class Shadowed(nn.Module):
    def forward(self, x: Tensor, windows: Tensor) -> Tensor:
        return squares(x, windows) * squares(windows, x)


def squares(x: Tensor, squares: Tensor) -> Tensor:
    squares = squares * squares + x
    return squares.tanh() * x


@pytest.mark.parametrize("model", [Hidden(), Shadowed()], ids=lambda model: type(model).__name__)
def test_names_do_not_meet(model: nn.Module) -> None:
    source = written(model, randn(3, 4), randn(3, 4))
    assert len(functions(source)) == 1


def test_a_function_that_is_not_equal_is_written_where_it_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("unfoldify.emit.helpers.helpers.differing", lambda forms: ())
    assert not functions(written(OfOthersThings(), randn(3, 4), randn(3, 4)))
