"""What the gallery shows: calls, and what they are called with."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Entry:
    """One layer or call; `inputs` are the arguments of forward, by name."""

    title: str
    call: str
    inputs: dict[str, str]
    note: str = ""
    also: tuple[str, ...] = ()
    layers: dict[str, str] = field(default_factory=dict)
    expression: str = ""


def layer(
    name: str, made: str, inputs: dict[str, str], title: str = "", note: str = "", also: str = ""
) -> Entry:
    """A layer of torch.nn, kept as `self.<name>`."""
    shown = f"{name} = {made}\n{name}({', '.join(inputs)})  # {shapes(inputs)}"
    families = (also,) if also else ()
    expression = f"self.{name}({', '.join(inputs)})"
    return Entry(title or made, shown, inputs, note, families, {name: made}, expression)


def call(
    expression: str, inputs: dict[str, str], title: str = "", note: str = "", also: str = ""
) -> Entry:
    """A call of a function or an operator."""
    shown = f"{expression}  # {shapes(inputs)}"
    families = (also,) if also else ()
    return Entry(title or expression, shown, inputs, note, families, {}, expression)


def shapes(inputs: dict[str, str]) -> str:
    return ", ".join(f"{name}: {spec}" for name, spec in inputs.items())


IMAGE = {"x": "2x4x8x8"}
SIGNAL = {"x": "2x4x8"}
TOKENS = {"x": "2x5x8"}
HEADS = {"q": "2x3x4x8", "k": "2x3x5x8", "v": "2x3x5x8"}

LINEAR = (
    layer("linear", "nn.Linear(3, 4)", {"x": "2x5x3"}),
    layer("bilinear", "nn.Bilinear(3, 4, 5)", {"x1": "2x3", "x2": "2x4"}),
)

CONVOLUTIONS = (
    layer("conv", "nn.Conv1d(4, 6, kernel_size=3, padding=1)", SIGNAL),
    layer(
        "conv",
        "nn.Conv1d(4, 6, kernel_size=3, stride=2, padding=2, dilation=2)",
        SIGNAL,
        note="Dilated windows read only what they use: one slice for each element of the kernel.",
    ),
    layer("conv", "nn.Conv2d(4, 6, kernel_size=3, stride=2, padding=1)", IMAGE),
    layer("conv", "nn.Conv2d(4, 6, kernel_size=3, padding='same', groups=2)", IMAGE),
    layer(
        "conv",
        "nn.Conv2d(4, 4, kernel_size=3, padding=1, groups=4)",
        IMAGE,
        note="Depthwise: nothing is summed over channels, so there is no axis for it.",
    ),
    layer(
        "conv",
        "nn.Conv2d(4, 8, kernel_size=3, padding=1, groups=4)",
        IMAGE,
        note="Two output channels for each input channel.",
    ),
    layer("conv", "nn.Conv2d(4, 6, kernel_size=1)", IMAGE, note="No windows."),
    layer(
        "conv",
        "nn.Conv2d(4, 6, kernel_size=4, stride=4)",
        IMAGE,
        note=(
            "Patches. Where the model takes no other image size, `unfold` and `rearrange` are one: "
            '`rearrange(x, "b c_in (h_out kh) (w_out kw) -> b 1 c_in h_out w_out kh kw", kh=4, kw=4)`.'
        ),
    ),
    layer("conv", "nn.Conv2d(4, 6, kernel_size=3, padding=1, padding_mode='circular')", IMAGE),
    layer("conv", "nn.Conv3d(4, 6, kernel_size=(1, 3, 3), bias=False)", {"x": "2x4x3x8x8"}),
    call(
        "F.conv2d(x, kernel)",
        {"x": "2x4x8x8", "kernel": "3x4x2x2"},
        note="A kernel that is an input may be of any size.",
    ),
)

TRANSPOSED = (
    layer(
        "up",
        "nn.ConvTranspose2d(4, 3, kernel_size=2, stride=2)",
        IMAGE,
        note="Kernel = stride: a 1x1 convolution to 2·2 times the channels, then a pixel shuffle.",
    ),
    layer(
        "up",
        "nn.ConvTranspose2d(4, 3, kernel_size=4, stride=2, padding=1)",
        IMAGE,
        note="Every pixel becomes 2x2 tiles of one stride each, which are added at their places.",
    ),
    layer(
        "up",
        "nn.ConvTranspose1d(4, 3, kernel_size=3, stride=2, padding=1, output_padding=1)",
        SIGNAL,
        note="The kernel is filled up to whole tiles with a zero.",
    ),
    layer(
        "up",
        "nn.ConvTranspose2d(4, 4, kernel_size=3, padding=1, groups=4, bias=False)",
        IMAGE,
        note="Stride 1: a convolution with the kernel turned round. Depthwise.",
    ),
    layer("up", "nn.ConvTranspose1d(4, 6, kernel_size=2, stride=3, dilation=2, groups=2)", SIGNAL),
)

ATTENTION = (
    call("F.scaled_dot_product_attention(q, k, v)", HEADS),
    call(
        "F.scaled_dot_product_attention(q, k, v, is_causal=True)",
        {"q": "2x3x4x8", "k": "2x3x4x8", "v": "2x3x4x8"},
    ),
    call("F.scaled_dot_product_attention(q, k, v, mask)", {**HEADS, "mask": "4x5 bool"}),
    call(
        "F.scaled_dot_product_attention(q, k, v, scale=0.5, enable_gqa=True)",
        {"q": "2x6x4x8", "k": "2x3x5x8", "v": "2x3x5x8"},
        note="Two heads of the queries share one of the keys and values.",
    ),
    Entry(
        "nn.MultiheadAttention(8, 2, batch_first=True), self-attention",
        "attention = nn.MultiheadAttention(8, 2, batch_first=True)\nattention(x, x, x)  # x: 2x5x8",
        TOKENS,
        layers={"attention": "nn.MultiheadAttention(8, 2, batch_first=True)"},
        expression="self.attention(x, x, x)",
    ),
    Entry(
        "nn.MultiheadAttention(8, 2, dropout=0.1), cross-attention",
        "attention = nn.MultiheadAttention(8, 2, dropout=0.1)\n"
        "attention(x, memory, memory, key_padding_mask=mask, need_weights=False)[0]\n"
        "# x: 4x2x8, memory: 5x2x8, mask: 2x5 bool",
        {"x": "4x2x8", "memory": "5x2x8", "mask": "2x5 bool"},
        layers={"attention": "nn.MultiheadAttention(8, 2, dropout=0.1)"},
        expression="self.attention(x, memory, memory, key_padding_mask=mask, need_weights=False)[0]",
    ),
)

RECURRENT = (
    layer("rnn", "nn.RNN(3, 4, batch_first=True)", {"x": "2x5x3"}),
    layer("lstm", "nn.LSTM(3, 4, batch_first=True)", {"x": "2x5x3"}),
    layer("lstm", "nn.LSTM(3, 4, bidirectional=True, bias=False, proj_size=2)", {"x": "5x2x3"}),
    layer("gru", "nn.GRU(3, 4)", {"x": "5x2x3", "h": "1x2x4"}),
    layer("cell", "nn.LSTMCell(3, 4)", {"x": "2x3"}),
    layer("cell", "nn.GRUCell(3, 4)", {"x": "2x3", "h": "2x4"}),
)

MATRICES = (
    call("a @ b", {"a": "2x3x4", "b": "2x4x5"}, note="`torch.matmul`, in all its ranks."),
    call("torch.mv(a, x)", {"a": "3x4", "x": "4"}),
    call("torch.addmm(c, a, b, beta=0.5, alpha=2)", {"c": "5", "a": "3x4", "b": "4x5"}),
    call("torch.addbmm(c, a, b)", {"c": "3x5", "a": "2x3x4", "b": "2x4x5"}),
    call("torch.inner(a, b)", {"a": "2x3x4", "b": "5x4"}),
    call("torch.outer(x, y)", {"x": "3", "y": "4"}),
    call("torch.kron(a, b)", {"a": "2x3", "b": "4x5"}),
    call("torch.linalg.vecdot(x, y)", {"x": "2x3", "y": "2x3"}),
    call("torch.tensordot(a, b, dims=([1, 2], [1, 0]))", {"a": "2x3x4", "b": "4x3x5"}),
    call("torch.einsum('bij,bjk->bik', a, b)", {"a": "2x3x4", "b": "2x4x5"}),
    call("torch.einsum('bii,bj,j->b', a, x, y)", {"a": "2x3x3", "x": "2x4", "y": "4"}),
    call("torch.linalg.multi_dot([a, b, c])", {"a": "9x2", "b": "2x9", "c": "9x3"}),
)

POOLING = (
    layer("pool", "nn.MaxPool2d(3, stride=2, padding=1)", IMAGE, also="pooling"),
    layer("pool", "nn.AvgPool1d(3, ceil_mode=True)", SIGNAL, also="pooling"),
    layer("pool", "nn.AdaptiveAvgPool2d(1)", IMAGE, also="pooling"),
    layer("pool", "nn.LPPool1d(2, 3)", SIGNAL, also="pooling"),
)
NORMS = (
    layer("norm", "nn.BatchNorm2d(4)", IMAGE, also="norm"),
    layer("norm", "nn.LayerNorm(8)", TOKENS, also="norm"),
    layer("norm", "nn.GroupNorm(2, 4)", IMAGE, also="norm"),
    layer("norm", "nn.InstanceNorm1d(4)", SIGNAL, also="norm"),
    layer("norm", "nn.RMSNorm(8, eps=1e-6)", TOKENS, also="norm"),
    layer("norm", "nn.LocalResponseNorm(3)", IMAGE, also="norm"),
    call("x.softmax(dim=-1)", {"x": "2x5"}, also="norm"),
)
OTHERS = (
    layer("windows", "nn.Unfold(3, padding=1)", IMAGE, also="fold"),
    layer("fold", "nn.Fold((6, 8), 2, stride=2)", {"x": "2x16x12"}, also="fold"),
    layer("shuffle", "nn.PixelShuffle(2)", IMAGE, also="shuffle"),
    layer("shuffle", "nn.ChannelShuffle(2)", IMAGE, also="shuffle"),
    layer("flat", "nn.Flatten()", IMAGE, also="shuffle"),
    layer("table", "nn.Embedding(5, 4)", {"x": "2x3 int"}, also="embedding"),
)

CHAPTERS = (
    ("Linear layers", LINEAR),
    ("Convolutions", CONVOLUTIONS),
    ("Transposed convolutions", TRANSPOSED),
    ("Attention", ATTENTION),
    ("Recurrent layers", RECURRENT),
    ("Products of matrices and vectors", MATRICES),
    ("On request: pooling (`--also pooling`)", POOLING),
    ("On request: normalisation (`--also norm`)", NORMS),
    ("On request: folding, shuffling, embedding (`--also fold,shuffle,embedding`)", OTHERS),
)
