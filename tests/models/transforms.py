"""torch.func and torch.autograd.functional: batches of items, derivatives, and both in each other."""

from __future__ import annotations

import copy
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn, randn
from torch._dynamo._trace_wrapped_higher_order_op import TransformGetItemToIndex
from torch.autograd import forward_ad, functional
from torch.func import (
    functional_call,
    functionalize,
    grad,
    grad_and_value,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    stack_module_state,
    vjp,
    vmap,
)

from tests.models.example import example, refused


class Field(nn.Module):
    """A field of vectors, and one of numbers, which the others derive."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)
        self.net = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 1))
        self.scale = nn.Parameter(randn(4))

    def vector(self, p):
        return self.fc(p).tanh()

    def number(self, p):
        return self.net(p).squeeze(-1)


@example(randn(5, 4), randn(4, 5))
class MappedOverStructures(Field):
    """Axes of their own for the parts of an argument, and for the results."""

    def forward(self, x, y):
        def both(parts, shift):
            return {"field": self.vector(parts["x"]), "sum": (parts["y"] + shift).sum()}

        dims = {"x": 0, "y": 1}
        out = vmap(both, in_dims=(dims, None), out_dims={"field": 1, "sum": 0})(
            {"x": x, "y": y}, self.scale
        )
        return out["field"], out["sum"]


@example(randn(5, 4), randn(3, 4))
class MappedTwice(Field):
    def forward(self, x, y):
        inner = vmap(lambda p, q: (p * q).sum() + self.scale.sum(), in_dims=(None, 0))
        return vmap(inner, in_dims=(0, None), chunk_size=2)(x, y)


@example(randn(5, 4))
class MappedConstants(Field):
    """A result that no item goes into: the same for all, along an axis or without one."""

    def forward(self, x):
        y, scale, same = vmap(
            lambda p: (self.vector(p), self.scale, self.scale), out_dims=(0, 0, None)
        )(x)
        return y, scale, same


@partial(torch.vmap, in_dims=(0, None))
def outer_product(a, b):
    return a * b


@example(randn(5, 4))
class MappedBefore(Field):
    """The function was made before the model runs: by a decorator, in the constructor."""

    def __init__(self):
        super().__init__()
        self.fields, self.slopes = vmap(self.vector), vmap(grad(self.number))
        self.jacobian, self.curvature = jacrev(self.vector), vmap(hessian(self.number))

    def forward(self, x):
        x = x + outer_product(x[:, 0], self.scale)
        return self.fields(x), self.slopes(x), self.jacobian(x[0]), self.curvature(x)


@example(randn(5, 4))
class MappedInALoop(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))

    def forward(self, x):
        for layer in self.layers:
            x = vmap(lambda p, layer=layer: F.relu(layer(p)) + p.mean())(x)
        return x


@example(randn(3, 5, 4))
class LoopInAMap(nn.Module):
    """A recurrence over each sequence of a batch."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        def last_state(sequence):
            h = torch.zeros(4)
            for step in sequence:
                h = torch.tanh(self.fc(step) + h)
            return h

        return vmap(last_state)(x)


@example(randn(2, 3, 6, 6), randn(2, 4))
class DrawnFilters(nn.Module):
    """Each image has its own filter."""

    def __init__(self):
        super().__init__()
        self.filters = nn.Linear(4, 2 * 3 * 3 * 3)

    def forward(self, x, z):
        weight = self.filters(z).view(-1, 2, 3, 3, 3)
        return vmap(lambda image, w: F.conv2d(image[None], w, padding=1)[0])(x, weight)


@example(randn(6, 4))
class Ensemble(nn.Module):
    """One network, with a stack of weights."""

    def __init__(self):
        super().__init__()
        nets = [nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2)) for _ in range(3)]
        params, _ = stack_module_state(nets)
        self.stacks = nn.ParameterDict(
            {key.replace(".", "_"): nn.Parameter(p.detach()) for key, p in params.items()}
        )
        self.__dict__["base"] = copy.deepcopy(nets[0]).to("meta")

    def forward(self, x):
        params = {key.replace("_", "."): self.stacks[key] for key in self.stacks}
        return vmap(lambda p, x: functional_call(self.base, p, (x,)), in_dims=(0, None))(params, x)


