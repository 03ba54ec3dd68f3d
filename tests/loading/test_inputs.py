"""`--input` texts → tensors and values; amounts of memory."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unfoldify.errors import UsageError
from unfoldify.loading.inputs import (
    DTYPES,
    FLOATS,
    HELP,
    HIGHEST,
    TensorInput,
    ValueInput,
    draw,
    parse_input,
    parse_inputs,
)
from unfoldify.memory import format_bytes, parse_bytes


def one(text: str, dtype: torch.dtype = torch.float32) -> object:
    args, kwargs = draw([parse_input(text)], dtype, torch.device("cpu"))
    return [*args, *kwargs.values()][0]


def message(*texts: str) -> str:
    with pytest.raises(UsageError) as caught:
        parse_inputs(texts)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1,3,224,224", TensorInput(None, (1, 3, 224, 224))),
        ("1x3x224x224", TensorInput(None, (1, 3, 224, 224))),
        ("(1, 3)", TensorInput(None, (1, 3))),
        ("7", TensorInput(None, (7,))),
        ("7,", TensorInput(None, (7,))),
        ("0,3", TensorInput(None, (0, 3))),
        ("()", TensorInput(None, ())),
        (":float64", TensorInput(None, (), "float64")),
        ("tokens=2,16:int64<101", TensorInput("tokens", (2, 16), "int64", 101)),
        ("2,16<101", TensorInput(None, (2, 16), "int64", 101)),
        ("2,16:float<0.5", TensorInput(None, (2, 16), "float32", 0.5)),
        ("step=:int<1000", TensorInput("step", (), "int32", 1000)),
        ("mask=2,2:torch.bool", TensorInput("mask", (2, 2), "bool")),
        ("z=4:cfloat", TensorInput("z", (4,), "complex64")),
        ("größe=4:long", TensorInput("größe", (4,), "int64")),
        ("flag=True", ValueInput("flag", True)),
        ("None", ValueInput(None, None)),
        ("scale:=0.5", ValueInput("scale", 0.5)),
        (":=3", ValueInput(None, 3)),
        ("mode:='a=b:c<d'", ValueInput("mode", "a=b:c<d")),
        ("sizes:=[(1, 2), {'a': None}]", ValueInput("sizes", [(1, 2), {"a": None}])),
    ],
)
def test_parse(text: str, wanted: object) -> None:
    assert parse_input(text) == wanted


@given(
    name=st.none() | st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True),
    shape=st.lists(st.integers(0, 9), min_size=1, max_size=5),
    dtype=st.none() | st.sampled_from(DTYPES),
)
def test_what_is_written_is_what_is_drawn(
    name: str | None, shape: list[int], dtype: str | None
) -> None:
    text = (f"{name}=" if name else "") + ",".join(map(str, shape)) + (f":{dtype}" if dtype else "")
    args, kwargs = draw([parse_input(text)], torch.bfloat16, torch.device("cpu"))
    tensor = kwargs[name] if name else args[0]
    assert tensor.shape == torch.Size(shape)
    assert tensor.dtype == getattr(torch, dtype or "bfloat16")


@given(dtype=st.sampled_from(list(HIGHEST)), high=st.integers(1, 127))
def test_integers_stay_below_the_bound(dtype: str, high: int) -> None:
    tensor = one(f"200:{dtype}<{high}")
    assert isinstance(tensor, torch.Tensor)
    assert 0 <= tensor.min() <= tensor.max() < high


def test_integers_without_a_bound_are_digits() -> None:
    tensor = one("1000:int64")
    assert isinstance(tensor, torch.Tensor)
    assert set(tensor.tolist()) == set(range(10))


@pytest.mark.parametrize("dtype", FLOATS)
def test_floats_below_a_bound(dtype: str) -> None:
    tensor = one(f"500:{dtype}<0.25")
    assert isinstance(tensor, torch.Tensor)
    assert tensor.dtype == getattr(torch, dtype)
    assert 0 <= tensor.min() < tensor.max() <= 0.25


def test_floats_are_normal_and_bools_mixed() -> None:
    normal, mask = one("4000"), one("400:bool")
    assert isinstance(normal, torch.Tensor)
    assert isinstance(mask, torch.Tensor)
    assert abs(normal.mean()) < 0.1
    assert abs(normal.std() - 1) < 0.1
    assert 100 < mask.sum() < 300


def test_order_and_names_are_kept() -> None:
    args, kwargs = draw(
        parse_inputs(["2,2", "n:=3", "y=1", "True", "x=1:int64"]),
        torch.float32,
        torch.device("cpu"),
    )
    assert [type(arg) for arg in args] == [torch.Tensor, bool]
    assert list(kwargs) == ["n", "y", "x"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "there is no shape"),
        ("x=", "there is no shape"),
        ("=3,4", "there is no name before the ="),
        ("2,16:", "there is no dtype after the :"),
        ("2,16:flaot32", "'flaot32' is not a dtype (is it float32?)"),
        ("2:qqq", f"'qqq' is not a dtype (it is one of {', '.join(DTYPES)})"),
        ("2,a", "'a' in the shape '2,a' is not a size"),
        ("2,-1", "'-1' in the shape '2,-1' is not a size"),
        ("2,,3", "'' in the shape '2,,3' is not a size"),
        ("0.5", "'0.5' in the shape '0.5' is not a size"),
        ("model.pt", "'model.pt' in the shape 'model.pt' is not a size"),
        ("2:int64<", "'' after the < is not a number"),
        ("2:int64<many", "'many' after the < is not a number"),
        ("2:int64<inf", "'inf' after the < is not a number"),
        ("2:int64<nan", "'nan' after the < is not a number"),
        ("2:bool<3", "bool has no highest value: leave <3 out"),
        ("2:int64<0", "nothing from 0 on is below 0"),
        ("2:uint8<300", "uint8 holds whole numbers from 0 to 255"),
        ("2:int64<1.5", "int64 holds whole numbers from 0 to 9223372036854775807"),
        (
            "mode:=sum",
            "'sum' is not a Python value (a string needs quotes inside: mode:='\"sum\"')",
        ),
    ],
)
def test_refusals(text: str, why: str) -> None:
    assert message(text) == f"--input {text}: {why}.\n{HELP}"


def test_help_shows_what_parses() -> None:
    shown = [line.split("--input ")[1].split("  ")[0].strip("'") for line in HELP.splitlines()[1:]]
    assert [type(parse_input(text)).__name__ for text in shown] == ["TensorInput"] * 4 + [
        "ValueInput"
    ]


def test_a_name_is_given_once() -> None:
    assert message("x=2", "x:=3") == "--input x=... is given 2 times: give it once."


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1GiB", 2**30),
        ("1 gib", 2**30),
        ("512MiB", 512 * 2**20),
        ("2GB", 2 * 10**9),
        ("1.5k", 1500),
        (".5KiB", 512),
        ("65536", 65536),
        ("12B", 12),
        (4096, 4096),
        ("0", 0),
    ],
)
def test_bytes(text: str | int, wanted: int) -> None:
    assert parse_bytes(text) == wanted


@pytest.mark.parametrize("text", ["", "much", "1 gigabyte or so", "-1GiB", "1e9", "GiB"])
def test_not_bytes(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_bytes(text)
    assert str(caught.value) == (
        f"max_intermediate {text!r} is not an amount of memory.\n"
        "Write a number and a unit: 1GiB, 512MiB, 2GB, or plain bytes: 1073741824"
    )


@given(st.integers(0, 2**49))
def test_bytes_in_words_are_near(count: int) -> None:
    assert abs(parse_bytes(format_bytes(count)) - count) <= 0.006 * count
