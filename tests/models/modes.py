"""Training against evaluation, gradients on and off, precision and other blocks around calls."""

from __future__ import annotations

import random
from collections import namedtuple
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
import torch.utils.checkpoint
from torch import Tensor, nn, randn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.overrides import has_torch_function_unary

from tests.models.example import example, refused


class Linear3(nn.Module):
    """The layer that the others use."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)


@example(randn(4, 3))
class TrainingBranch(Linear3):
    def __init__(self):
        super().__init__()
        self.norm, self.drop = nn.BatchNorm1d(3), nn.Dropout(0.5)
        self.register_buffer("average", torch.zeros(3))

    def forward(self, x):
        x = self.norm(self.fc(x))
        if self.training:
            self.average.mul_(0.9).add_(x.detach().mean(0) * 0.1)
            x = x + torch.randn_like(x)
        else:
            x = x + self.average
        return F.dropout(self.drop(x), 0.3, self.training)


@example(randn(4, 3))
class AuxiliaryHead(Linear3):
    """Two results in training, one in evaluation."""

    def __init__(self):
        super().__init__()
        self.aux = nn.Linear(3, 2)

    def forward(self, x):
        y = self.fc(x)
        if self.training:
            return y, self.aux(y)
        return y


class DropPath(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, x):
        if self.p == 0.0 or not self.training:
            return x
        keep = 1 - self.p
        mask = x.new_empty((x.shape[0],) + (1,) * (x.ndim - 1)).bernoulli_(keep)
        mask.div_(keep)
        return x * mask


@example(randn(4, 3))
class StochasticDepth(Linear3):
    def __init__(self):
        super().__init__()
        self.path = nn.ModuleList([DropPath(0.0), DropPath(0.3)])

    def forward(self, x):
        for path in self.path:
            x = x + path(self.fc(x))
        return x


@example(randn(4, 3))
class RandomOperators(Linear3):
    def forward(self, x):
        y = self.fc(x) + torch.rand_like(x) * torch.randn(3)
        return y * torch.bernoulli(torch.full_like(y, 0.5)) + torch.randint(0, 3, (1,))


@example(randn(4, 3))
class BufferReplaced(Linear3):
    def __init__(self):
        super().__init__()
        self.register_buffer("count", torch.zeros(1))

    def forward(self, x):
        self.count = self.count + 1
        return self.fc(x) * self.count


@example(randn(4, 3))
class NoGrad(Linear3):
    def forward(self, x):
        with torch.no_grad():
            target = self.fc(x).softmax(-1)
        return self.fc(x) * target + self.fc(x).detach()


class Teacher(Linear3):
    @torch.no_grad()
    def forward(self, x):
        return self.fc(x)


@example(randn(4, 3))
class NoGradChild(nn.Module):
    def __init__(self):
        super().__init__()
        self.student, self.teacher = nn.Linear(3, 3), Teacher()

    def forward(self, x):
        return self.student(x) - self.teacher(x)


@example(randn(4, 3))
class Checkpoint(Linear3):
    def forward(self, x):
        def part(y):
            return F.relu(self.fc(y))

        y = torch.utils.checkpoint.checkpoint(part, x, use_reentrant=False)
        return y + torch.utils.checkpoint.checkpoint(self.fc, x, use_reentrant=True)


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(0)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * (x > 0) * 2


@example(randn(4, 3))
class CustomFunction(Linear3):
    def forward(self, x):
        return Doubled.apply(self.fc(x))


SLOPE = 0.5


def leaky(x: Tensor) -> Tensor:
    """A helper of the function below, in the same file."""
    return F.leaky_relu(x, SLOPE)


class Leaky(Function):
    """Its text uses names that this file imports, and has annotations that mean nothing elsewhere."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, slopes: dict[str, float]) -> Tensor:
        ctx.save_for_backward(x)
        ctx.slopes = slopes
        return leaky(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return torch.where(x > 0, grad, grad * ctx.slopes["negative"]), None


@example(randn(4, 3))
class CustomFunctionOfThisFile(Linear3):
    def forward(self, x):
        return Leaky.apply(self.fc(x), {"negative": SLOPE})


class ScaledByNumpy(Function):
    """numpy as a pocket calculator: what it is asked for, Python's math knows as well."""

    @staticmethod
    def forward(ctx, x):
        ctx.scale = 1 / np.sqrt(x.shape[1]) * np.pi
        return x * ctx.scale

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.scale


@example(randn(4, 3))
class FunctionWithNumpysNumbers(Linear3):
    def forward(self, x):
        return ScaledByNumpy.apply(self.fc(x))


class MaskOfNumpy(Function):
    """numpy for what it is there for: arrays."""

    @staticmethod
    def forward(ctx, x):
        ctx.mask = torch.from_numpy(np.arange(x.shape[1]) > np.log(2)).to(x.dtype)
        return x * ctx.mask

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.mask


@refused(
    "MaskOfNumpy, an autograd.Function, uses np (module) of its file, which cannot be written "
    "into another.\nHand it over as an argument of apply, or write the function with torch calls.",
    randn(4, 3),
)
class FunctionWithNumpysArrays(Linear3):
    def forward(self, x):
        return MaskOfNumpy.apply(self.fc(x))


Range = namedtuple("Range", ["low", "high"])  # a class of which no text is kept


class Between(Function):
    @staticmethod
    def forward(ctx, x):
        limits = Range(-0.5, 0.5)
        ctx.save_for_backward(x)
        return x.clamp(limits.low, limits.high)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * (x.abs() < 0.5)


@refused(
    "Between, an autograd.Function, uses Range (type) of its file, which cannot be written "
    "into another.\nHand it over as an argument of apply, or write the function with torch calls.",
    randn(4, 3),
)
class FunctionWithANamedTuple(Linear3):
    def forward(self, x):
        return Between.apply(self.fc(x))


def softened(x: Tensor, weight: Tensor) -> Tensor:
    """Begins as torch's functions do, from which such functions are copied."""
    given = (x, weight)
    if any(type(each) is not Tensor for each in given) and nn.functional.has_torch_function(given):
        return nn.functional.handle_torch_function(softened, given, x, weight)
    return has_torch_function_unary(x) or F.linear(x, weight).softmax(-1)


@example(randn(4, 3))
class CopyOfATorchFunction(Linear3):
    def forward(self, x):
        return softened(x, self.fc.weight)


class Reversible(Function):
    """Runs modules and frees their memory; the backward runs them again."""

    @staticmethod
    def forward(ctx, x, blocks):
        ctx.blocks = blocks
        with torch.no_grad():
            y = x
            for block in blocks:
                y = block(y).tanh()
        ctx.save_for_backward(x)
        return y

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        with torch.enable_grad():
            x = y = x.detach().requires_grad_()
            for block in ctx.blocks:
                y = block(y).tanh()
        torch.autograd.backward(y, grad)
        return x.grad, None


@example(randn(4, 3))
class FunctionOfModules(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)
        self.blocks = nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 3)])

    def forward(self, x):
        return Reversible.apply(self.fc(x), self.blocks) * 2