@example(randn(5, 4), randn(5, 4))
class SlopesOfSeveralArguments(Field):
    """In the order in which they are asked for; zero by an argument that is not used."""

    def forward(self, x, y):
        def loss(a, b, c):
            fields = self.vector(a) * self.vector(c)
            return fields.sum(), fields

        (by_c, by_a, by_b), fields = grad(loss, argnums=(-1, 0, 1), has_aux=True)(x, y, x)
        slope, value = grad_and_value(lambda p: self.number(p).sum())(y)
        return by_c - by_a + by_b, fields, slope * value


@example(randn(5, 4), randn(5, 3))
class GradientsOfEachSample(Field):
    def forward(self, x, y):
        def loss(params, a, b):
            return F.mse_loss(functional_call(self.fc, params, (a,)), b)

        params = dict(self.fc.named_parameters())
        each = vmap(grad(loss), in_dims=(None, 0, 0))(params, x, y)
        return each["weight"], each["bias"]


@example(randn(5, 4), randn(5, 3))
class InnerStep(Field):
    """One step of learning inside the model, through which gradients flow."""

    def forward(self, x, y):
        params = dict(self.fc.named_parameters())
        slopes = grad(lambda p: F.mse_loss(functional_call(self.fc, p, (x,)), y))(params)
        stepped = {name: value - 0.1 * slopes[name] for name, value in params.items()}
        return functional_call(self.fc, stepped, (x,))


@example(randn(5, 4))
class SlopeWithoutGradients(Field):
    """Gradients are switched off around one derivative, and inside of another."""

    def forward(self, x):
        with torch.no_grad():
            slope, value = grad_and_value(lambda p: self.number(p).sum())(x)

        def held(p):
            with torch.no_grad():
                factor = self.number(p)
            return (factor * p.sum(-1)).sum()

        return x - 0.1 * slope * value + grad(held)(x)


@example(randn(5, 4))
class CaughtArgument(Field):
    """The inner function also uses the outer one's argument, which is no part of its derivative."""

    def forward(self, x):
        def outside(p):
            return grad(lambda q: (q.sin() * p).sum())(p).square().sum()

        return grad(outside)(x)


@example(randn(6), randn(6))
class DifferentialEquation(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))

    def u(self, x, t):
        return self.net(torch.stack([x, t])).squeeze()

    def forward(self, x, t):
        u_t = vmap(grad(self.u, argnums=1))(x, t)
        u_xx = vmap(grad(grad(self.u)))(x, t)
        return u_t - 0.1 * u_xx


@example(randn(5, 4))
class SecondDerivatives(Field):
    def forward(self, x):
        trace = vmap(lambda p: torch.trace(hessian(self.number)(p)))(x)
        return trace, vmap(jacfwd(jacrev(self.number)))(x), vmap(jacrev(grad(self.number)))(x)


@example(randn(2, 4), randn(2, 4))
class JacobiansOfSeveral(Field):
    """Outputs and inputs with several axes, several of each."""

    def forward(self, x, y):
        both = jacrev(lambda p, q: (self.vector(p) * self.vector(q), q.sum()), argnums=(0, 1))(x, y)
        whole, one = jacfwd(lambda p: (self.vector(p), self.number(p)[:1]), has_aux=True)(x)
        return both[0][0] + both[0][1], both[1][1], whole, one


@example(randn(5, 4), randn(5, 4), randn(5, 3))
class Products(Field):
    def forward(self, x, v, w):
        y, slope = jvp(self.vector, (x,), (v,))
        value, pull_back = vjp(self.vector, x)
        each = vmap(lambda p, q: jvp(self.vector, (p,), (q,))[1])(x, v)
        _, no_slope = jvp(lambda p, q: q * 2, (x, v), (v, torch.zeros_like(v)))
        return y + slope, pull_back(w)[0] + pull_back(value)[0], each, no_slope


