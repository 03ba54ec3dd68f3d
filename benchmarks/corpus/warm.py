"""What every process of a run would import anyway: imported once, by the server that forks them."""

import importlib
import os
import warnings
from contextlib import suppress

import torch

from benchmarks.corpus.binaries import stand_in

warnings.simplefilter("ignore")
torch.set_num_threads(1)
stand_in()
for package in ("unfoldify.pipeline", *os.environ.get("CORPUS_PACKAGES", "").split(",")):
    with suppress(Exception):  # whoever needs it will say why it cannot be imported
        importlib.import_module(package)
