"""Inputs for models that come without any: small, the same in every run, and within what models take."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import onnx
from onnx import helper


def make_inputs(
    model: onnx.ModelProto,
    seed: str,
    dimensions: dict[str, int] | None = None,
    values: dict[str, Any] | None = None,
) -> dict[str, np.ndarray]:
    """One value for each input that has no default. `dimensions` are sizes by the name of a dimension, or
    by "input:axis"; `values` are whole values by the name of an input, or a range (low, high) to draw from."""
    dimensions, values = dimensions or {}, values or {}
    initialized = {tensor.name for tensor in model.graph.initializer}
    random = np.random.default_rng(zlib.crc32(seed.encode()))
    made = {}
    for value in model.graph.input:
        if value.name in initialized:
            continue
        tensor = value.type.tensor_type
        shape = [
            dimensions.get(f"{value.name}:{axis}")
            or dimensions.get(dimension.dim_param)
            or dimension.dim_value
            or dimensions.get("*", 2)
            for axis, dimension in enumerate(tensor.shape.dim)
        ]
        dtype = helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        given = values.get(value.name)
        made[value.name] = draw(random, shape, dtype, given)
    return made


def draw(random: np.random.Generator, shape: list[int], dtype: np.dtype, given: Any) -> np.ndarray:
    if given is not None and not isinstance(given, tuple):
        return np.asarray(given, dtype=dtype).reshape(np.shape(given))
    if dtype.kind == "b":
        return random.integers(0, 2, shape).astype(bool)
    if dtype.kind in "iu":
        low, high = given or (0, 2)
        return random.integers(low, high, shape).astype(dtype)
    if dtype.kind == "O":
        words = np.array(["a", "bee", "zwölf", ""], dtype=object)
        return words[random.integers(0, len(words), shape)]
    low, high = given or (-1, 1)
    return random.uniform(low, high, shape).astype(dtype)
