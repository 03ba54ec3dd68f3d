"""Loops, recursion, early returns and decisions, all taken by Python while the model runs."""

from __future__ import annotations

import torch
from torch import Tensor, nn, randn

from tests.models.example import example, refused


class Linear3(nn.Module):
    """The layer that the others use."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)


@example(randn(2, 5, 3))
class LoopOverTime(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.GRUCell(3, 4)
        self.out = nn.Linear(4, 2)

    def forward(self, x):
        hidden = torch.zeros(x.size(0), 4, dtype=x.dtype)
        steps = []
        for t in range(x.size(1)):
            hidden = self.cell(x[:, t], hidden)
            steps.append(self.out(hidden))
        return torch.stack(steps, 1)


@example(randn(9, 3), fixed=True)
class WhileOnSize(Linear3):
    def forward(self, x):
        x = self.fc(x)
        while x.shape[0] < 10:
            x = torch.cat([x, x])
        return x


@example(randn(2, 3))
class Recursion(Linear3):
    def again(self, x, depth):
        return x if depth == 0 else self.again(torch.tanh(self.fc(x)), depth - 1)

    def forward(self, x):
        return self.again(x, 3)


@example(randn(2, 3))
class Generator(Linear3):
    def parts(self, x):
        for power in range(1, 4):
            yield x**power

    def forward(self, x):
        y = self.fc(x)
        for part in self.parts(x):
            y = y + part
        return y


@example(randn(2, 3))
class EarlyReturn(Linear3):
    def forward(self, x, target=None):
        y = self.fc(x)
        if target is None:
            return y
        return y, (y - target).square().mean()


@example(randn(2, 3), target=randn(2, 3))
class LateReturn(EarlyReturn):
    pass


@example(randn(2, 3))
class DecisionOnType(Linear3):
    def forward(self, x):
        if isinstance(x, Tensor) and x.ndim == 2 and x.is_floating_point():
            x = x.unsqueeze(1)
        return self.fc(x).squeeze(1)


@example(randn(2, 3, 4))
class DecisionOnSize(nn.Module):
    def __init__(self):
        super().__init__()
        self.small, self.large = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        return self.small(x) if x.shape[1] < 4 else self.large(x)


@example(randn(5, 3))
class DecisionOnValue(Linear3):
    def forward(self, x):
        y = self.fc(x)
        if (x > 100).any():
            y = y * 2
        return y


@example(randn(2, 3))
class Comprehension(nn.Module):
    def __init__(self):
        super().__init__()
        self.heads = nn.ModuleList([nn.Linear(3, 2) for _ in range(3)])

    def forward(self, x):
        return torch.stack([head(x) for head in self.heads]).sum(0)


@example(randn(2, 3))
class LoopWithIndex(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(3, 3) for _ in range(4)])

    def forward(self, x):
        kept = []
        for i, layer in enumerate(self.layers):
            x = torch.relu(layer(x))
            if i % 2:
                x = x * (i + 1)
                kept.append(x)
        return x, kept


@example(randn(2, 4))
class LoopBackwards(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])
        self.up = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])

    def forward(self, x):
        skips = []
        for layer in self.down:
            x = torch.tanh(layer(x))
            skips.append(x)
        for layer in reversed(self.up):
            x = layer(x) + skips.pop()
        return x


@example(randn(2, 4))
class LoopUntilBreak(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(5)])

    def forward(self, x, last=2):
        for i, layer in enumerate(self.layers):
            x = layer(x).sin()
            if i == last:
                break
        return x


@example(randn(2, 3))
class TryAndExcept(Linear3):
    def forward(self, x):
        try:
            return self.fc(x.reshape(-1, 7))
        except RuntimeError:
            return self.fc(x)


@example(randn(2, 3))
class CallsOfMethods(Linear3):
    scale = staticmethod(lambda x, by=2.0: x * by)

    @property
    def weight(self):
        return self.fc.weight

    def forward(self, x):
        return self.scale(self.fc(x)) @ self.weight.T


class TwoResults(nn.Module):
    """A block of which the last round's second result is wanted, under the name of the first."""

    def __init__(self, scale):
        super().__init__()
        self.fc, self.scale = nn.Linear(4, 4), scale

    def forward(self, x):
        before = self.fc(x).tanh()
        return before * self.scale, before, None


