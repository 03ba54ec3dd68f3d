"""The command's work, from options to exit code: load → unfoldify → write → say what was done."""

from __future__ import annotations

import argparse
import shlex
import sys
import traceback
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from unfoldify.blame import fact, users_line
from unfoldify.command.outputs import Places, as_json, check_not_the_original, places, write_outputs
from unfoldify.command.progress import progress_bar
from unfoldify.errors import (
    DefectError,
    LoadError,
    UnfoldifyError,
    UsageError,
    VerificationError,
)
from unfoldify.loading.inputs import parse_inputs
from unfoldify.loading.load import Loaded, load
from unfoldify.loading.target import parse_target
from unfoldify.loading.weights import load_weights
from unfoldify.memory import parse_bytes


def run(options: argparse.Namespace, words: Sequence[str]) -> int:
    """Does what the options ask, and turns every error into its message and exit code."""
    try:
        _run(options, words)
        return 0
    except UnfoldifyError as error:
        return _fail(error, error, options)
    except Exception as error:
        return _fail(DefectError(_defect(error)), error, options)


def _fail(error: UnfoldifyError, raised: Exception, options: argparse.Namespace) -> int:
    if options.traceback:
        traceback.print_exception(raised)
    print(f"unfoldify: {error}", file=sys.stderr)
    if isinstance(error, VerificationError):
        _say_what_differs(error, options)
    return error.exit_code


def _run(options: argparse.Namespace, words: Sequence[str]) -> None:
    target = parse_target(options.target, options.class_name)
    inputs = parse_inputs(options.inputs)
    parse_bytes(options.max_intermediate)
    where = places(options, target)
    with redirect_stdout(sys.stderr):  # standard output is ours; what the user's code prints is not
        loaded = load(target, inputs, seed=options.seed, options=_other_words(options, words))
        check_not_the_original(where, loaded.path)
        if options.weights:
            load_weights(loaded.model, Path(options.weights))
        result = _unfoldify(loaded, options)
    written = write_outputs(result, where, options, target)
    _show(result, where, written, loaded, options)


def _unfoldify(loaded: Loaded, options: argparse.Namespace) -> Any:
    """The pipeline, with a bar; a model that cannot even run is said to be that."""
    from unfoldify import pipeline

    try:
        with progress_bar(not options.quiet) as progress, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the model runs more often than the user asked for
            return pipeline.unfoldify(
                loaded.model,
                loaded.args,
                loaded.kwargs,
                style=options.style,
                dialect=options.dialect,
                max_intermediate=options.max_intermediate,
                only=_split(options.only),
                skip=_split(options.skip),
                also=_split(options.also),
                layout=options.layout,
                shapes=options.shapes,
                check=True,
                source_path=loaded.path,
                progress=progress,
            )
    except (VerificationError, UsageError, LoadError):
        raise
    except Exception:
        _check_that_it_runs(loaded)
        raise


def _check_that_it_runs(loaded: Loaded) -> None:
    from unfoldify.preserve import preserved
    from unfoldify.recording.exits import exits_seen

    try:
        with preserved(loaded.model), exits_seen():
            loaded.model(*loaded.args, **loaded.kwargs)
    except Exception as error:
        where = users_line(error, loaded.path)
        raise LoadError(
            (f"{where}\n  " if where else "")
            + f"{fact(error)}\n"
            + f"{loaded.taken} itself does not run with these inputs: {_described(loaded)}.\n"
            "Give others with --input, or mend get_inputs() of the file."
        ) from error


def _defect(error: Exception) -> str:
    where = users_line(error, None)
    return (
        (f"{where}\n  " if where else "")
        + f"{fact(error)}\nunfoldify itself failed on this model, and wrote nothing. "
        "Please report what --traceback shows."
    )


def _described(loaded: Loaded) -> str:
    """ "2x3x32x32 float32, mask=2x16 bool": the arguments of the example."""
    values = [("", value) for value in loaded.args]
    values += [(f"{name}=", value) for name, value in loaded.kwargs.items()]
    return ", ".join(name + _short(value) for name, value in values) or "none"


def _short(value: Any) -> str:
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        sizes = "x".join(map(str, value.shape)) or "scalar"
        return f"{sizes} {str(value.dtype).removeprefix('torch.')}"
    text = repr(value)
    return text if len(text) <= 40 else type(value).__name__


def _show(
    result: Any, where: Places, written: str, loaded: Loaded, options: argparse.Namespace
) -> None:
    """The differences, the verification and the table, and what was written."""
    if where.printed == "diff":
        from unfoldify.command.diff import show_difference

        show_difference(loaded.model, result.source)
    if not options.quiet:
        print(f"{result.report}\n{written}", file=sys.stderr if where.printed else sys.stdout)


def _say_what_differs(error: VerificationError, options: argparse.Namespace) -> None:
    report = getattr(error.result, "report", None)
    if report is not None and options.json == "-":
        print(as_json(report, options, None))
    if report is not None and not options.quiet:
        print(report, file=sys.stderr)
    print("No file was written.", file=sys.stderr)


def _split(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(word.strip() for value in values for word in value.split(",") if word.strip())


def _other_words(options: argparse.Namespace, words: Sequence[str]) -> str:
    """The command without its target and `--class`, for the commands that messages suggest."""
    rest = list(words)
    rest.remove(options.target)
    for index, word in enumerate(rest):
        if word == "--class":
            del rest[index : index + 2]
            break
        if word.startswith("--class="):
            del rest[index]
            break
    return shlex.join(rest)
