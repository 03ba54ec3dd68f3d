"""One class per way to fail; every error that the tool raises on purpose is an `UnfoldifyError`."""

from __future__ import annotations

from typing import Any


class UnfoldifyError(Exception):
    """The base: `exit_code` is what the command answers with."""

    exit_code = 2


class UsageError(UnfoldifyError):
    """The command or the call asks for something that does not exist or does not fit."""


class LoadError(UnfoldifyError):
    """The model, its weights or its inputs cannot be had from the user's file."""


class CaptureError(UnfoldifyError):
    """The model runs, but cannot be recorded."""

    exit_code = 3


class DefectError(UnfoldifyError):
    """The tool itself failed: an exception that nobody raised on purpose, made presentable."""

    exit_code = 3


class VerificationError(UnfoldifyError):
    """The rewritten model does not compute what the original does.

    `result` holds what would have been written, and its report.
    """

    exit_code = 1

    def __init__(self, message: str, result: Any = None) -> None:
        super().__init__(message)
        self.result = result
