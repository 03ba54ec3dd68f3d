"""pytorch-tabnet: its networks for tables."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch

from benchmarks.corpus.case import Built, Case


def cases() -> Iterator[Case]:
    for kind in ("sparsemax", "entmax"):
        yield Case("tabnet", kind, partial(_tabnet, kind))
    yield Case("tabnet", "pretraining", _pretraining)


def _tabnet(mask_type: str) -> Built:
    from pytorch_tabnet.tab_network import TabNet

    model = TabNet(
        6,
        3,
        n_d=4,
        n_a=4,
        n_steps=2,
        cat_idxs=[1],
        cat_dims=[5],
        cat_emb_dim=[2],
        virtual_batch_size=4,
        mask_type=mask_type,
        group_attention_matrix=torch.eye(6),
    )
    table = torch.cat([torch.randn(8, 1), torch.randint(0, 5, (8, 1)), torch.randn(8, 4)], dim=1)
    return Built(model, (table,))


def _pretraining() -> Built:
    from pytorch_tabnet.tab_network import TabNetPretraining

    model = TabNetPretraining(
        6, pretraining_ratio=0.3, n_d=4, n_a=4, n_steps=2, group_attention_matrix=torch.eye(6)
    )
    return Built(model, (torch.randn(8, 6),))
