"""Reads the weights out of an ONNX Runtime model file (``.ort``), a FlatBuffers table.

ONNX Runtime can run such a file but not hand its weights over. The field numbers are those of
``onnxruntime/core/flatbuffers/schema/ort.fbs``; the encoding is described in FlatBuffers' own
"Internals" page. Only what the recogniser's decoder needs is read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_SESSION_MODEL = 1
_MODEL_GRAPH = 7
_GRAPH_INITIALIZERS, _GRAPH_NODES = 0, 2
_TENSOR_NAME, _TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_RAW = 0, 2, 3, 4
_NODE_NAME, _NODE_OPERATOR, _NODE_INPUTS, _NODE_ATTRIBUTES = 0, 5, 8, 10
_ATTRIBUTE_NAME, _ATTRIBUTE_GRAPH = 0, 7

_ELEMENT_TYPES: dict[int, np.dtype[Any]] = {
    1: np.dtype("<f4"),
    3: np.dtype("i1"),
    7: np.dtype("<i8"),
}
"""TensorDataType -> element type; other tensors are not weights."""

Tensor = npt.NDArray[Any]


@dataclass(frozen=True)
class OrtWeights:
    """A decoder's weights."""

    tensors: Mapping[str, Tensor]
    """Initialisers by name; views into the file's bytes."""
    multiplied: Mapping[str, str]
    """Name of a matrix multiplication in the branch without a cache -> its second input's name."""


def read_ort(path: Path) -> OrtWeights:
    """Read a model file; about 2 ms, the tensors stay as they lie in the file.

    Raises OSError where it cannot be read. The bytes are trusted: verify their hash first.
    """
    data = path.read_bytes()
    (root,) = struct.unpack_from("<I", data)
    graph = _Table(data, root).table(_SESSION_MODEL).table(_MODEL_GRAPH)
    tensors = {}
    for entry in graph.tables(_GRAPH_INITIALIZERS):
        tensor = _read_tensor(entry)
        if tensor is not None:
            tensors[entry.string(_TENSOR_NAME)] = tensor
    return OrtWeights(tensors=tensors, multiplied=dict(_multiplications(graph)))


def _read_tensor(entry: _Table) -> Tensor | None:
    element = _ELEMENT_TYPES.get(entry.int32(_TENSOR_TYPE))
    start, size = entry.vector(_TENSOR_RAW)
    if element is None or not size:
        return None
    dims_at, rank = entry.vector(_TENSOR_DIMS)
    dims = struct.unpack_from(f"<{rank}q", entry.data, dims_at)
    flat = np.frombuffer(entry.data, element, size // element.itemsize, start)
    return flat.reshape(dims)


def _multiplications(graph: _Table) -> Iterator[tuple[str, str]]:
    """(node, second input) of the matrix products of the If nodes' ``else_branch`` graphs."""
    for node in graph.tables(_GRAPH_NODES):
        if node.string(_NODE_OPERATOR) != "If":
            continue
        for attribute in node.tables(_NODE_ATTRIBUTES):
            if attribute.string(_ATTRIBUTE_NAME) != "else_branch":
                continue
            for inner in attribute.table(_ATTRIBUTE_GRAPH).tables(_GRAPH_NODES):
                if inner.string(_NODE_OPERATOR) == "MatMul":
                    yield inner.string(_NODE_NAME), inner.strings(_NODE_INPUTS)[1]


@dataclass(frozen=True)
class _Table:
    """One FlatBuffers table at an offset; fields are asked for by number."""

    data: bytes
    at: int

    def _u32(self, position: int) -> int:
        value: int = struct.unpack_from("<I", self.data, position)[0]
        return value

    def _field(self, number: int) -> int:
        """Where the field's value lies, 0 where it is absent."""
        vtable = self.at - struct.unpack_from("<i", self.data, self.at)[0]
        (vtable_size,) = struct.unpack_from("<H", self.data, vtable)
        slot = 4 + 2 * number
        if slot >= vtable_size:
            return 0
        (offset,) = struct.unpack_from("<H", self.data, vtable + slot)
        return self.at + offset if offset else 0

    def int32(self, number: int) -> int:
        field = self._field(number)
        return struct.unpack_from("<i", self.data, field)[0] if field else 0

    def table(self, number: int) -> _Table:
        field = self._field(number)
        if not field:
            raise ValueError(f"no field {number} in the table at {self.at}")
        return _Table(self.data, field + self._u32(field))

    def vector(self, number: int) -> tuple[int, int]:
        """(offset of the first element, number of elements)."""
        field = self._field(number)
        if not field:
            return 0, 0
        start = field + self._u32(field)
        return start + 4, self._u32(start)

    def tables(self, number: int) -> list[_Table]:
        start, count = self.vector(number)
        slots = (start + 4 * index for index in range(count))
        return [_Table(self.data, slot + self._u32(slot)) for slot in slots]

    def string(self, number: int) -> str:
        start, size = self.vector(number)
        return self.data[start : start + size].decode()

    def strings(self, number: int) -> list[str]:
        start, count = self.vector(number)
        texts = []
        for slot in range(start, start + 4 * count, 4):
            at = slot + self._u32(slot)
            texts.append(self.data[at + 4 : at + 4 + self._u32(at)].decode())
        return texts
