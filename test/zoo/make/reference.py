"""What ONNX Runtime's own Python binding answers: the reference that everything is compared with.

Runs in a process of its own, since a model may take the process along."""

from __future__ import annotations

import ctypes
import os
import re
from typing import Any

import ml_dtypes
import numpy as np
import onnx
from zoo_case import Case, TensorFile, raw_bytes

# Silence: every error comes back as an exception as well.
LOG_SEVERITY = 4

# What a model that a newer onnx stamped is lowered to, if the runtime refuses it as it is. The suite of an
# unreleased version differs in that number alone for nearly all of its models.
NEWEST_IR = 13
NEWEST_OPSET = 26

ODD_TYPES = {
    "bfloat16": (onnx.TensorProto.BFLOAT16, "tensor(bfloat16)"),
    "float8_e4m3fn": (onnx.TensorProto.FLOAT8E4M3FN, "tensor(float8e4m3fn)"),
    "float8_e4m3fnuz": (onnx.TensorProto.FLOAT8E4M3FNUZ, "tensor(float8e4m3fnuz)"),
    "float8_e5m2": (onnx.TensorProto.FLOAT8E5M2, "tensor(float8e5m2)"),
    "float8_e5m2fnuz": (onnx.TensorProto.FLOAT8E5M2FNUZ, "tensor(float8e5m2fnuz)"),
}

PLAIN_TYPES = {
    "bool": "tensor(bool)",
    "int8": "tensor(int8)",
    "int16": "tensor(int16)",
    "int32": "tensor(int32)",
    "int64": "tensor(int64)",
    "uint8": "tensor(uint8)",
    "uint16": "tensor(uint16)",
    "uint32": "tensor(uint32)",
    "uint64": "tensor(uint64)",
    "float16": "tensor(float16)",
    "float32": "tensor(float)",
    "float64": "tensor(double)",
    "complex64": "tensor(complex64)",
    "complex128": "tensor(complex128)",
}


# Types that the binding of Python neither takes nor gives. The reference puts a Cast to a wider type before
# inputs and behind outputs of such a type; their values are then those of the wider one.
NARROW_TYPES = {
    onnx.TensorProto.INT4: ("tensor(int4)", onnx.TensorProto.INT8),
    onnx.TensorProto.UINT4: ("tensor(uint4)", onnx.TensorProto.UINT8),
    onnx.TensorProto.INT2: ("tensor(int2)", onnx.TensorProto.INT8),
    onnx.TensorProto.UINT2: ("tensor(uint2)", onnx.TensorProto.UINT8),
    onnx.TensorProto.FLOAT8E8M0: ("tensor(float8e8m0)", onnx.TensorProto.FLOAT),
}


class CannotFeed(Exception):
    """The binding of Python takes no such value."""


def run_case(case: Case, folder: str) -> dict[str, Any]:
    """Writes the model and its tensors into `folder`, and returns what the manifest says of the case."""
    os.makedirs(folder, exist_ok=True)
    record: dict[str, Any] = {"kind": case.kind, "name": case.name, "group": case.group}
    path = write_model(case, folder)
    record["model"] = os.path.relpath(path, os.path.dirname(os.path.dirname(folder)))
    try:
        session = open_session(path)
    except Exception as error:  # noqa: BLE001: whatever the runtime says is the result
        session, remedy = reopen(path, error)
        if session is None:
            return {**record, "refusal": {"at": "load", "reason": first_line(remedy)}}
        record["changed"] = remedy
    tensors = TensorFile(os.path.join(folder, "tensors.bin"))
    runs = []
    try:
        narrow = narrow_values(path)
        if narrow:
            path = widen(path, narrow)
            session = open_session(path)
            record["cast"] = True
        for values in case.data_sets:
            feeds = name_inputs(session, path, values)
            inputs = [describe(tensors, name, value, narrow.get(name, "")) for name, value in feeds.items()]
            outputs, is_random = answers(session, path, feeds, tensors, narrow)
            runs.append({"inputs": inputs, "outputs": outputs, "random": is_random})
    except CannotFeed as error:
        return {**record, "refusal": {"at": "feed", "reason": first_line(error)}}
    except Exception as error:  # noqa: BLE001
        return {**record, "refusal": {"at": "run", "reason": first_line(error)}}
    tensors.write()
    return {**record, "runs": runs, "tensors": record["model"].rsplit("/", 1)[0] + "/tensors.bin"}


def write_model(case: Case, folder: str) -> str:
    path = os.path.join(folder, "model.onnx")
    if isinstance(case.model, str):
        return os.path.abspath(case.model)
    with open(path, "wb") as file:
        file.write(case.model.SerializeToString(deterministic=True))
    return path


