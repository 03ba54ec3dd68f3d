"""A file that goes by the values of its example says so, whatever Python asked of them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unfoldify import unfoldify


class LastToken(nn.Module):
    """The last token that is no padding, looked for one by one, as FiLM's questions are read."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.rnn = nn.Embedding(20, 6), nn.GRU(6, 8, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        N, T = x.size()
        idx = torch.LongTensor(N).fill_(T - 1)
        for i in range(N):
            for t in range(T - 1):
                if x[i, t] != 0 and x[i, t + 1] == 0:
                    idx[i] = t
                    break
        out, _ = self.rnn(self.embed(x))
        return out.gather(1, idx.view(N, 1, 1).expand(N, 1, 8)).view(N, 8)


class Refusing(nn.Module):
    """What is looked at only refuses what does not fit."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        assert not torch.isnan(x).any()
        return self.fc(x)


QUESTIONS = torch.tensor([[1, 4, 5, 6, 2], [1, 7, 8, 2, 0]])


def test_the_docstring_tells_that_values_are_the_examples() -> None:
    result = unfoldify(LastToken(), (QUESTIONS,))
    told = "\n\nWritten for the example's sizes and values where the original goes by them:\n"
    _, _, rest = result.source.partition(told)
    assert rest.startswith(
        "    with other values it does something else, test_example_values.py:23\n"
    )
    (first, *_) = result.report.fixed_sizes
    assert first == (
        "test_example_values.py:23: `x[i, t] != 0`: for other values of the inputs the model does "
        "something else"
    )


def test_what_holds_for_other_values_is_not_told() -> None:
    result = unfoldify(Refusing(), (torch.randn(2, 4),))
    assert " values " not in result.source
    assert not any("other values" in each for each in result.report.fixed_sizes)
