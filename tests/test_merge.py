"""Modules become classes: one for each kind of block, whose constructor takes what differs."""

from __future__ import annotations

import ast

import pytest
import torch
from torch import nn

import unfoldify
from unfoldify.emit.counts import together
from unfoldify.emit.lines import Hole


class Block(nn.Module):
    def __init__(self, width, scale=1.0, act=True):
        super().__init__()
        self.fc, self.scale, self.act = nn.Linear(width, width), scale, act

    def forward(self, x):
        x = self.fc(x) * self.scale
        return x.relu() if self.act else x


class Other(Block):
    pass


class Stack(nn.Module):
    def __init__(self, *blocks):
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x


def classes(*blocks: nn.Module) -> dict[str, ast.ClassDef]:
    """The classes of the file for a stack of blocks."""
    torch.manual_seed(0)
    source = unfoldify.unfoldify(Stack(*blocks), torch.randn(4, 4)).source
    return {node.name: node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}


def constructor(cls: ast.ClassDef) -> list[str]:
    """The arguments of a class's constructor."""
    init = next(n for n in cls.body if isinstance(n, ast.FunctionDef) and n.name == "__init__")
    return [argument.arg for argument in init.args.args[1:]]


def test_equal_blocks_are_one_class_without_arguments() -> None:
    found = classes(Block(4), Block(4), Block(4))
    assert list(found) == ["Block", "Stack"]
    assert constructor(found["Block"]) == []


def test_what_differs_is_an_argument_of_the_constructor() -> None:
    found = classes(Block(4, scale=0.5), Block(4, scale=0.25))
    assert list(found) == ["Block", "Stack"]
    assert constructor(found["Block"]) == ["scale"]


def test_another_structure_is_another_class() -> None:
    found = classes(Block(4), Block(4, act=False), Block(4))
    assert len(found) == 3
    assert {name for name in found if name.startswith("Block")} >= {"Block"}


def test_two_classes_of_the_user_stay_two() -> None:
    assert list(classes(Block(4), Other(4))) == ["Block", "Other", "Stack"]


def test_classes_come_before_their_use() -> None:
    names = list(classes(Stack(Block(4)), Stack(Block(4), Block(4))))
    assert names[0] == "Block"
    assert names[-1].startswith("Stack")


class Unit(nn.Module):
    """What its author calls `groups` and `stride` is none of a convolution's."""

    def __init__(self, layer, groups, stride):
        super().__init__()
        self.layer, self.groups, self.stride = layer, groups, stride

    def forward(self, x):
        return self.layer(x).relu()


def test_numbers_of_the_users_own_modules_do_not_name_a_class() -> None:
    first, second = Unit(nn.Linear(4, 4), "a", (1,)), Unit(nn.Tanh(), ["b"], (2,))
    assert list(classes(first, second)) == ["Unit", "UnitWithTanh", "Stack"]


def test_layers_that_differ_name_a_class_in_the_order_in_which_they_are_declared() -> None:
    class Several(nn.Module):
        def __init__(self, *layers):
            super().__init__()
            self.one, self.two, self.three = layers

        def forward(self, x):
            return self.one(self.two(self.three(x)))

    plain = Several(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4))
    other = Several(nn.Tanh(), nn.ReLU(), nn.GELU())
    assert list(classes(plain, other)) == ["Several", "SeveralWithTanh", "Stack"]


class Separable(nn.Module):
    def __init__(self, width, groups=1, act=True):
        super().__init__()
        self.conv, self.act = nn.Conv1d(width, width, 1, groups=groups), act

    def forward(self, x):
        return self.conv(x).relu() if self.act else self.conv(x)


def test_what_two_kinds_have_in_common_does_not_name_either() -> None:
    both = Separable(4, groups=4), Separable(4, groups=4, act=False)
    assert list(classes(*both)) == ["Separable", "Separable2", "Stack"]


def test_a_kind_of_depthwise_layers_beside_one_of_others_says_so() -> None:
    assert list(classes(Separable(4), Separable(4, groups=4))) == [
        "Separable",
        "DepthwiseSeparable",
        "Stack",
    ]


def test_a_block_is_called_by_what_sets_its_part_apart() -> None:
    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x, mask=None):
            return self.fc(x) if mask is None else self.fc(x) + mask

    class Layer(nn.Module):
        def __init__(self, shift):
            super().__init__()
            self.shift = shift
            self.attention = Attention()

        def forward(self, x):
            if not self.shift:
                return self.attention(x)
            return self.attention(x.roll(1), mask=torch.ones_like(x))

    names = ["Attention", "AttentionWithMask", "Layer", "LayerWithMask", "Stack"]
    assert sorted(classes(Layer(0), Layer(1))) == names
    assert sorted(classes(Layer(0), Layer(0))) == ["Attention", "Layer", "Stack"]


