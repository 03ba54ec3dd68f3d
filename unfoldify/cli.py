"""The command line: options in, exit code out. Imports torch only when there is work to do."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from unfoldify import __version__

EPILOG = """\
examples:
  unfoldify model.py                                   writes model_unfolded.py
  unfoldify model.py:Net --input 1,3,224,224
  unfoldify model.py --input 'tokens=2,16:int64<101' --style einsum
  unfoldify package.module:make_net -o - --only 'encoder.*' --skip attention

exit codes:
  0  verified: equal to the original in outputs and gradients
  1  not equal; nothing was written
  2  wrong use, or a model or inputs that cannot be loaded
  3  this model cannot be captured; nothing was written
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and answers with its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    options = parser().parse_args(words)

    from unfoldify.command.work import run

    try:
        return run(options, words)
    except KeyboardInterrupt:
        print("\nunfoldify: interrupted; nothing was written.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def parser() -> argparse.ArgumentParser:
    """Every option, in the groups of `--help`."""
    top = argparse.ArgumentParser(
        prog="unfoldify",
        usage="unfoldify TARGET [options]",
        description="Rewrites a PyTorch model as readable source with every contraction\n"
        "spelled out, and verifies the result against the original.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument(
        "target",
        metavar="TARGET",
        help="model.py, model.py:Net, model.py:make_net or package.module:name "
        "(a class, an instance or a function that returns a model)",
    )
    top.add_argument(
        "--version", action="version", version=f"unfoldify {__version__}", help="the version"
    )
    _add_model_options(top.add_argument_group("the model and its inputs"))
    _add_form_options(top.add_argument_group("what is written"))
    _add_output_options(top.add_argument_group("where it goes"))
    return top


def _add_model_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--class", dest="class_name", metavar="NAME", help="another way to write TARGET:NAME"
    )
    group.add_argument(
        "--input",
        dest="inputs",
        metavar="SHAPE",
        action="append",
        default=[],
        help="SHAPE[:dtype][<high], as in 1,3,224,224 or 'tokens=2,16:int64<101'; name:=VALUE for "
        "a Python value; repeatable (default: get_inputs() or example_inputs of the file)",
    )
    group.add_argument("--weights", metavar="FILE", help="a state dict: .pt or .safetensors")
    group.add_argument(
        "--seed", type=int, default=0, help="set before the model and its inputs are made (0)"
    )


def _add_form_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--style",
        choices=("product", "einsum"),
        default="product",
        help="contractions as a multiplication and a sum, or as einsum (default: product)",
    )
    group.add_argument(
        "--dialect",
        choices=("einops", "torch"),
        default="einops",
        help="rearrange with named axes, or view and permute (default: einops)",
    )
    group.add_argument(
        "--layout",
        choices=("inline", "functions", "patch"),
        default="inline",
        help="a file of its own, each layer spelled out where it is used; or each kind of layer "
        "once, as a function; or your own file with only the necessary lines changed "
        "(default: inline)",
    )
    for option, what in (("--only", "rewrite nothing but these"), ("--skip", "leave these")):
        group.add_argument(
            option,
            metavar="LAYERS",
            action="append",
            default=[],
            help=f"{what}: names with wildcards ('encoder.*') or kinds (conv, attention); "
            "repeatable, or with commas",
        )
    group.add_argument(
        "--also",
        metavar="KINDS",
        action="append",
        default=[],
        help="rewrite these too: pooling, norm, fold, shuffle, ...",
    )
    group.add_argument(
        "--max-intermediate",
        metavar="SIZE",
        default="1GiB",
        help="a product larger than this is written as einsum (default: 1GiB)",
    )
    group.add_argument(
        "--shapes", action="store_true", help="a comment with the shape of the example on each line"
    )


def _add_output_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="instead of NAME_unfolded.py in this folder; - for standard output",
    )
    group.add_argument("--check", action="store_true", help="verify, and write no file")
    group.add_argument("--diff", action="store_true", help="show original and result side by side")
    group.add_argument("--html", metavar="FILE", help="the report as a page")
    group.add_argument("--json", metavar="FILE", help="the report as JSON; - for standard output")
    group.add_argument("--quiet", action="store_true", help="say nothing but errors")
    group.add_argument(
        "--traceback", action="store_true", help="with an error, show where it was raised"
    )