@example(randn(2, 4))
class RoundsWithTwoResults(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([TwoResults(2.0), TwoResults(3.0), TwoResults(4.0)])

    def forward(self, x):
        for block in self.blocks:
            found = block(x)
            x, x_before = found[0], found[1]
        return x_before.sin()


@example(randn(2, 6, 3))
class RoundsThatReadOneValue(Linear3):
    """What every round reads keeps its name through the last statement of a round."""

    def forward(self, x):
        x = self.fc(x)
        x = torch.cat([x[:, :1], x, x[:, -1:]], dim=1)
        shifted = []
        for i in range(3):
            x_here = x[:, i : x.shape[1] - 2 + i]
            shifted.append(x_here)
        return torch.cat(shifted, dim=2)


@example(randn(2, 5, 3))
class LastOfAll(nn.Module):
    """What the loop computes in all rounds, and only the last one is used."""

    def __init__(self):
        super().__init__()
        self.cell = nn.GRUCell(3, 4)
        self.out = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))

    def forward(self, x):
        hidden = torch.zeros(x.size(0), 4, dtype=x.dtype)
        outputs = []
        for t in range(x.size(1)):
            hidden = self.cell(x[:, t], hidden)
            outputs.append(self.out(hidden))
        return outputs[-1]


@example(randn(2, 5, 3))
class PartOfLastState(nn.Module):
    """What the last round leaves for a next one is used by nobody."""

    def __init__(self):
        super().__init__()
        self.from_x, self.from_h = nn.Linear(3, 16), nn.Linear(4, 16)

    def forward(self, x):
        h = c = torch.zeros(x.size(0), 4, dtype=x.dtype)
        for t in range(x.size(1)):
            i, f, g, o = (self.from_x(x[:, t]) + self.from_h(h)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
        return c


@example(randn(2, 5, 3))
class CellStateOfLSTM(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 4, num_layers=2, batch_first=True)

    def forward(self, x):
        return self.lstm(x)[1][1]


@example(randn(2, 5, 3))
class UnusedPartOfHelper(nn.Module):
    """No loop: what one of two calls computes for nothing does not stay."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def both(self, x):
        return self.fc(x), self.fc(x).tanh() * 3

    def forward(self, x):
        first, second = self.both(x)
        third, _ = self.both(first)
        return second + third


@refused(
    "with other weights the model does something else here: the values of tensors decide, and a "
    "file can say only one way.\nDecide by sizes or flags, choose with torch.where, or unfoldify "
    "the modules around it.",
    randn(8, 3),
)
class Experts(nn.Module):
    """Which modules run, and how often, is for the values to say: never all."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(3, 40)
        self.experts = nn.ModuleList([nn.Linear(3, 3) for _ in range(40)])

    def forward(self, x):
        chosen = self.gate(x).argmax(dim=-1)
        out = torch.zeros_like(x)
        for expert in chosen.unique():
            rows = (chosen == expert).nonzero().flatten()
            out = out.index_add(0, rows, self.experts[int(expert)](x[rows]))
        return out


class TwoStates(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 6)

    def forward(self, x, states):
        h, c = states
        i, f = self.fc(torch.cat([x, h], 1)).chunk(2, 1)
        c = f.sigmoid() * c + i.tanh()
        return c.tanh(), c


@example(randn(2, 3, 3))
class StatesThatBeginAsOne(nn.Module):
    """The first round is called otherwise; and as many rounds follow as there are examples."""

    def __init__(self):
        super().__init__()
        self.cells = nn.ModuleList([TwoStates(), TwoStates()])

    def forward(self, x):
        for cell in self.cells:
            h = c = torch.zeros(x.size(0), 3, dtype=x.dtype)
            outputs = []
            for t in range(x.size(1)):
                h, c = cell(x[:, t], [h, c])
                outputs.append(h)
            x = torch.stack(outputs, dim=1)
        return x, c


@example(randn(2, 3))
class DecisionOnItem(Linear3):
    """As Glow looks whether it was initialised: the number is compared, not the tensor."""

    def __init__(self):
        super().__init__()
        self.register_buffer("ready", torch.tensor(0))

    def forward(self, x):
        if self.ready.item() + 1 == 1:
            x = x * 2
        return self.fc(x)


@example(randn(5, 3), fixed=True)
class RefusesValues(Linear3):
    def forward(self, x):
        if (x > 100).any():
            raise ValueError("too large")
        return self.fc(x)


@example(randn(5, 3))
class OneWayOrAnother(Linear3):
    """Two ways of which neither is the other without a block."""

    def forward(self, x):
        if (x > 100).any():
            return self.fc(x).tanh()
        return self.fc(x).sigmoid() + x


@example(randn(2, 3))
class ItemThatDecidesNothing(Linear3):
    def __init__(self):
        super().__init__()
        self.register_buffer("factor", torch.tensor(2.0))

    def forward(self, x):
        if x.shape[0] < 1000:
            x = x * self.factor.item()
        return self.fc(x)


@refused(
    "_nested_view_from_jagged works on a nested tensor, whose rows differ in length: no size of it "
    "can be written down.\nPad the rows to one length and mask them, or unfoldify the modules "
    "around it.",
    [randn(2, 3), randn(4, 3)],
)
class NestedTensor(Linear3):
    def forward(self, rows):
        x = torch.nested.nested_tensor(rows, layout=torch.jagged)
        return self.fc(x).sum(dim=1)


@example(randn(2, 3, 6, 5))
class ShiftedWindows(Linear3):
    """Three lists, one for each row of shifts, are alive until all are stacked."""

    def forward(self, x):
        x = self.fc(x.transpose(1, 3))
        h, w = x.shape[2] - 2, x.shape[3] - 2
        return torch.stack(
            [x[..., i : i + h, j : j + w] for i in (0, 1, 2) for j in (0, 1, 2)], dim=2
        )


@example(randn(2, 4))
class LoopsOverADict(nn.Module):
    """Parts kept under numbers, all of them or some, gone through by number."""

    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleDict({str(i): nn.Linear(4, 4) for i in range(3)})
        self.others = nn.ModuleDict({key: nn.Linear(4, 4) for key in ("3", "first", "1", "2")})

    def forward(self, x):
        for i in range(3):
            x = torch.tanh(self.parts[str(i)](x)) + i
        for part in self.parts.values():
            x = part(x)
        for i in range(1, 4):
            x = torch.relu(self.others[str(i)](x))
        return self.others["first"](x)


@example(randn(2, 4))
class LoopsOverAttributes(nn.Module):
    """Parts that are attributes with a number in their names."""

    def __init__(self):
        super().__init__()
        for i in range(3):
            self.add_module(str(i), nn.Linear(4, 4))
            setattr(self, f"norm{i}", nn.LayerNorm(4))

    def forward(self, x):
        for i, part in enumerate(self._modules.values()):
            x = torch.tanh(part(x)) if i % 2 else x
        for i in range(3):
            x = getattr(self, f"norm{i}")(getattr(self, str(i))(x))
        return x


@example(randn(2, 16, 4))
class SizeHandedOn(nn.Module):
    """What a round hands on is a size, which has no variable of its own."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        n, size = x.shape[1], 1
        for stride in (2, 2):
            x = x.view(x.shape[0], stride, n // stride, size, 4).transpose(1, 2)
            size *= stride
            x = self.fc(x).reshape(x.shape[0], -1, size, 4)
            n = x.shape[1]
        return x.view(x.shape[0], n, size * 4)
