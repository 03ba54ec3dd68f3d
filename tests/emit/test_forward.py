"""What a forward becomes, as pairs to read: the model's own, and the one of the emitted file."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import unfoldify

HEAD = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n\n\n"
INIT = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.blocks = nn.ModuleList([nn.Tanh() for _ in range(3)])
        self.norm = nn.LayerNorm(4)

"""
Write = Callable[..., str]


@pytest.fixture
def written(user_file: Callable[..., Path]) -> Write:
    """The emitted forward of a model whose forward is given, without what rules make of layers."""

    def write(forward: str, *args: Any, skip: str = "linear") -> str:
        text = HEAD + INIT.lstrip() + textwrap.indent(textwrap.dedent(forward).strip(), "    ")
        path = user_file("net.py", text + "\n")
        namespace: dict[str, Any] = {"__name__": "net"}
        exec(compile(path.read_text(), str(path), "exec"), namespace)
        torch.manual_seed(0)
        result = unfoldify.unfoldify(namespace["Net"](), args or (torch.randn(2, 4),), skip=[skip])
        (cls,) = [node for node in ast.parse(result.source).body if isinstance(node, ast.ClassDef)]
        (method,) = [
            node
            for node in cls.body
            if isinstance(node, ast.FunctionDef) and node.name == "forward"
        ]
        lines = result.source.splitlines()[method.lineno - 1 : method.end_lineno]
        return textwrap.dedent("\n".join(lines))

    return write


UNCHANGED = {
    "operators": """
        def forward(self, x):
            y = self.fc(x)
            return (x - (y - 1)) / (x * x + 1)
    """,
    "names with an underscore behind": """
        def forward(self, x):
            h_ = self.norm(x)
            h, w = h_.shape
            w_ = h_.reshape(w, h)
            return (w_ + 1) * w_.reshape(h, w).sum()
    """,
    "tensors taken apart": """
        def forward(self, x):
            a, b = x
            c, d = x.unbind(0)
            return a * b, c * d
    """,
    "powers": """
        def forward(self, x):
            y = -(x**2)
            return y + (-x) ** 2
    """,
    "comparisons": """
        def forward(self, x):
            keep = ~((x > 0) & (x < 1))
            return keep | (x == 2)
    """,
    "keywords": """
        def forward(self, x):
            y = F.gelu(self.fc(x), approximate="tanh")
            return torch.cat([x, y], dim=1)
    """,
    "items": """
        def forward(self, x):
            return x[:, 1:-1], x[0], x[..., None], x[::2]
    """,
    "branch": """
        def forward(self, x):
            if self.training:
                x = x + torch.randn_like(x)
            return self.fc(x)
    """,
}


@pytest.mark.parametrize("what", UNCHANGED)
def test_what_needs_no_rewriting_stays_as_it_was(written: Write, what: str) -> None:
    forward = textwrap.dedent(UNCHANGED[what]).strip()
    assert written(forward) == forward


def test_a_loop_stays_a_loop(written: Write) -> None:
    after = written(
        """
        def forward(self, x):
            for block in self.blocks:
                x = block(x)
            return x
        """
    )
    assert after.splitlines() == [
        "def forward(self, x):",
        "    for block in self.blocks:",
        "        x = block(x)",
        "    return x",
    ]


def test_a_linear_layer(written: Write) -> None:
    after = written(
        """
        def forward(self, x):
            out = self.fc(x)
            return out
        """,
        skip="none",
    )
    assert 'w = rearrange(self.fc.weight, "o i -> i o")' in after
    assert 'out = (rearrange(x, "b i -> b i 1") * w).sum(dim=-2)' in after
    assert after.endswith("return out")


def test_numbers_stay_sizes(written: Write) -> None:
    after = written(
        """
        def forward(self, x):
            b, c = x.shape
            return x.view(b, 2, c // 2) / c**0.5
        """
    )
    assert "b, c = x.shape" in after
    assert "x.view(b, 2, c // 2)" in after


def test_a_name_that_is_a_builtin_still_runs(written: Write) -> None:
    after = written(
        """
        def forward(self, x):
            range = self.fc(x)
            for block in self.blocks:
                range = block(range)
            return range
        """
    )
    compile(after, "after.py", "exec")
    assert "for block in self.blocks:" in after


def test_flags_are_refused_at_other_values(written: Write) -> None:
    after = written(
        """
        def forward(self, x, scale=1.0):
            return self.fc(x) * scale
        """,
        torch.randn(2, 4),
        2.0,
    )
    assert after.startswith("def forward(self, x, scale=2.0):")
    assert "if scale != 2.0:" in after
    assert 'raise ValueError(f"this file was written for scale=2.0, not {scale!r}")' in after


