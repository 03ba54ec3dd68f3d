"""The report as one page that needs nothing beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unfoldify.errors import UsageError
from unfoldify.memory import format_bytes
from unfoldify.reporting.rows import error_in_words, shapes_in_words

if TYPE_CHECKING:
    from unfoldify.reporting.report import Report

_MISSING = (
    "The page needs jinja2 and pygments, and {name} is not installed.\n"
    "Install them: pip install 'unfoldify[html]'"
)


def page(report: Report, source: str = "", title: str = "") -> str:
    """The page: verdict, layers with repeated blocks folded, what stayed, and the emitted file.

    Names and reasons come from the user's model: all of them are escaped.
    """
    try:
        import jinja2
        import pygments  # type: ignore[import-untyped]
        from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
        from pygments.lexers import PythonLexer  # type: ignore[import-untyped]
    except ImportError as error:
        raise UsageError(_MISSING.format(name=error.name)) from error
    loader = jinja2.PackageLoader("unfoldify.reporting", "templates")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    formatter = HtmlFormatter(cssclass="code")
    return environment.get_template("report.html").render(
        report=report,
        title=title or "unfoldify",
        code=pygments.highlight(source, PythonLexer(), formatter) if source else "",
        code_style=formatter.get_style_defs(".code") if source else "",
        bytes=format_bytes,
        error=error_in_words,
        shapes=shapes_in_words,
    )
