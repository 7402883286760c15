"""A model of the zoo, and how its values are put into files that a reader of another language takes."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Case:
    """One model with one or more sets of inputs. `model` is a ModelProto, or the path of a file."""

    kind: str
    name: str
    model: Any
    # Each a list with one value for each input of the graph, in its order; None leaves an optional one out.
    # A dict has them by name.
    data_sets: list[Any]
    # The row of the table that it counts for, within its kind.
    group: str = ""


@dataclass
class TensorFile:
    """Raw tensors one after the other, little-endian and row-major, as the protocol has them."""

    path: str
    data: bytearray = field(default_factory=bytearray)

    def add(self, name: str, type_name: str, shape: list[int], raw: bytes) -> dict[str, Any]:
        offset = len(self.data)
        self.data += raw
        return {"name": name, "type": type_name, "shape": shape, "offset": offset, "bytes": len(raw)}

    def write(self) -> None:
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        with open(self.path, "wb") as file:
            file.write(self.data)


def raw_bytes(array: np.ndarray) -> bytes:
    """The elements of an array; one of text is its length as uint32, then UTF-8."""
    if array.dtype.kind in "OUS":
        pieces = []
        for element in array.reshape(-1).tolist():
            text = element if isinstance(element, bytes) else str(element).encode()
            pieces.append(struct.pack("<I", len(text)) + text)
        return b"".join(pieces)
    return np.ascontiguousarray(array).tobytes()
