"""Which code of a call stack is machinery, with no words for a reader in it."""

from __future__ import annotations

import sys
from functools import lru_cache
from pathlib import Path

import einops
import torch
import torch.nn.utils.parametrizations

from unfoldify.recording.source import is_of_a_rule

LIBRARIES = (
    *(f"{folder}/" for folder in (*torch.__path__, *einops.__path__)),
    "<frozen",
    "<string>",
)
# the function `spectral_norm` hides the module of its name
MAKES_WEIGHTS = frozenset(
    str(sys.modules[f"torch.nn.utils.{name}"].__file__)
    for name in ("spectral_norm", "parametrizations")
)
WRITTEN_LIKE_A_USERS = MAKES_WEIGHTS | {str(torch.nn.modules.transformer.__file__)}
OWN = f"{Path(__file__).parents[1]}/"


@lru_cache(maxsize=4096)
def is_machinery(filename: str) -> bool:
    """Whether a file is torch's, einops' or the recorder's own: no words for a reader in there.

    The forwards of nn.Transformer and its layers, and what makes a weight, are written like a user's.
    """
    if filename in WRITTEN_LIKE_A_USERS:
        return False
    return (
        filename.startswith(LIBRARIES)
        or (filename.startswith(OWN) and not is_of_a_rule(filename))
        or filename.endswith(("/contextlib.py", "/functools.py"))
    )
