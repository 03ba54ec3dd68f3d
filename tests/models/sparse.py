"""Sparse tensors, which models of graphs hold, make and multiply by."""

from __future__ import annotations

import torch
from torch import nn, randn

from tests.models.example import example

EDGES = torch.tensor([[0, 1, 2, 0, 3], [1, 2, 0, 0, 3]])


def adjacency(n=4):
    """Which node is beside which, and how much that counts."""
    return torch.sparse_coo_tensor(EDGES, torch.linspace(0.5, 1, 5), (n, n)).coalesce()


class Layer(nn.Module):
    """The layer that the others use."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 2)


@example(randn(4, 3), EDGES)
class AdjacencyMadeInForward(Layer):
    """Products with it stay calls, by whatever name; the layers beside them are written out."""

    def forward(self, x, edges):
        n = x.shape[0]
        adjacent = torch.sparse_coo_tensor(edges, torch.ones(edges.shape[1]), (n, n))
        degree = torch.sparse.sum(adjacent, dim=1).to_dense()[:, None]
        x = torch.spmm(adjacent, self.fc(x)) / (degree + 1)
        x = torch.matmul(adjacent, x) + adjacent @ x + adjacent.mm(x)
        return torch.addmm(x, adjacent, x) + adjacent.to_dense() @ x


@example(randn(4, 3), adjacency())
class AdjacencyGiven(Layer):
    def forward(self, x, adjacent):
        x = self.fc(x)
        adjacent = adjacent.to(x.device).coalesce()  # it is both
        return torch.spmm(adjacent, x) if adjacent.is_sparse else adjacent @ x


@example(adjacency(4), randn(4, 3), randn(4, 3))
class FeaturesGivenSparse(nn.Module):
    """A layer whose input is sparse: the layer stays a call, that of a dense input does not."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(randn(4, 2))
        self.fc, self.dense = nn.Linear(4, 2), nn.Linear(3, 2)

    def forward(self, x, y, z):
        return torch.mm(x, self.weight) + self.fc(x) + self.dense(y + z)


@example(randn(4, 3))
class SupportsInAttributes(Layer):
    """As DCRNN keeps them: small ones are numbers in the file, in each layout."""

    def __init__(self):
        super().__init__()
        self.supports = [torch.eye(4).to_sparse(), adjacency() * 2]
        self.rows = adjacency().to_dense().to_sparse_csr()
        self.twice = torch.sparse_coo_tensor(EDGES * 0, torch.ones(5), (4, 4))  # not coalesced

    def forward(self, x):
        for support in self.supports:
            x = x + torch.sparse.mm(support, x)
        values = self.supports[1].values().sum()
        return self.fc(self.rows @ x + torch.sparse.mm(self.twice, x)) * values


@example(randn(60, 3))
class LargeSupport(Layer):
    """Its indices and its values are in the side file."""

    def __init__(self):
        super().__init__()
        self.support = randn(60, 60).relu().to_sparse()
        self.rows = randn(60, 60).relu().to_sparse_csr()

    def forward(self, x):
        return self.fc(torch.sparse.mm(self.support, x) + self.rows @ x)


@example(randn(4, 3))
class SparseBuffers(Layer):
    """A state_dict carries them, and they are loaded from it."""

    def __init__(self):
        super().__init__()
        self.register_buffer("kept", adjacency())
        self.register_buffer("rows", adjacency().to_dense().to_sparse_csr())
        self.register_buffer("passing", adjacency() * 3, persistent=False)
        self.frozen = nn.Parameter(adjacency(), requires_grad=False)

    def forward(self, x):
        x = torch.sparse.mm(self.kept, x) + self.rows @ x + torch.sparse.mm(self.frozen, x)
        return self.fc(torch.sparse.mm(self.passing, x))


@example(randn(4, 3), EDGES)
class OldSparseConstructors(Layer):
    """As LightGCN and GIN make theirs."""

    def forward(self, x, edges):
        n = x.shape[0]
        values = torch.FloatTensor([1.0, 0.5, 1.0, 1.0, 2.0]).to(x.dtype)
        adjacent = torch.sparse.FloatTensor(edges, values.float(), torch.Size([n, n]))
        wide = torch.sparse.DoubleTensor(edges, values.double(), (n, n)).to_dense().to(x.dtype)
        assert isinstance(adjacent, torch.sparse.FloatTensor)
        nothing = torch.sparse.FloatTensor(edges, values.float()).to_dense()
        return torch.spmm(adjacent.to(x.dtype), self.fc(x)) + wide.sum() + nothing.sum()