def open_session(path: str):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = LOG_SEVERITY
    # As Modelport's hosts run models: sums come out the same, to the last bit.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def reopen(path: str, error: Exception):
    """The session of a changed model and what was changed, or None and the first error."""
    text = str(error)
    if "Unsupported model IR version" in text or "under development" in text or "official support" in text:
        change, what = lower, "lowered"
    elif "locale" in text:
        change, what = set_locale, "locale"
    else:
        return None, error
    model = onnx.load(path, load_external_data=False)
    change(model)
    with open(path, "wb") as file:
        file.write(model.SerializeToString(deterministic=True))
    try:
        return open_session(path), what
    except Exception as second:  # noqa: BLE001
        if what == "lowered" and "locale" in str(second):
            return reopen(path, second)
        return None, second


def lower(model: onnx.ModelProto) -> None:
    model.ir_version = min(model.ir_version, NEWEST_IR)
    for opset in [*model.opset_import, *(o for f in model.functions for o in f.opset_import)]:
        if opset.domain in ("", "ai.onnx"):
            opset.version = min(opset.version, NEWEST_OPSET)


def set_locale(model: onnx.ModelProto) -> None:
    """Takes the locale that every machine has, where this one lacks the model's."""
    for node in model.graph.node:
        if node.op_type == "StringNormalizer":
            kept = [attribute for attribute in node.attribute if attribute.name != "locale"]
            del node.attribute[:]
            node.attribute.extend([*kept, onnx.helper.make_attribute("locale", "C.UTF-8")])


def name_inputs(session, path: str, values: Any) -> dict[str, Any]:
    if isinstance(values, dict):
        return values
    values = [as_value(value) for value in values]
    names = [value.name for value in onnx.load(path, load_external_data=False).graph.input]
    known = {value.name for value in session.get_inputs()}
    known |= {value.name for value in session.get_overridable_initializers()}
    return {n: v for n, v in zip(names, values) if v is not None and n in known}


def as_value(value: Any) -> Any:
    """The suite has scalars of numpy and tensors of ONNX among its arrays."""
    if isinstance(value, onnx.TensorProto):
        return onnx.numpy_helper.to_array(value)
    return np.asarray(value) if isinstance(value, np.generic) else value


def narrow_values(path: str) -> dict[str, str]:
    """ONNX Runtime's name of the type of each input and output that has a narrow one."""
    graph = onnx.load(path, load_external_data=False).graph
    types = {value.name: value.type.tensor_type.elem_type for value in [*graph.input, *graph.output]}
    return {name: NARROW_TYPES[number][0] for name, number in types.items() if number in NARROW_TYPES}


def widen(path: str, narrow: dict[str, str]) -> str:
    """Writes the model with its Casts beside it. Its inputs and outputs keep their names."""
    model = onnx.load(path)
    graph = model.graph
    inner = {name: f"{name}/narrow" for name in narrow}
    for node in graph.node:
        node.input[:] = [inner.get(name, name) for name in node.input]
        node.output[:] = [inner.get(name, name) for name in node.output]
    for value in graph.input:
        number = value.type.tensor_type.elem_type
        if number in NARROW_TYPES:
            value.type.tensor_type.elem_type = NARROW_TYPES[number][1]
            graph.node.insert(0, onnx.helper.make_node("Cast", [value.name], [inner[value.name]], to=number))
    for value in graph.output:
        number = value.type.tensor_type.elem_type
        if number in NARROW_TYPES:
            wide = NARROW_TYPES[number][1]
            value.type.tensor_type.elem_type = wide
            graph.node.append(onnx.helper.make_node("Cast", [inner[value.name]], [value.name], to=wide))
    for value in graph.value_info:
        value.name = inner.get(value.name, value.name)
    wider = os.path.join(os.path.dirname(path), "reference.onnx")
    onnx.save(model, wider)
    return wider


def answers(session, path: str, feeds: dict[str, Any], tensors: TensorFile, narrow: dict[str, str]):
    """The outputs, and whether they differ from run to run."""
    names = [output.name for output in session.get_outputs()]
    types = {output.name: narrow.get(output.name, output.type) for output in session.get_outputs()}
    first = run(session, names, feeds)
    # A generator with a seed goes on from run to run, one without begins anywhere.
    others = [run(each, names, feeds) for each in (session, session, session, open_session(path))]
    outputs = [describe(tensors, name, value, types[name]) for name, value in zip(names, first)]
    return outputs, any(not same(first, other) for other in others)


def run(session, names: list[str], feeds: dict[str, Any]) -> list[Any]:
    types = [v.type for v in [*session.get_inputs(), *session.get_outputs()]]
    odd = tuple(name for _, name in ODD_TYPES.values())
    if not any(each in odd for each in types):
        wide = {v.name: WIDE_DTYPES[v.type] for v in session.get_inputs() if v.type in WIDE_DTYPES}
        return session.run(names, {name: plain(value, wide.get(name)) for name, value in feeds.items()})
    given = {name: ort_value(value) for name, value in feeds.items()}
    return [from_ort_value(value) for value in session.run_with_ort_values(names, given)]


