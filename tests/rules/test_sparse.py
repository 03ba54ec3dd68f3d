"""A product with a sparse operand stays torch's; one of dense operands is written out beside it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import unfoldify


class Graph(nn.Module):
    """A layer of a graph network: what a node's neighbours hold, weighted and summed."""

    def __init__(self, product: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.product = product
        self.fc = nn.Linear(3, 2)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        return self.product(adjacency, self.fc(x))


PRODUCTS = {
    "mm": torch.spmm,
    "matmul": torch.matmul,
    "@": lambda a, b: a @ b,
    "mv": lambda a, b: torch.mv(a, b[:, 0]),
    "addmm": lambda a, b: torch.addmm(b, a, b),
}
LAYOUTS = {"coo": torch.sparse_coo, "csr": torch.sparse_csr}


def adjacency() -> Tensor:
    return torch.randn(4, 4, generator=torch.Generator().manual_seed(0)).relu()


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta")
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("product", PRODUCTS)
def test_a_sparse_operand_leaves_the_call(product: str, layout: str) -> None:
    given = adjacency().to_sparse(layout=LAYOUTS[layout])
    result = unfoldify.unfoldify(Graph(PRODUCTS[product]), (torch.randn(4, 3), given))
    ((name, reason),) = result.report.declined
    assert name in ("matmul", product)
    assert reason == "an operand is sparse, and spelled out it would be dense"
    assert [row.name for row in result.report.layers] == ["fc"]


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_dense_operand_does_not(product: str) -> None:
    result = unfoldify.unfoldify(Graph(PRODUCTS[product]), (torch.randn(4, 3), adjacency()))
    assert result.report.declined == ()
    assert len(result.report.layers) == 2


def test_a_graph_of_torch_fx_keeps_it_too() -> None:
    given = (torch.randn(4, 3), adjacency().to_sparse())
    graph = torch.fx.symbolic_trace(Graph(torch.spmm))
    result = unfoldify.transform(graph, given)
    (declined,) = result.meta["unfoldify"].declined
    assert declined.reason == "an operand is sparse, and spelled out it would be dense"
    torch.testing.assert_close(result(*given), graph(*given))