def test_what_is_not_used_is_not_written(written: Write) -> None:
    after = written(
        """
        def forward(self, x):
            unused = self.norm(x) * 3
            return self.fc(x)
        """
    )
    assert "* 3" not in after


def test_values_kept_in_a_list_make_way_for_the_variable_that_goes_on(written: Write) -> None:
    after = written(
        """
        def forward(self, x):
            h = self.norm(x)
            hs = [h]
            h = self.fc(h)
            hs.append(h)
            h = torch.tanh(h)
            while hs:
                h = torch.cat([h, hs.pop()], dim=1)
            return h
        """
    )
    assert after.splitlines()[1:] == [
        "    h1 = self.norm(x)",
        "    h2 = self.fc(h1)",
        "    h = torch.tanh(h2)",
        "    h = torch.cat([h, h2], dim=1)",
        "    h = torch.cat([h, h1], dim=1)",
        "    return h",
    ]


def test_each_of_several_values_has_the_name_at_its_place(written: Write) -> None:
    after = written(
        """
        def forward(self, x):
            a, (b, c), d = x + 1, (x * 2, x - 3), x.exp()
            return (a * a, b * b, c * c, d * d)
        """
    )
    assert after.splitlines()[1:5] == [
        "    a = x + 1",
        "    b = x * 2",
        "    c = x - 3",
        "    d = x.exp()",
    ]


def test_well_known_numbers_are_written_as_formulas(written: Write) -> None:
    after = written(
        """
        def forward(self, x):
            width = len(range(x.shape[-1])) * 8
            smallest = -3.4028234663852886e38
            y = x * width**-0.5 + 0.125
            return y.clamp(min=smallest) * 0.1767766952
        """
    )
    assert after.splitlines()[1:] == [
        "    y = x * 32**-0.5 + 0.125",
        "    return y.clamp(min=torch.finfo(torch.float32).min) * 0.1767766952",
    ]


def test_a_size_that_the_user_does_not_name_takes_no_name(written: Write) -> None:
    after = written(
        """
        def forward(self, x):
            y = self.norm(x)
            _, w = y.shape
            grid = torch.arange(w, device=x.device)
            return y + grid
        """
    )
    assert after.splitlines()[1:4] == [
        "    y = self.norm(x)",
        "    _, w = y.shape",
        "    grid = torch.arange(w, device=x.device)",
    ]


def test_the_weight_of_a_layer_is_w_or_weight(written: Write) -> None:
    after = written(
        """
        def forward(self, x):
            h, w = x.shape
            return self.fc(x).reshape(w, h)
        """,
        skip="none",
    )
    assert 'weight = rearrange(self.fc.weight, "o i -> i o")' in after
    assert "* weight).sum(dim=-2)" in after


def test_a_loop_keeps_what_its_rounds_find(written: Write) -> None:
    after = written(
        """
        def forward(self, x):
            hidden = ()
            for block in self.blocks:
                hidden = hidden + (x,)
                x = block(x)
            hidden = hidden + (self.norm(x),)
            return x, hidden
        """
    )
    assert after.splitlines()[1:] == [
        "    xs = []",
        "    for block in self.blocks:",
        "        xs.append(x)",
        "        x = block(x)",
        "    hidden = self.norm(x)",
        "    return x, (*xs, hidden)",
    ]


def test_a_loop_keeps_what_its_rounds_leave(written: Write) -> None:
    after = written(
        """
        def forward(self, x):
            seen = []
            for block in self.blocks:
                x = self.fc(block(x))
                seen.append(x)
            return self.norm(x), tuple(seen), {"all": [*seen]}
        """
    )
    assert "for block in self.blocks:" in after
    assert after.splitlines()[-1] == '    return self.norm(x), (*seen,), {"all": seen}'


def test_a_round_whose_value_is_used_beside_the_list_stands_before_the_loop(written: Write) -> None:
    after = written(
        """
        def forward(self, x):
            seen = []
            for block in self.blocks:
                x = block(x)
                seen.append(x)
            return seen, seen[0]
        """
    )
    assert after.splitlines()[1] == "    x = self.blocks[0](x)"
    assert "for block in self.blocks[1:]:" in after


