"""Tensors and plain values in one safetensors file, under a digest of all of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from throughtime.storage.errors import StorageError
from throughtime.storage.strict_json import read_json
from throughtime.storage.whole_file import write_whole

_KEY = "throughtime"
"""The one entry of the header's metadata: several would come in any order."""


@dataclass(frozen=True)
class Sealed:
    """What a file holds.

    Attributes:
        tensors: By name, on the CPU.
        plain: The plain values beside them; None in a file that was written without a seal.
    """

    tensors: dict[str, Tensor]
    plain: Any


def write_sealed(path: Path, tensors: Mapping[str, Tensor], plain: Any) -> None:
    """Write a safetensors file; the plain values stand in its header, with a digest of everything.

    The same content gives the same bytes.

    Args:
        path: The file; it is replaced as a whole, see `write_whole`.
        tensors: By name, on any device.
        plain: What JSON can hold.

    Raises:
        StorageError: It cannot be written.
    """
    from safetensors.torch import save

    held = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    header = json.dumps({"sha256": seal(held, plain), "content": plain}, allow_nan=False)
    write_whole(path, save(held, metadata={_KEY: header}))


def read_sealed(path: Path) -> Sealed:
    """Read what `write_sealed` has written, or any other safetensors file.

    The memory it takes is bounded by the file's size.

    Raises:
        StorageError: There is no such file, it is damaged, or not what was written.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise StorageError(f"{path} is not there, or is no file")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, TypeError, RuntimeError, AttributeError) as error:
        raise StorageError(f"{path} is damaged: {error}") from None
    if _KEY not in metadata:
        return Sealed(tensors, None)
    header = read_json(metadata[_KEY], f"the header of {path}")
    if not isinstance(header, dict) or set(header) != {"sha256", "content"}:
        raise StorageError(f"{path} is damaged: its header is not one of throughtime")
    if header["sha256"] != seal(tensors, header["content"]):
        raise StorageError(f"{path} is damaged: its content is not what was written")
    return Sealed(tensors, header["content"])


def seal(tensors: Mapping[str, Tensor], plain: Any) -> str:
    """Give the SHA-256 of tensors, with their names, types and shapes, and of plain values."""
    digest = hashlib.sha256(json.dumps(plain, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"\n{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()