@example(randn(4))
class RowsByHand(Field):
    def forward(self, x):
        y, pull_back = vjp(self.vector, x)
        (rows,) = vmap(pull_back)(torch.eye(3))
        return y @ rows


@example(randn(5, 4))
class Functionalized(Field):
    def forward(self, x):
        def written(p):
            doubled = p * 2
            doubled.add_(self.scale)
            return self.fc(doubled)

        return functionalize(written)(x)


@example(randn(4), randn(4), randn(3))
class OlderNames(Field):
    """torch.autograd.functional, whose results nothing flows on from unless it is asked to."""

    def forward(self, x, v, w):
        rows = functional.jacobian(self.vector, x) + self.fc.weight
        kept = functional.jacobian(self.vector, x, create_graph=True, vectorize=True)
        ahead = functional.jacobian(self.vector, x, vectorize=True, strategy="forward-mode")
        curved = functional.hessian(lambda a, b: (a * b).sum() * self.number(a), (x, v))
        y, back = functional.vjp(self.vector, x, w, create_graph=True)
        _, along = functional.jvp(self.vector, x, v, create_graph=True)
        _, second = functional.hvp(self.number, x, v, create_graph=True)
        value, other = functional.vhp(self.number, x, v)
        return rows, kept, ahead, curved, y, back, along, second, value + other


@example(randn(5, 4), randn(5, 4))
class DualNumbers(Field):
    """Values with tangents, and one without."""

    def forward(self, x, v):
        with forward_ad.dual_level():
            given, other = forward_ad.make_dual(x, v), forward_ad.make_dual(v, x)
            y, slope = forward_ad.unpack_dual(self.vector(given) * self.vector(other))
            plain = forward_ad.unpack_dual(self.vector(x))
        return y, slope, plain.primal if plain.tangent is None else None


@refused(
    "numbers are drawn inside vmap, for all items in one draw: written item by item, others would be "
    "drawn.\nDraw them before vmap (for dropout, a mask) and hand them over as an argument of the "
    "function, or unfoldify the modules around it.",
    randn(5, 4),
)
class DrawnInAMap(Field):
    def forward(self, x):
        return vmap(lambda p: self.vector(p) + torch.rand(3), randomness="different")(x)


@refused(
    "the function writes to an item of what vmap goes over, which is a part of a whole batch: no "
    "gradients go through that.\nLet it write to a clone of its argument.",
    randn(5, 4),
)
class WrittenInAMap(Field):
    def forward(self, x):
        return vmap(lambda p: p.mul_(2).sum())(self.vector(x))


@example(randn(5, 4), fixed=True)
class DropoutInAMap(Field):
    """Torch refuses to draw there, so there is no training mode to write down."""

    def forward(self, x):
        return vmap(lambda p: F.dropout(self.vector(p), training=self.training))(x)


@refused(
    "was called inside a torch.func transform (vmap, grad, jvp, ...), which cannot be written down "
    "call by call.\nWrite that part of forward with plain tensor calls, or unfoldify the modules "
    "around it.",
    randn(0, 4),
)
class MapOfNothing(Field):
    """No item shows what is done with one."""

    def forward(self, x):
        return vmap(self.vector)(x)


@example(randn(2, 5, 4), torch.tensor([[0, 0, 1, 1, 2], [0, 1, 1, 1, 0]]))
class MaskOfIndices(nn.Module):
    """Maps in maps over indices, as masks of attention are made; not a loop over each pair."""

    def __init__(self):
        super().__init__()
        self.q = nn.Linear(4, 4)

    def forward(self, x, groups):
        def seen(batch, query, key):
            return (key <= query) & (groups[batch, query] == groups[batch, key])

        for dims in ((None, None, 0), (None, 0, None), (0, None, None)):
            seen = vmap(seen, in_dims=dims)
        b, n, _ = x.shape
        with TransformGetItemToIndex():
            mask = seen(torch.arange(b), torch.arange(n), torch.arange(n))
        return F.scaled_dot_product_attention(self.q(x), x, x, attn_mask=mask)
