"""The constants that no expression says: a safetensors file beside the emitted one, and its loader."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

SAFETENSORS_TYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
    torch.complex64: "C64",
    torch.uint16: "U16",
    torch.uint32: "U32",
    torch.uint64: "U64",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
}

_LOADER = '''
def load_constants():
    """The tensors of the .safetensors file beside this one, by name."""
    data = bytearray(Path(__file__).with_suffix(".safetensors").read_bytes())
    start = 8 + int.from_bytes(data[:8], "little")
    dtypes = {DTYPES}
    constants = {}
    for name, entry in json.loads(data[8:start]).items():
        dtype, (begin, end) = dtypes[entry["dtype"]], entry["data_offsets"]
        flat = torch.frombuffer(data[start + begin : start + end], dtype=dtype)
        constants[name] = flat.reshape(entry["shape"])
    return constants


CONSTANTS = load_constants()'''


def loader(constants: Iterable[Tensor]) -> str:
    """The function of an emitted file that reads its constants; it knows the types that occur."""
    occurring = {tensor.dtype for tensor in constants}
    entries = [
        f'"{name}": {dtype}' for dtype, name in SAFETENSORS_TYPES.items() if dtype in occurring
    ]
    line = f"{{{', '.join(entries)}}}"
    if len(line) > 80:
        line = "{\n        " + ",\n        ".join(entries) + ",\n    }"
    return _LOADER.replace("{DTYPES}", line)


def safetensors_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """Tensors in the safetensors format: the length of a JSON header, the header, the bytes in
    order.
    """
    blocks, entries, offset = [], {}, 0
    for name, tensor in sorted(tensors.items()):
        block = tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
        entries[name] = {
            "dtype": SAFETENSORS_TYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + len(block)],
        }
        offset += len(block)
        blocks.append(block)
    head = json.dumps(entries).encode()
    head += b" " * (-len(head) % 8)
    return len(head).to_bytes(8, "little") + head + b"".join(blocks)
