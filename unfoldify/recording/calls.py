"""Calls by what they do: read a value, read a size, only look, make a tensor of data, draw."""

from __future__ import annotations

from torch import fx, nn

from unfoldify.recording.spelling import call_name

READS = {
    *("item", "tolist", "__bool__", "__int__", "__float__", "__index__", "__complex__", "equal"),
    *("allclose", "is_nonzero", "__contains__", "numpy", "__array__"),
}
# code of torch's that reads a value only to refuse what does not fit: how many sequences are packed
CHECKS = {nn.RNNBase.get_expected_hidden_size.__code__}
REMAINDER = "%"  # a comparison of what is left of a size when it is divided
SIZE = "size"  # a comparison of any other number made of sizes
HAS_GRADIENT = "requires_grad"  # asked of a tensor that is no parameter
LASTS = "attribute"  # a comparison of a number that one call leaves to the next
DRAWN = "drawn"  # what the model drew itself decided
OF_NO_VALUE = (
    REMAINDER,
    SIZE,
    HAS_GRADIENT,
    LASTS,
    DRAWN,
)  # what decides, and is no tensor's value
DATA_NUMBERS = {"item", "tolist"}
TO_PYTHON = {
    "numpy",
    "__array__",
    *DATA_NUMBERS,
    "__int__",
    "__float__",
}  # numbers go on from there
SIZE_NUMBERS = {"size", "numel", "nelement", "stride", "storage_offset"}
# calls that only look: their results are Python's, and running them again would tell nothing
LOOKS = {
    *("dim", "ndimension", "get_device", "is_contiguous", "is_floating_point", "is_complex"),
    *("__repr__", "__hash__", "type", "retain_grad", "register_hook", "__format__", "__len__"),
    "element_size",
}
FROM_DATA = {"tensor", "as_tensor", "asarray", "from_numpy", "frombuffer"}
RANDOM = (
    *("dropout", "rand", "normal", "bernoulli", "multinomial", "poisson", "exponential_"),
    *("uniform", "rrelu", "gumbel", "cauchy_", "geometric_", "random_", "rnn", "lstm", "gru"),
    *("scaled_dot_product_attention", "multi_head_attention_forward", "checkpoint"),
    *("manual_seed", "rng_state"),
)


def is_random(node: fx.Node) -> bool:
    """Whether a call may draw random numbers: such calls keep their order."""
    name = node.target if isinstance(node.target, str) else call_name(node.target)
    return node.op != "get_attr" and any(part in name for part in RANDOM)