class Stage(nn.Module):
    def __init__(self, width, depth, listed=False, pause=None):
        super().__init__()
        self.first = nn.Linear(4, width)
        blocks = [Block(width, scale=0.25) for _ in range(depth)]
        if pause is not None:
            blocks[pause] = Block(width, scale=0.5)
        self.blocks = nn.ModuleList(blocks) if listed else nn.Sequential(*blocks)
        self.last = nn.Linear(width, 4)

    def forward(self, x):
        x = self.first(x)
        if isinstance(self.blocks, nn.Sequential):
            x = self.blocks(x)
        else:
            for block in self.blocks:
                x = block(x)
        return self.last(x)


def sources(*blocks: nn.Module) -> str:
    torch.manual_seed(0)
    return unfoldify.unfoldify(Stack(*blocks), torch.randn(4, 4)).source


@pytest.mark.parametrize("listed", [False, True])
def test_stages_that_differ_in_their_depth_are_one_class(listed) -> None:
    stages = [Stage(6, 2, listed), Stage(6, 3, listed), Stage(5, 4, listed)]
    found = classes(*stages)
    assert list(found) == ["Block", "Stage", "Stack"]
    assert constructor(found["Stage"]) == ["width", "depth"]
    text = sources(*stages)
    assert "(Block(width) for _ in range(depth))" in text
    assert "Stage(6, 2), Stage(6, 3), Stage(5, 4)" in text


def test_a_block_that_differs_stands_beside_those_that_are_counted() -> None:
    found = classes(Stage(6, 2, pause=0), Stage(6, 4, pause=0))
    assert list(found) == ["Block", "Stage", "Stack"]
    assert "Block(0.5), *(Block(0.25) for _ in range(depth))" in " ".join(
        ast.unparse(found["Stage"]).split()
    )


def test_a_single_block_counts_too() -> None:
    assert list(classes(Stage(6, 1), Stage(6, 3))) == ["Block", "Stage", "Stack"]


def test_stages_alike_in_depth_count_nothing() -> None:
    found = classes(Stage(6, 2), Stage(5, 2))
    assert constructor(found["Stage"]) == ["width"]


def test_blocks_of_other_kinds_are_another_class() -> None:
    stage = Stage(6, 3)
    stage.blocks[1] = Block(6, act=False)
    found = classes(Stage(6, 2), stage)
    assert list(found) == ["Block", "Block2", "Stage", "Stage2", "Stack"]
    assert constructor(found["Stage2"]) == []


class Scaled(nn.Module):
    def __init__(self, scale: list[float]) -> None:
        super().__init__()
        self.scale = torch.tensor(scale)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.scale


class Holder(nn.Module):
    def __init__(self, stage: nn.Module, width: int) -> None:
        super().__init__()
        self.stage = stage
        self.fc = nn.Linear(width, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.stage(x))


class Each(nn.Module):
    def __init__(self, parts: nn.ModuleList) -> None:
        super().__init__()
        self.parts = parts

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.parts[0](x) + self.parts[1](y)


def test_a_list_that_differs_is_one_argument() -> None:
    model = nn.Sequential(Scaled([0.5, 1.0, 3.0]), Scaled([2.0, 1.0, 4.0]))
    source = unfoldify.unfoldify(model, (torch.randn(2, 3),)).source
    assert "def __init__(self, scale):" in source
    assert "self.scale = torch.tensor(scale)" in source
    assert "Scaled([0.5, 1.0, 3.0])" in source


def test_the_mask_of_every_other_layer_is_an_argument() -> None:
    """Coupling layers of a flow: two numbers that come again."""
    mask = [0.0, 1.0] * 3
    model = nn.Sequential(Scaled(mask), Scaled(mask[::-1]), Scaled(mask))
    source = unfoldify.unfoldify(model, (torch.randn(2, 6),)).source
    assert source.count("class Scaled") == 1
    assert "self.scale = torch.tensor(scale).repeat(3)" in source
    assert "(Scaled([0.0, 1.0]), Scaled([1.0, 0.0]), Scaled([0.0, 1.0]))" in source


def test_lists_of_other_lengths_are_one_argument_too() -> None:
    stages = [nn.Sequential(Scaled([2.0, 0.5, 1.5, 4.0])), nn.Sequential(Scaled([0.5, 1.0, 3.0]))]
    model = nn.ModuleList(
        [Holder(stage, width) for stage, width in zip(stages, (4, 3), strict=True)]
    )
    source = unfoldify.unfoldify(Each(model), (torch.randn(2, 4), torch.randn(2, 3))).source
    assert "self.scale = torch.tensor(scale)" in source
    assert "scale2" not in source


def test_a_list_is_one_value_where_blocks_are_counted() -> None:
    holes = [Hole.of([2.0, 0.5, 1.5, 4.0], "values"), Hole.of([0.5, 1.0, 3.0], "values")]
    assert [hole.value for hole in together(holes)] == [hole.value for hole in holes]


def test_a_list_that_all_have_is_written_in_its_place() -> None:
    model = nn.Sequential(Scaled([0.5, 1.0, 3.0]), Scaled([0.5, 1.0, 3.0]))
    source = unfoldify.unfoldify(model, (torch.randn(2, 3),)).source
    assert "self.scale = torch.tensor([0.5, 1.0, 3.0])" in source
