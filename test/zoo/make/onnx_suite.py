"""The models of the `onnx` package's backend tests, with the inputs that the package has for them."""

from __future__ import annotations

import glob
import os
import warnings
from collections.abc import Iterator

import numpy as np
import onnx
from input_values import make_inputs
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests
from zoo_case import Case

KINDS = ("node", "simple", "pytorch-converted", "pytorch-operator", "light")


def suite_cases(kind: str) -> Iterator[Case]:
    if kind == "light":
        yield from light_cases()
        return
    with warnings.catch_warnings():
        # The tests of casts overflow on purpose.
        warnings.simplefilter("ignore")
        tests = load_model_tests(kind=kind)
    for test in sorted(tests, key=lambda each: each.name):
        name = test.name.removeprefix("test_")
        if test.model is not None:
            data_sets = [inputs for inputs, _ in test.data_sets]
            yield Case(kind, name, test.model, data_sets, domain_of(test.model))
            continue
        model = onnx.load(os.path.join(test.model_dir, "model.onnx"))
        folders = sorted(glob.glob(os.path.join(test.model_dir, "test_data_set_*")))
        data_sets = [read_inputs(model, folder) for folder in folders]
        data_sets += [list(np.load(file, allow_pickle=True)["inputs"]) for file in npz_files(test)]
        yield Case(kind, name, model, data_sets)


def npz_files(test) -> list[str]:
    return sorted(glob.glob(os.path.join(test.model_dir, "test_data_*.npz")))


def domain_of(model: onnx.ModelProto) -> str:
    """The domain of the operators that the model is a test of: that of ONNX itself only if it has no other."""
    domains = {node.domain for node in model.graph.node} - {"", "ai.onnx"}
    return min(domains, default="ai.onnx")


def read_inputs(model: onnx.ModelProto, folder: str) -> list:
    values = []
    for at, declared in enumerate(model.graph.input):
        path = os.path.join(folder, f"input_{at}.pb")
        if not os.path.exists(path):
            break
        with open(path, "rb") as file:
            content = file.read()
        values.append(parse_value(declared.type, content))
    return values


def parse_value(declared: onnx.TypeProto, content: bytes):
    if declared.HasField("sequence_type"):
        sequence = onnx.SequenceProto()
        sequence.ParseFromString(content)
        return numpy_helper.to_list(sequence)
    if declared.HasField("optional_type"):
        optional = onnx.OptionalProto()
        optional.ParseFromString(content)
        return numpy_helper.to_optional(optional)
    tensor = onnx.TensorProto()
    tensor.ParseFromString(content)
    return numpy_helper.to_array(tensor)


def light_cases() -> Iterator[Case]:
    """Known networks without their weights; the package has no inputs for them."""
    folder = os.path.join(os.path.dirname(onnx.__file__), "backend/test/data/light")
    for path in sorted(glob.glob(os.path.join(folder, "*.onnx"))):
        model = onnx.load(path)
        name = os.path.basename(path).removesuffix(".onnx")
        yield Case("light", name, model, [make_inputs(model, seed=name)])
