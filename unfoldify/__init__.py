"""Rewrites PyTorch models as readable source with every contraction spelled out.

The public names are imported when they are first used, so that `unfoldify --help` answers
without importing torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = [
    "CaptureError",
    "LoadError",
    "Report",
    "Result",
    "UnfoldifyError",
    "UsageError",
    "Verification",
    "VerificationError",
    "functional",
    "transform",
    "unfoldify",
    "verify",
]

if TYPE_CHECKING:
    from unfoldify import functional
    from unfoldify.errors import (
        CaptureError,
        LoadError,
        UnfoldifyError,
        UsageError,
        VerificationError,
    )
    from unfoldify.graphs.transform import transform
    from unfoldify.pipeline import Result, unfoldify
    from unfoldify.reporting.report import Report
    from unfoldify.verification.verify import Verification, verify

_HOMES = {
    "CaptureError": "errors",
    "LoadError": "errors",
    "Report": "reporting.report",
    "Result": "pipeline",
    "UnfoldifyError": "errors",
    "UsageError": "errors",
    "Verification": "verification.verify",
    "VerificationError": "errors",
    "transform": "graphs.transform",
    "unfoldify": "pipeline",
    "verify": "verification.verify",
}


def __getattr__(name: str) -> Any:
    if name == "functional":
        return import_module("unfoldify.functional")
    if name not in _HOMES:
        raise AttributeError(f"module 'unfoldify' has no attribute {name!r}")
    value = getattr(import_module(f"unfoldify.{_HOMES[name]}"), name)
    globals()[name] = value  # the next use does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
