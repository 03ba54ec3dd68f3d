"""The command around a pipeline that does what the test says: options, files, messages, codes."""

from __future__ import annotations

import json
import os
import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import unfoldify
from unfoldify.cli import main, parser
from unfoldify.errors import CaptureError, VerificationError

NET = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 4)

    def forward(self, x):
        return self.fc(x)


def get_inputs():
    return [torch.randn(2, 3)]
"""


class Report:
    def __str__(self) -> str:
        return "VERIFIED\nTABLE"

    def to_dict(self) -> dict[str, Any]:
        return {"verified": True}

    def to_html(self, source: str, title: str) -> str:
        return f"<p>{title}: größer</p>{source}"


class Result:
    """What the pipeline of a test returns."""

    source = 'class Net:\n    """größer"""\n'
    report = Report()

    def __init__(self, beside: dict[str, bytes] | None = None) -> None:
        self.beside = beside or {}

    def save(self, path: str | Path) -> None:
        Path(path).write_text(self.source, encoding="utf-8")
        for name, content in self.beside.items():
            Path(path).with_name(name).write_bytes(content)


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch, user_file: Callable[..., Path]) -> SimpleNamespace:
    """Stands for the pipeline: `.calls` it was given, `.answer` to return, to raise or to call."""
    user_file("model.py", NET)
    fake = SimpleNamespace(calls=[], answer=Result())

    def unfold(model: Any, args: Any, kwargs: Any, **options: Any) -> Any:
        fake.calls.append((model, args, kwargs, options))
        if isinstance(fake.answer, Exception):
            raise fake.answer
        return fake.answer() if callable(fake.answer) else fake.answer

    fake.unfoldify = unfold
    monkeypatch.setattr(unfoldify, "pipeline", fake, raising=False)
    return fake


Printed = pytest.CaptureFixture[str]


def files() -> set[str]:
    return {str(path) for path in Path().rglob("*") if path.is_file() and path.suffix != ".pyc"}


# success


def test_writes_beside_the_user_and_says_what_was_verified(
    pipeline: SimpleNamespace, capsys: Printed
) -> None:
    assert main(["model.py"]) == 0
    assert capsys.readouterr() == ("VERIFIED\nTABLE\nWrote model_unfolded.py.\n", "")
    assert Path("model_unfolded.py").read_text(encoding="utf-8") == Result.source
    assert files() == {"model.py", "model_unfolded.py"}


def test_the_pipeline_is_given_model_inputs_and_options(pipeline: SimpleNamespace) -> None:
    words = (
        "--style einsum --dialect torch --layout patch --only a.*,conv --only b --skip attention"
    )
    words += " --also pooling,norm --max-intermediate 2MiB --shapes"
    assert main(["model.py:Net", *words.split()]) == 0
    (model, args, kwargs, options) = pipeline.calls[0]
    assert type(model).__name__ == "Net"
    assert (args[0].shape, kwargs) == ((2, 3), {})
    assert options == {
        "style": "einsum",
        "dialect": "torch",
        "layout": "patch",
        "only": ("a.*", "conv", "b"),
        "skip": ("attention",),
        "also": ("pooling", "norm"),
        "max_intermediate": "2MiB",
        "shapes": True,
        "check": True,
        "source_path": Path("model.py").resolve(),
        "progress": None,
    }


def test_defaults_are_those_of_the_library(pipeline: SimpleNamespace) -> None:
    main(["model.py"])
    options = pipeline.calls[0][3]
    del options["source_path"]
    assert options == {
        "style": "product",
        "dialect": "einops",
        "layout": "inline",
        "only": (),
        "skip": (),
        "also": (),
        "max_intermediate": "1GiB",
        "shapes": False,
        "check": True,
        "progress": None,
    }


def test_input_and_seed(pipeline: SimpleNamespace) -> None:
    import torch

    main(["model.py", "--input", "x=5,3", "--seed", "7"])
    main(["model.py", "--input", "x=5,3", "--seed", "7"])
    (first, _, kwargs, _), (second, *_) = pipeline.calls
    assert kwargs["x"].shape == (5, 3)
    assert torch.equal(first.fc.weight, second.fc.weight)


def test_weights(pipeline: SimpleNamespace) -> None:
    import torch

    torch.save({"fc.weight": torch.full((4, 3), 7.0), "fc.bias": torch.zeros(4)}, "w.pt")
    assert main(["model.py", "--weights", "w.pt"]) == 0
    assert pipeline.calls[0][0].fc.weight.unique().tolist() == [7.0]


def test_output_may_be_a_file_or_a_folder(pipeline: SimpleNamespace, capsys: Printed) -> None:
    Path("out").mkdir()
    assert main(["model.py", "-o", "out/net.py"]) == 0
    assert main(["model.py", "-o", "out"]) == 0
    assert capsys.readouterr().out.splitlines()[2::3] == [
        "Wrote out/net.py.",
        "Wrote out/model_unfolded.py.",
    ]
    assert files() == {"model.py", "out/net.py", "out/model_unfolded.py"}


def test_standard_output_is_the_file_alone(pipeline: SimpleNamespace, capsys: Printed) -> None:
    Path("model.py").write_text(NET + "print('training ...')\n")
    assert main(["model.py", "-o", "-"]) == 0
    assert capsys.readouterr() == (
        Result.source,
        "training ...\nVERIFIED\nTABLE\nNo file was written.\n",
    )
    assert files() == {"model.py"}


def test_constants_come_with_the_file(pipeline: SimpleNamespace, capsys: Printed) -> None:
    pipeline.answer = Result({"model_unfolded.safetensors": b"new"})
    Path("model_unfolded.safetensors").write_bytes(b"old")
    assert main(["model.py"]) == 0
    assert Path("model_unfolded.safetensors").read_bytes() == b"new"
    assert capsys.readouterr().out.endswith(
        "Wrote model_unfolded.safetensors, model_unfolded.py.\n"
    )


def test_constants_do_not_fit_in_standard_output(
    pipeline: SimpleNamespace, capsys: Printed
) -> None:
    pipeline.answer = Result({"model_unfolded.safetensors": b"new"})
    assert main(["model.py", "-o", "-"]) == 2
    assert capsys.readouterr() == (
        "",
        "unfoldify: This model has constants that are too large for a source file: "
        "model_unfolded.safetensors would have to stand beside it.\n"
        "Write to a file: -o model_unfolded.py\n",
    )


def test_check_writes_nothing(pipeline: SimpleNamespace, capsys: Printed) -> None:
    assert main(["model.py", "--check", "-o", "other.py"]) == 0
    assert capsys.readouterr().out == "VERIFIED\nTABLE\nNo file was written.\n"
    assert files() == {"model.py"}


def test_quiet(pipeline: SimpleNamespace, capsys: Printed) -> None:
    assert main(["model.py", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert files() == {"model.py", "model_unfolded.py"}


def test_reports(pipeline: SimpleNamespace, capsys: Printed) -> None:
    assert main(["model.py", "--html", "r.html", "--json", "r.json"]) == 0
    page = Path("r.html").read_text(encoding="utf-8")
    assert page == f"<p>model.py: größer</p>{Result.source}"
    assert json.loads(Path("r.json").read_text()) == {
        "unfoldify": unfoldify.__version__,
        "target": "model.py",
        "written": "model_unfolded.py",
        "verified": True,
    }
    assert capsys.readouterr().out.endswith("Wrote model_unfolded.py, r.html, r.json.\n")


def test_json_on_standard_output(pipeline: SimpleNamespace, capsys: Printed) -> None:
    assert main(["model.py", "--json", "-", "--check"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["written"] is None
    assert err == "VERIFIED\nTABLE\nNo file was written.\n"


def test_diff_shows_both_sides(pipeline: SimpleNamespace, capsys: Printed) -> None:
    pipeline.answer.source = NET.replace("return self.fc(x)", "return x @ self.fc.weight.T")
    assert main(["model.py", "--diff"]) == 0
    out, err = capsys.readouterr()
    assert "│ return self.fc(x) │ return x @ self.fc.weight.T │" in out
    assert err == "VERIFIED\nTABLE\nWrote model_unfolded.py.\n"


def test_existing_file_is_replaced(pipeline: SimpleNamespace) -> None:
    Path("model_unfolded.py").write_text("old")
    assert main(["model.py"]) == 0
    assert Path("model_unfolded.py").read_text(encoding="utf-8") == Result.source


def test_a_link_is_followed(pipeline: SimpleNamespace) -> None:
    Path("model_unfolded.py").symlink_to("real.py")
    Path("real.py").write_text("old")
    assert main(["model.py"]) == 0
    assert Path("model_unfolded.py").is_symlink()
    assert Path("real.py").read_text(encoding="utf-8") == Result.source


def test_a_write_that_breaks_off_leaves_the_old_file(
    pipeline: SimpleNamespace, capsys: Printed
) -> None:
    class Broken(Result):
        def save(self, path: str | Path) -> None:
            Path(path).write_text("half a fi")
            raise OSError(28, "No space left on device")

    pipeline.answer = Broken()
    Path("model_unfolded.py").write_text("old")
    assert main(["model.py"]) == 2
    assert Path("model_unfolded.py").read_text() == "old"
    assert files() == {"model.py", "model_unfolded.py"}
    assert capsys.readouterr().err == (
        "unfoldify: model_unfolded.py cannot be written: [Errno 28] No space left on device\n"
    )


def test_warnings_of_the_loading_are_heard_and_those_of_the_runs_are_not(
    pipeline: SimpleNamespace, recwarn: pytest.WarningsRecorder
) -> None:
    def work() -> Result:
        warnings.warn("once for each run", stacklevel=1)
        return Result()

    Path("model.py").write_text(NET + "import warnings\nwarnings.warn('once')\n")
    pipeline.answer = work
    assert main(["model.py"]) == 0
    assert [str(warning.message) for warning in recwarn] == ["once"]


# failure


@pytest.fixture
def old(pipeline: SimpleNamespace) -> None:
    for name in ("model_unfolded.py", "r.html", "r.json"):
        Path(name).write_text("old")


OLD = ["model.py", "--html", "r.html", "--json", "r.json"]


def nothing_was_written() -> bool:
    untouched = all(Path(name).read_text() == "old" for name in files() - {"model.py"})
    return untouched and files() == {"model.py", "model_unfolded.py", "r.html", "r.json"}


@pytest.mark.usefixtures("old")
def test_not_equal(pipeline: SimpleNamespace, capsys: Printed) -> None:
    pipeline.answer = VerificationError("Net: fc differs first", Result())
    assert main(OLD) == 1
    assert capsys.readouterr() == (
        "",
        "unfoldify: Net: fc differs first\nVERIFIED\nTABLE\nNo file was written.\n",
    )
    assert nothing_was_written()


@pytest.mark.usefixtures("old")
def test_not_equal_as_json(pipeline: SimpleNamespace, capsys: Printed) -> None:
    pipeline.answer = VerificationError("Net: fc differs first", Result())
    assert main(["model.py", "--json", "-", "--quiet"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["written"] is None
    assert err == "unfoldify: Net: fc differs first\nNo file was written.\n"
    assert nothing_was_written()


@pytest.mark.usefixtures("old")
def test_not_captured(pipeline: SimpleNamespace, capsys: Printed) -> None:
    pipeline.answer = CaptureError("model.py:12: `return self.fc(x)`\n  cannot be recorded")
    assert main(OLD) == 3
    assert capsys.readouterr() == (
        "",
        "unfoldify: model.py:12: `return self.fc(x)`\n  cannot be recorded\n",
    )
    assert nothing_was_written()


@pytest.mark.usefixtures("old")
def test_a_defect_of_the_tool(pipeline: SimpleNamespace, capsys: Printed) -> None:
    pipeline.answer = KeyError("node_7")
    assert main(OLD) == 3
    where, *rest = capsys.readouterr().err.split("\n")
    assert re.fullmatch(r"unfoldify: .*test_cli\.py:\d+: `raise fake\.answer`", where)
    assert rest == [
        "  KeyError: 'node_7'",
        "unfoldify itself failed on this model, and wrote nothing. "
        "Please report what --traceback shows.",
        "",
    ]
    assert nothing_was_written()


@pytest.mark.usefixtures("old")
@pytest.mark.parametrize("raised", [CaptureError("cannot be recorded"), RuntimeError("shapes")])
def test_a_model_that_does_not_run(
    pipeline: SimpleNamespace, capsys: Printed, raised: Exception
) -> None:
    pipeline.answer = raised
    assert main(["model.py", "--input", "2,5"]) == 2
    assert capsys.readouterr().err == (
        "unfoldify: model.py:11: `return self.fc(x)`\n"
        "  RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x5 and 3x4)\n"
        "Net() of model.py itself does not run with these inputs: 2x5 float32.\n"
        "Give others with --input, or mend get_inputs() of the file.\n"
    )
    assert nothing_was_written()


def test_values_are_described(pipeline: SimpleNamespace, capsys: Printed) -> None:
    Path("model.py").write_text(NET.replace("self, x)", "self, x, y=0, *, z=0)"))
    pipeline.answer = RuntimeError("shapes")
    assert main(["model.py", "--input", "():bool", "--input", "y:='a'", "--input", "z=2:int8"]) == 2
    assert "itself does not run with these inputs: scalar bool, y='a', z=2 int8.\n" in (
        capsys.readouterr().err
    )


def test_traceback_on_request(pipeline: SimpleNamespace, capsys: Printed) -> None:
    pipeline.answer = KeyError("node_7")
    main(["model.py"])
    assert "Traceback" not in capsys.readouterr().err
    assert main(["model.py", "--traceback"]) == 3
    err = capsys.readouterr().err
    assert err.startswith("Traceback (most recent call last):\n")
    assert 'tests/command/test_cli.py", line ' in err
    assert re.search(r"\nKeyError: 'node_7'\nunfoldify: .*\n  KeyError: 'node_7'\n", err)


def test_interruption(pipeline: SimpleNamespace, capsys: Printed) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    pipeline.answer = stop
    assert main(["model.py"]) == 130
    assert capsys.readouterr().err == "\nunfoldify: interrupted; nothing was written.\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing.py"], "nothing.py: no such file."),
        (["model.py", "-o", "no/x.py"], "-o no/x.py: there is no folder no."),
        (["model.py", "--html", "no/x"], "--html no/x: there is no folder no."),
        (["model.py", "--json", "."], "--json .: this is a folder, and a file is wanted."),
        (
            ["model.py", "-o", "./model.py"],
            "model.py is the file of the original, which is never written over.\n"
            "Choose another name.",
        ),
        (
            ["model.py", "-o", "-", "--json", "-"],
            "-o - and --json - cannot share standard output.\nWrite one of them to a file.",
        ),
        (
            ["model.py", "--diff", "--json", "-"],
            "--json - and --diff cannot share standard output.\nWrite one of them to a file.",
        ),
        (
            ["model.py", "--max-intermediate", "lots"],
            "max_intermediate 'lots' is not an amount of memory.\n"
            "Write a number and a unit: 1GiB, 512MiB, 2GB, or plain bytes: 1073741824",
        ),
        (["model.py", "--weights", "w.pt"], "w.pt: no such file of weights."),
        (
            ["model.py:Nett", "--style=einsum", "--class=Nett"],
            "model.py has no Nett.\nIs it Net?   unfoldify model.py:Net --style=einsum",
        ),
        (
            ["model.py", "--class", "Nett", "-o", "a b.py"],
            "model.py has no Nett.\nIs it Net?   unfoldify model.py:Net -o 'a b.py'",
        ),
    ],
)
def test_wrong_use(
    pipeline: SimpleNamespace, capsys: Printed, words: list[str], message: str
) -> None:
    assert main(words) == 2
    assert capsys.readouterr() == ("", f"unfoldify: {message}\n")
    assert not pipeline.calls


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write anywhere")
def test_folder_that_takes_no_files(pipeline: SimpleNamespace, capsys: Printed) -> None:
    Path("locked").mkdir(mode=0o500)
    assert main(["model.py", "-o", "locked/x.py"]) == 2
    assert capsys.readouterr().err == (
        "unfoldify: -o locked/x.py: no permission to write in locked.\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "unfoldify: error: the following arguments are required: TARGET"),
        (
            ["model.py", "--style", "loops"],
            "unfoldify: error: argument --style: invalid choice: 'loops' "
            "(choose from 'product', 'einsum')",
        ),
        (["model.py", "--stile"], "unfoldify: error: unrecognized arguments: --stile"),
        (["model.py", "--seed", "x"], "unfoldify: error: argument --seed: invalid int value: 'x'"),
    ],
)
def test_options_that_do_not_parse(capsys: Printed, words: list[str], message: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    usage, error, _ = capsys.readouterr().err.split("\n")
    assert usage == "usage: unfoldify TARGET [options]"
    assert error.replace("product, einsum", "'product', 'einsum'") == message


def test_every_option_is_explained() -> None:
    for action in parser()._actions:
        assert action.help, action.option_strings


# progress


def test_bar_in_a_terminal(
    pipeline: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")

    def work() -> Result:
        say = pipeline.calls[-1][3]["progress"]
        say("recording", 0, 1)
        say("verifying", 1, 2)
        say("verifying", 2, 2)
        return Result()

    pipeline.answer = work
    assert main(["model.py"]) == 0
    assert "verifying" in capsys.readouterr().err
    pipeline.answer = Result()
    assert main(["model.py", "--quiet"]) == 0
    assert pipeline.calls[-1][3]["progress"] is None
