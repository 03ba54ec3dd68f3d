"""The account of what was done: text, plain values, and a page."""

from __future__ import annotations

import json
import sys
from html.parser import HTMLParser

import pytest

from unfoldify.errors import UsageError
from unfoldify.reporting.fold import folded, ranges
from unfoldify.reporting.report import Report
from unfoldify.reporting.rows import LayerRow, error_in_words, shapes_in_words
from unfoldify.reporting.table import table
from unfoldify.verification.verdict import Check, Verification


def linear(name: str, error: float | None = 3e-16, o: int = 8, reason: str = "") -> LayerRow:
    style = "einsum" if reason else "product"
    shapes = ((2, 4), (2, o))
    return LayerRow(name, "linear", "", shapes, 4 * 8 * o, error, style, reason)


def report() -> Report:
    blocks = [
        row
        for i in range(12)
        for row in (
            linear(f"blocks.{i}.qkv", error=(i + 1) * 1e-16),
            LayerRow(
                f"blocks.{i}.conv", "conv", "3x3, padding 1", ((2, 3, 8, 8), (2, 6, 8, 8)),
                462422016, None, "product",
            ),
        )
    ]  # fmt: skip
    head = linear("head", o=50257, reason="its product would take 9.8 GiB, more than 1 GiB")
    checks = (
        Check("evaluation", "x: 2x4", "float64", 3e-16, 4e-15, 0.0),
        Check("training", "x: 3x4", "float64", skipped="it would take about 9 s more"),
    )
    return Report(
        (*blocks, head),
        Verification(checks),
        (("encoder.0.gru", "it is packed"), ("encoder.1.gru", "it is packed")),
        ("model.py:41: x.view(2, 6)",),
        3.21,
    )


def test_the_report_in_words() -> None:
    assert (
        str(report())
        == """\
25 layers spelled out: 13 linear, 12 conv

layer                  was                  shapes              largest  error
blocks.0-11.qkv   12x  linear               2x4 → 2x8             256 B  1e-15
blocks.0-11.conv  12x  conv 3x3, padding 1  2x3x8x8 → 2x6x8x8   441 MiB      -
head                   linear               2x4 → 2x50257      1.53 MiB  3e-16

in another style than asked for:
  head: einsum: its product would take 9.8 GiB, more than 1 GiB

left as they were:
  encoder.0-1.gru: it is packed

sizes that the model's own control flow fixes:
  model.py:41: x.view(2, 6)

equal to the original
  evaluation  float64   x: 2x4: outputs within 3e-16, gradients within 4e-15, buffers equal
  training    float64   x: 3x4: left out, it would take about 9 s more"""
    )


def test_nothing_to_report() -> None:
    assert str(Report((), None, (), (), 0.1)) == "no layer to spell out"
    assert Report((linear("head"),), None, (), (), 0.1).headline == "1 layer spelled out: 1 linear"


def test_a_report_fits_its_width() -> None:
    long = linear("features.transition.norm_block.a_module_with_a_long_name.convolution_one")
    text = Report((long, *report().layers), None, (), (), 1.0).text(width=80)
    rows = text.split("\n\n")[1].splitlines()
    assert all(len(line) <= 80 for line in rows)
    joined = "".join(line.split("  ")[0].strip() for line in rows[1:4])
    assert "features.transition." in joined


def test_the_report_as_plain_values() -> None:
    found = json.loads(json.dumps(report().to_dict()))
    assert len(found["layers"]) == 25
    assert found["layers"][1]["name"] == "blocks.0.conv"
    assert found["layers"][1]["shapes"] == [[2, 3, 8, 8], [2, 6, 8, 8]]
    assert found["verification"]["ok"] is True
    assert found["declined"][0] == {"name": "encoder.0.gru", "reason": "it is packed"}
    assert found["fixed_sizes"] == ["model.py:41: x.view(2, 6)"]


