"""A variable that holds an object names none of the tensors that are made for it."""

from __future__ import annotations

import torch
from torch import Tensor, nn, randn
from torch.distributions import Categorical, Normal

import unfoldify


def written(model: nn.Module) -> str:
    return unfoldify.unfoldify(model, (randn(2, 5),)).source


class Actor(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(5, 4)

    def forward(self, obs: Tensor) -> Tensor:
        mean, log_std = self.fc(obs).chunk(2, -1)
        policy = Normal(mean, log_std.exp())
        return policy.log_prob(obs[:, :2])


def test_the_parameters_of_a_distribution_have_their_own_words() -> None:
    source = written(Actor())
    assert "mean, scale = torch.broadcast_tensors(mean, log_std.exp())" in source
    assert "policy" not in source


class Choice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(5, 4)

    def forward(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        choice = Categorical(logits=self.fc(obs))
        return choice.probs, choice.entropy()


def test_what_an_object_is_given_by_keyword_has_that_word() -> None:
    source = written(Choice())
    assert "        logits = logits + self.fc.bias\n" in source
    assert "choice" not in source


class Casts(nn.Module):
    """These classes make tensors: the variable is theirs."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(5, 4)

    def forward(self, obs: Tensor) -> Tensor:
        values = torch.autograd.Variable(self.fc(obs))
        return values * 2 + values.exp()


def test_classes_of_tensors_leave_the_variable_its_name() -> None:
    assert "        values = values + self.fc.bias\n" in written(Casts())