# Of ml_dtypes.
NARROW_NAMES = ("int4", "int2", "float8_e8m0fnu")

# Of the wider types of NARROW_TYPES.
WIDE_DTYPES = {"tensor(int8)": np.int8, "tensor(uint8)": np.uint8, "tensor(float)": np.float32}


def plain(value: Any, wide: Any = None) -> Any:
    """As the binding takes it; `wide` is what a narrow one goes as."""
    if wide is not None and isinstance(value, np.ndarray) and value.dtype.name.endswith(NARROW_NAMES):
        return value.astype(wide)
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, np.ndarray) and value.dtype.kind in "US":
        return value.astype(object)
    return value


def ort_value(value: Any):
    import onnxruntime

    if isinstance(value, (list, dict)):
        raise CannotFeed("the binding of Python takes no sequence beside a tensor of this type")
    name = value.dtype.name
    if name in ODD_TYPES:
        number, _ = ODD_TYPES[name]
        return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(value.view(bits_of(value)), number)
    if name not in PLAIN_TYPES and value.dtype.kind not in "OUS":
        raise CannotFeed(f"the binding of Python takes no {name}")
    return onnxruntime.OrtValue.ortvalue_from_numpy(plain(np.ascontiguousarray(value).reshape(value.shape)))


class RawTensor:
    """A tensor of a type that numpy has not."""

    def __init__(self, type_name: str, shape: list[int], raw: bytes) -> None:
        self.type_name, self.shape, self.raw = type_name, shape, raw


def from_ort_value(value) -> Any:
    type_name = value.data_type()
    if type_name in PLAIN_TYPES.values() or type_name == "tensor(string)":
        return value.numpy()
    if not type_name.startswith("tensor("):
        raise CannotFeed(f"the binding of Python gives no {type_name} beside a tensor of this type")
    shape = list(value.shape())
    size = 2 if "bfloat16" in type_name else 1
    count = int(np.prod(shape, dtype=np.int64))
    raw = ctypes.string_at(value.data_ptr(), count * size) if count > 0 else b""
    return RawTensor(type_name, shape, raw)


def bits_of(array: np.ndarray):
    return np.uint16 if array.dtype.itemsize == 2 else np.uint8


def describe(tensors: TensorFile, name: str, value: Any, declared: str = "") -> dict[str, Any]:
    """The entry of a value in the manifest. Sequences have `items`; the maps of a ZipMap one tensor, with
    a row for each map and a column for each of its `keys`."""
    if isinstance(value, RawTensor):
        return tensors.add(name, value.type_name, value.shape, value.raw)
    if value is None:
        return {"name": name, "type": declared or "optional", "missing": True}
    if isinstance(value, list):
        if declared.startswith("seq(map") and len(value) > 0:
            keys = list(value[0])
            rows = np.array([[row[key] for key in keys] for row in value])
            rows = rows.astype(np.float64 if "double" in declared else np.float32)
            return {**describe(tensors, name, rows), "type": declared, "keys": keys}
        items = [describe(tensors, f"{name}[{at}]", item) for at, item in enumerate(value)]
        return {"name": name, "type": declared or "seq", "items": items}
    if isinstance(value, dict):
        rows = np.array(list(value.values()))
        return {**describe(tensors, name, rows), "type": declared or "map", "keys": list(value)}
    array = np.asarray(value)
    if array.dtype.kind in "OUS":
        return tensors.add(name, "tensor(string)", list(array.shape), raw_bytes(array))
    if declared == "tensor(float8e8m0)":
        bits = array.astype(ml_dtypes.float8_e8m0fnu).view(np.uint8)
        return tensors.add(name, declared, list(array.shape), raw_bytes(bits))
    if "int4" in declared or "int2" in declared:
        # One element in each byte, as the protocol's INT8 and UINT8 have it.
        wide = array.astype(np.uint8 if "uint" in declared else np.int8)
        return tensors.add(name, declared, list(array.shape), raw_bytes(wide))
    known = array.dtype.name
    type_name = PLAIN_TYPES.get(known) or ODD_TYPES.get(known, (0, f"tensor({known})"))[1]
    entry = tensors.add(name, type_name, list(array.shape), raw_bytes(array))
    # ONNX Runtime hands optional tensors out as tensors; what was declared tells them apart.
    return {**entry, "type": declared} if declared.startswith("optional") else entry


def same(a: Any, b: Any) -> bool:
    if isinstance(a, RawTensor):
        return a.raw == b.raw
    if isinstance(a, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if a is None or b is None:
        return a is b
    a, b = np.asarray(a), np.asarray(b)
    return a.shape == b.shape and raw_bytes(a) == raw_bytes(b)


def first_line(error: Exception) -> str:
    """The reason without paths, which differ from machine to machine."""
    text = str(error).strip().splitlines()
    line = text[0] if text else type(error).__name__
    return re.sub(r"(?:/[\w.+@-]+)+/", "", line)[:300]