class Text(HTMLParser):
    """What a reader of the page sees, and which tags are open at the end."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.open: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.seen.append(data)


def test_the_page_says_what_the_text_says() -> None:
    page = Text(report().to_html("import torch\n", "Net"))
    seen = "".join(page.seen)
    assert page.open == []
    for said in (
        "25 layers spelled out: 13 linear, 12 conv",
        "Equal to the original.",
        "blocks.0-11.conv",
        "blocks.7.conv",
        "2x3x8x8 → 2x6x8x8",
        "441 MiB",
        "einsum: its product would take 9.8 GiB, more than 1 GiB",
        "it is packed",
        "model.py:41: x.view(2, 6)",
        "left out, it would take about 9 s more",
        "import torch",
    ):
        assert said in seen, said


def test_names_from_a_model_never_become_markup() -> None:
    evil = "<script>alert(1)</script>"
    row = LayerRow(evil, evil, evil, ((1,),), 4, None, evil, evil)
    failed = Verification(structure=(), checks=(Check("evaluation", evil, evil, skipped=evil),))
    page = Text(
        Report((row,), failed, ((evil, evil),), (evil,), 1.0).to_html(f"x = '{evil}'", evil)
    )
    assert "script" not in page.tags
    assert "".join(page.seen).count(evil) >= 8


def test_a_page_without_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(UsageError) as caught:
        report().to_html()
    assert str(caught.value) == (
        "The page needs jinja2 and pygments, and jinja2 is not installed.\n"
        "Install them: pip install 'unfoldify[html]'"
    )


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["a.0.b", "a.1.b", "a.2.b"], ["a.0-2.b"]),
        (["a.0.b", "a.2.b", "a.4.b"], ["a.0,2,4.b"]),
        (["a.0.0", "a.0.1", "a.1.0", "a.1.1"], ["a.0-1.0-1"]),
        (["a.0.0", "a.0.1", "a.1.0"], ["a.0.0-1", "a.1.0"]),
        (["a.0.b", "c", "a.0.d"], ["a.0.b", "c", "a.0.d"]),
        (["0", "1", "x.0"], ["0-1", "x.0"]),
        (["same", "same"], ["same"]),
        (["layer1.0", "layer2.0"], ["layer1.0", "layer2.0"]),
        ([""], [""]),
    ],
)
def test_names_fold_where_only_numbers_differ(names: list[str], wanted: list[str]) -> None:
    found = folded([(name, "same", name) for name in names])
    assert [name for name, _ in found] == wanted
    assert sorted(value for _, values in found for value in values) == sorted(names)


def test_what_differs_otherwise_does_not_fold() -> None:
    assert [n for n, _ in folded([("a.0", 1, "x"), ("a.1", 2, "y")])] == ["a.0", "a.1"]


def test_numbers_in_short() -> None:
    assert ranges({3}) == "3"
    assert ranges({0, 1}) == "0-1"
    assert ranges({0, 1, 5, 6, 7}) == "0,1,5-7"
    assert ranges({2, 4, 6, 8, 10, 12}) == "2,4,..,12"


def test_shapes_in_words() -> None:
    def spelled(*shapes: tuple[int, ...]) -> str:
        return shapes_in_words(LayerRow("a", "linear", "", shapes, 4, None, "product"))

    assert spelled((2, 4), (8, 4), (8,), (2, 8)) == "2x4, 8x4, 8 → 2x8"
    assert spelled((3,), (3,), ()) == "3, 3 → ()"
    assert spelled((2, 8)) == "2x8"
    assert spelled() == ""


def test_errors_in_words() -> None:
    assert [error_in_words(e) for e in (None, 0.0, 3.2e-16)] == ["-", "0", "3e-16"]


def test_a_table_wraps_its_widest_cells() -> None:
    rows = [("a.long.name", "one, two, three", "12")]
    assert (
        table(("layer", "was", "n"), rows, right=(2,), width=22)
        == """\
layer     was        n
a.long.   one,      12
name      two,
          three"""
    )