@example(randn(4, 3))
class Frozen(nn.Module):
    """A backbone that never trains."""

    def __init__(self):
        super().__init__()
        self.fc, self.norm = nn.Linear(3, 3), nn.BatchNorm1d(3)
        for p in self.parameters():
            p.requires_grad_(False)
        self.head = nn.Linear(3, 2)

    def train(self, mode=True):
        super().train(mode)
        self.norm.eval()
        return self

    def forward(self, x):
        return self.head(self.norm(self.fc(x)))


@example(randn(4, 3))
class Autocast(Linear3):
    def forward(self, x):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            y = self.fc(x)
        return y.float()


@example(randn(4, 3))
class Compiled(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.compile(nn.Linear(3, 3))

    def forward(self, x):
        return self.fc(x)


@torch.jit.script
def scripted(x, k: float):
    return torch.sigmoid(x) * k + x.relu()


@example(randn(4, 3))
class ScriptedFunction(Linear3):
    def forward(self, x):
        return scripted(self.fc(x), 2.0)


@refused(
    "part is TorchScript (Linear): its Python is gone, so its calls cannot be seen.\n"
    "Build the model with the module as it was before torch.jit.script, trace or load.",
    randn(4, 3),
)
class ScriptedModule(nn.Module):
    def __init__(self):
        super().__init__()
        self.part = torch.jit.script(nn.Linear(3, 3))

    def forward(self, x):
        return self.part(x)


@example(randn(5, 3))
class SumOfBranches(nn.Module):
    """`sum` begins with `0 + first`: the branches draw their numbers in their order all the same."""

    def __init__(self):
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(Linear3(), nn.Dropout(0.5)) for _ in range(3))
        self.first, self.second = nn.Dropout(0.2), nn.Dropout(0.4)

    def forward(self, x):
        x = sum([branch[1](branch[0].fc(x)) for branch in self.branches])
        return sum([drop(x).tanh() for drop in (self.first, self.second)])