def test_indices_of_a_loop_read_as_a_person_writes_them(written: Write) -> None:
    after = written(
        """
        def forward(self, x):
            for k in range(1, 4):
                x = x[:, : -(k + 1) + 4] + x[:, 3 - k : 4 - k] + x[:, k - 1 : k]
            return x
        """,
        torch.randn(2, 1),
    )
    assert (
        after.splitlines()[2] == "        x = x[:, : 2 - k] + x[:, 2 - k : 3 - k] + x[:, k : k + 1]"
    )


def test_a_dtype_is_read_where_the_user_read_it(written: Write) -> None:
    after = written(
        """
        def forward(self, x):
            kind = x.dtype
            x = x.double()
            return (x * x.exp()).to(kind)
        """
    )
    assert after.splitlines()[1:] == [
        "    kind = x.dtype",
        "    x = x.double()",
        "    return (x * x.exp()).to(kind)",
    ]


def test_items_of_a_list_are_called_after_it(written: Write) -> None:
    after = written(
        """
        def forward(self, x):
            outs = [x]
            outs.append(self.norm(x))
            outs.append(torch.sin(8 * torch.pi * x))
            return torch.cat(outs, dim=1)
        """
    )
    assert after.splitlines()[1:] == [
        "    out = self.norm(x)",
        "    out2 = torch.sin(8 * math.pi * x)",
        "    return torch.cat([x, out, out2], dim=1)",
    ]


def test_a_variable_whose_name_is_taken_goes_by_a_number(written: Write) -> None:
    after = written(
        """
        def forward(self, x):
            first = x
            kept = []
            x = torch.sin(x) * 2.0
            kept += [x]
            x = torch.sin(torch.cos(x)) * 3.0
            kept += [x]
            x = torch.sin(torch.cos(x)) * 5.0
            kept += [x]
            x = torch.sin(torch.cos(x)) * 7.0
            kept += [x]
            x = torch.cos(x)
            return first, x, kept[0] - kept[1] * kept[2] / kept[3]
        """
    )
    names = {line.split()[0] for line in after.splitlines()[1:-1]}
    assert names == {"y", "z", "x2", "x3", "x4"}


def test_arguments_side_by_side_are_no_list(written: Write) -> None:
    after = written(
        """
        def forward(self, x):
            for block in self.blocks[:2]:
                x, before = block(x), x
            return torch.sub(before, x)
        """
    )
    assert after.splitlines()[1:] == [
        "    x1 = self.blocks[0](x)",
        "    x = self.blocks[1](x1)",
        "    return torch.sub(x1, x)",
    ]


def test_calls_of_modules_keep_their_order(written: Write) -> None:
    """Python would call `norm` first, the model calls `fc` first; dropouts draw in that order."""
    found = written(
        """
        def join(self, y, x):
            return torch.sub(self.norm(y), x)

        def forward(self, x):
            return self.join(x, self.fc(x))
        """
    )
    assert (
        found
        == textwrap.dedent(
            """
        def forward(self, x):
            y = self.fc(x)
            return torch.sub(self.norm(x), y)
        """
        ).strip()
    )


def test_calls_of_modules_that_are_in_order_stay_in_one_expression(written: Write) -> None:
    forward = """
        def forward(self, x):
            return torch.sub(self.norm(self.fc(x)), self.blocks[0](self.fc(x)))
    """
    assert written(forward) == textwrap.dedent(forward).strip()


def test_gradients_are_enabled_where_the_model_differentiates(written: Write) -> None:
    forward = """
        def forward(self, x):
            with torch.enable_grad():
                x.requires_grad_()
                energy = self.fc(x).sum()
                return torch.autograd.grad(energy, x, create_graph=True)[0]
    """
    assert (
        written(forward)
        == textwrap.dedent(
            """
        def forward(self, x):
            with torch.enable_grad():
                x.requires_grad_()
                energy = self.fc(x).sum()
                part = torch.autograd.grad(energy, x, create_graph=True)[0]
            return part
        """
        ).strip()
    )


def test_a_mode_that_makes_no_difference_is_not_written(written: Write) -> None:
    found = written(
        """
        def forward(self, x):
            with torch.enable_grad():
                return self.fc(x) * 2
        """
    )
    assert found == "def forward(self, x):\n    return self.fc(x) * 2"


def test_an_index_that_goes_back_in_steps_is_taken_from_where_it_starts(written: Write) -> None:
    after = written(
        """
        def forward(self, x):
            for k in range(3):
                x = x.tanh() * (9 - 4 * k)
            return x
        """
    )
    assert after.splitlines()[2] == "        x = x.tanh() * (9 - k * 4)"