@example(randn(2, 3, 8, 8))
class RandomCrop(Linear3):
    """The side of the crop is drawn, and Python rounds it."""

    def forward(self, x):
        side = int(torch.empty(1).uniform_(2, 8).round().item())
        x = F.interpolate(x[..., :side, :side], size=(6, 3), mode="bilinear")
        return self.fc(x)


class Swish(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        gate = torch.sigmoid(x)
        return grad * gate * (1 + x * (1 - gate))


swish = Swish.apply


@example(randn(2, 3))
class FunctionsBoundBefore(Linear3):
    """`apply` under a name of its own, as a global and as an attribute."""

    def __init__(self):
        super().__init__()
        self.act = Swish.apply

    def forward(self, x):
        return self.act(swish(self.fc(x)))


class Nearest(Function):
    @staticmethod
    def forward(ctx, x, codes):
        with torch.no_grad():
            places = torch.cdist(x, codes).argmin(dim=1)
        ctx.mark_non_differentiable(places)
        return places

    @staticmethod
    def backward(ctx, grad):
        raise RuntimeError("places have no gradient")


class Quantized(Function):
    @staticmethod
    def forward(ctx, x, codes):
        places = nearest(x, codes)
        ctx.save_for_backward(places, codes)
        return codes[places]

    @staticmethod
    def backward(ctx, grad):
        places, codes = ctx.saved_tensors
        return grad.clone(), torch.zeros_like(codes).index_add_(0, places, grad)


nearest, quantized = Nearest.apply, Quantized.apply


@example(randn(4, 3))
class FunctionThatUsesAnother(Linear3):
    """As VQ-VAEs let gradients straight through: one function's `apply` inside another's forward."""

    def __init__(self):
        super().__init__()
        self.codes = nn.Embedding(5, 3)

    def forward(self, x):
        return quantized(self.fc(x), self.codes.weight)


@example(randn(4, 3), fixed=True)
class RandomDepth(Linear3):
    """How often a layer runs is drawn: the report says that it is fixed."""

    def forward(self, x):
        for _ in range(int(torch.randint(1, 4, (1,)))):
            x = self.fc(x)
        return x


@example(randn(3, 5), randn(3, 5))
class DrawnBeforeWhatComesFirst(nn.Module):
    """Python evaluates the first argument first; the model runs the part behind the second before."""

    def __init__(self):
        super().__init__()
        self.near = nn.Sequential(nn.Linear(5, 5), nn.Dropout(0.5))
        self.far = nn.Sequential(nn.Linear(5, 5), nn.Dropout(0.5))
        self.join = nn.Bilinear(5, 5, 2)

    def encode(self, x):
        return self.far(x)

    def decode(self, y, memory):
        return self.join(self.near(y), torch.tanh(memory))

    def forward(self, x, y):
        return self.decode(y, self.encode(x))


@example(randn(4, 3), fixed=True)
class StraightThrough(Linear3):
    """A quantiser as a layer of a network: there its input has gradients, in an example it has none."""

    def __init__(self):
        super().__init__()
        self.register_buffer("codes", randn(7, 3))

    def forward(self, x):
        nearest = torch.cdist(x, self.codes).argmin(-1)
        found = self.codes[nearest]
        loss = (found - x).square().mean()
        if self.training and x.requires_grad:
            found = x + (found - x).detach()
        return self.fc(found), loss


@example(randn(4, 3))
class FrozenWhereItsWeightsAre(Linear3):
    """Whether a parameter has gradients is no matter of the example."""

    def forward(self, x):
        return self.fc(x) if self.fc.weight.requires_grad else self.fc(x).detach()


@refused(
    "`x.requires_grad`\n  whether a tensor requires a gradient decides what the model does, and a file "
    "can say only one way.\nDecide by a flag of the model, such as self.training.",
    randn(4, 3),
)
class AsksInEvaluation(Linear3):
    def forward(self, x):
        y = self.fc(x)
        x += 1
        return y if x.requires_grad else y * x


DRAWN = (
    "\n  numbers are drawn here by Python or numpy, and with others the model does something else: a "
    "file can say only one way.\nDraw with torch and choose without `if` (a mask of torch.rand, an "
    "index of torch.randperm), or unfoldify the model with this switched off."
)


@example(randn(4, 3))
class SkippedByChance(Linear3):
    p = 5

    def forward(self, x):
        if self.training and random.randint(1, 9) < self.p:
            return x
        return self.fc(x)


@example(randn(4, 3))
class NeverSkipped(SkippedByChance):
    """Numbers are drawn, and decide nothing."""

    p = 0


@refused("`kept = np.random.permutation(x.shape[1])[:2]`" + DRAWN, randn(4, 5, 3))
class MaskedByNumpy(Linear3):
    def forward(self, x):
        if self.training:
            kept = np.random.permutation(x.shape[1])[:2]
            x = x[:, torch.from_numpy(kept)]
        return self.fc(x).mean(1)


@example(randn(4, 5, 3))
class MaskedByTorch(Linear3):
    """What the message asks for."""

    def forward(self, x):
        if self.training:
            kept = torch.randperm(x.shape[1])[:2]
            x = x[:, kept]
        return self.fc(x).mean(1)


@example(randn(3, 2), randn(3, 1))
class TraceOfAJacobian(nn.Module):
    """A flow: it differentiates what it computes, whatever the mode around it."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2)

    def forward(self, z, log_p):
        with torch.set_grad_enabled(True):
            z.requires_grad_(True)
            dz = torch.tanh(self.fc(z))
            trace = 0.0
            for i in range(2):
                trace = trace + torch.autograd.grad(dz[:, i].sum(), z, create_graph=True)[0][:, i]
        return dz, log_p - trace.view(-1, 1)


@example(randn(4, 3))
class EnabledForNoReason(Linear3):
    def forward(self, x):
        with torch.enable_grad():
            return self.fc(x * 2)


@example(randn(5, 3))
class DifferentiatesInEvaluation(nn.Module):
    """A force: what is called whole inside the block is inside it in the file too."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))

    def forward(self, position):
        with torch.enable_grad():
            position = position.detach().clone()
            position.requires_grad = True
            energy = self.net(position).sum()
            (force,) = torch.autograd.grad(energy, position, create_graph=self.training)
        return force


@example({"position": randn(5, 3)})
class AsksItsInputForGradients(nn.Module):
    """It can do so of a leaf alone."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 1)

    def forward(self, batch):
        batch["position"].requires_grad = True
        energy = self.fc(batch["position"]).sigmoid()
        force = torch.autograd.grad(energy.sum(), batch["position"], create_graph=True)[0]
        return {"energy": energy, "force": force}


@example(randn(4, 3))
class FrozenStatistics(nn.Module):
    """Running statistics that are parameters, as those of learners that learn to learn."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))
        self.mean = nn.Parameter(torch.zeros(3), requires_grad=False)
        self.var = nn.Parameter(torch.ones(3), requires_grad=False)

    def forward(self, x):
        return nn.functional.batch_norm(x, self.mean, self.var, self.weight, training=True)


@example(randn(4, 3).requires_grad_())
class AsksAnInputThatHasThem(nn.Module):
    """The example requires gradients already; what the file is given later may not."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 1)

    def forward(self, x):
        with torch.enable_grad():
            x.requires_grad_(True)
            (slope,) = torch.autograd.grad(self.fc(x).sigmoid().sum(), x, create_graph=True)
        return slope
