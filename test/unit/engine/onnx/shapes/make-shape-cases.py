"""Writes shape-cases.br: node models of the onnx package's backend tests with the shapes of their results.

    python make-shape-cases.py      # needs onnx, onnxruntime, numpy, brotli

Each case has two opinions on every output: what onnx's shape inference says (null for a dimension that it does
not know), and the shape of the reference result. Cases of com.microsoft come from what ONNX Runtime answers.
Small inputs that tell shapes, such as the second one of Reshape, become initializers; shapes of outputs are
taken out of the models, since they are what is asked for.

The file is brotli of: 4 bytes little-endian, the length of a JSON list of cases, the list, all models.
"""

import json
import pathlib
import struct
import warnings

import brotli
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases

warnings.filterwarnings("ignore")

FEW_ELEMENTS = 16
# Their lists of floats say how big the result is.
SIZED_BY_FLOATS = {"Resize", "Upsample", "Range"}
# Expansions into functions repeat each other: of each operator and count of nodes, so many are kept.
KEPT_OF_A_KIND = 3


def is_small(op, index, array):
    if not isinstance(array, np.ndarray) or array.ndim > 1 or array.size > FEW_ELEMENTS:
        return False
    if array.dtype.kind in "iub":
        return array.dtype.itemsize in (1, 2, 4, 8)
    is_number = array.size == 1 and index > 0 and array.dtype == np.float32
    return is_number or (op in SIZED_BY_FLOATS and array.dtype == np.float32)


def with_initializers(model, op, arrays):
    """Small inputs as initializers, and nothing said of outputs."""
    graph = model.graph
    inputs = list(graph.input)
    del graph.input[:]
    for index, (value, array) in enumerate(zip(inputs, arrays)):
        if is_small(op, index, array):
            graph.initializer.append(numpy_helper.from_array(array, value.name))
        else:
            graph.input.append(value)
    del graph.value_info[:]
    for value in graph.output:
        if value.type.HasField("tensor_type"):
            value.type.tensor_type.ClearField("shape")


def without_names(graph):
    graph.name = "g"
    graph.ClearField("doc_string")
    for node in graph.node:
        node.ClearField("name")
        node.ClearField("doc_string")
        for attribute in node.attribute:
            attribute.ClearField("doc_string")
            if attribute.type == onnx.AttributeProto.GRAPH:
                without_names(attribute.g)


def inferred_shapes(model):
    try:
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    except Exception:  # noqa: BLE001 - it has faults of its own
        return [None] * len(model.graph.output)
    shapes = []
    for value in inferred.graph.output:
        tensor = value.type.tensor_type
        if not value.type.HasField("tensor_type") or not tensor.HasField("shape"):
            shapes.append(None)
            continue
        shapes.append([d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim])
    return shapes


def believable(inferred, actual):
    """Without what contradicts the reference result: STFT's inference forgets that it is one-sided."""
    return [
        shape if result is None or shape is None or fits(shape, result) else None
        for shape, result in zip(inferred, actual)
    ]


def fits(shape, result):
    return len(shape) == len(result) and all(a in (None, b) for a, b in zip(shape, result))


def actual_shape(array):
    return list(array.shape) if isinstance(array, np.ndarray) else None


def node_cases():
    kinds = {}
    for test in sorted(collect_testcases(None), key=lambda test: test.name):
        if test.model is None or not test.data_sets:
            continue
        inputs, outputs = test.data_sets[0]
        model = onnx.ModelProto()
        model.CopyFrom(test.model)
        nodes = model.graph.node
        op = test.name.removeprefix("test_") if len(nodes) > 1 else nodes[-1].op_type
        if len(nodes) > 1:
            kind = (op.split("_")[0], len(nodes))
            kinds[kind] = kinds.get(kind, 0) + 1
            if kinds[kind] > KEPT_OF_A_KIND or len(nodes) > 200:
                continue
        inputs = [np.asarray(a) if np.isscalar(a) else a for a in inputs]
        actual = [actual_shape(np.asarray(a) if np.isscalar(a) else a) for a in outputs]
        with_initializers(model, op, inputs)
        without_names(model.graph)
        model.ClearField("producer_name")
        domain = nodes[-1].domain
        name = op if len(nodes) == 1 else "expanded"
        yield {
            "name": test.name,
            "op": f"{domain}:{name}" if domain else name,
            "inferred": believable(inferred_shapes(model), actual),
            "actual": actual,
        }, model.SerializeToString()


def float_input(name, *shape):
    return name, np.random.default_rng(1).standard_normal(shape).astype(np.float32)


def int32_input(name, *shape):
    return name, np.ones(shape, np.int32)


def uint8_input(name, *shape):
    return name, np.full(shape, 3, np.uint8)


def scale(name):
    return name, np.array(0.1, np.float32)


def zero(name):
    return name, np.array(2, np.uint8)


def microsoft_nodes():
    """(operator, inputs, number of outputs, attributes); an input None is left out."""
    x = float_input("x", 2, 5, 8)
    w = float_input("w", 8)
    yield "FastGelu", [x, w], 1, {}
    yield "BiasGelu", [x, w], 1, {}
    yield "QuickGelu", [x], 1, {}
    yield "Gelu", [x], 1, {}
    yield "SkipLayerNormalization", [x, float_input("s", 2, 5, 8), w, float_input("b", 8)], 4, {}
    yield "SkipSimplifiedLayerNormalization", [x, float_input("s", 2, 5, 8), w], 4, {}
    ids = int32_input("ids", 2, 5)
    tables = [float_input("words", 9, 8), float_input("places", 6, 8), float_input("kinds", 2, 8)]
    yield "EmbedLayerNormalization", [ids, int32_input("t", 2, 5), *tables, w, float_input("b", 8)], 2, {}
    yield "FusedMatMul", [float_input("a", 3, 5, 4), float_input("b", 5, 6)], 1, {"transA": 1}
    yield "FusedMatMul", [float_input("a", 3, 4, 5), float_input("b", 6, 5)], 1, {"transB": 1}
    yield "FusedGemm", [float_input("a", 3, 4), float_input("b", 6, 4), float_input("c", 6)], 1, {
        "transB": 1,
        "activation": "Relu",
    }
    yield "FusedConv", [float_input("x", 1, 3, 8, 8), float_input("w", 4, 3, 3, 3)], 1, {
        "strides": [2, 2],
        "activation": "Relu",
    }
    packed = ("w", np.ones((12, 2, 16), np.uint8))
    scales = ("scales", np.ones((12 * 2,), np.float32))
    yield "MatMulNBits", [float_input("x", 2, 5, 64), packed, scales], 1, {
        "K": 64,
        "N": 12,
        "bits": 4,
        "block_size": 32,
    }
    yield "DynamicQuantizeMatMul", [float_input("x", 2, 5, 8), uint8_input("w", 8, 6), scale("s"), zero("z")], 1, {}
    yield "MatMulIntegerToFloat", [uint8_input("a", 2, 5, 8), uint8_input("b", 8, 6), scale("s"), scale("t")], 1, {}
    quantized = [uint8_input("a", 2, 3, 6, 6), scale("as"), zero("az")]
    result = [scale("ys"), zero("yz")]
    yield "QLinearAdd", [*quantized, uint8_input("b", 3, 1, 1), scale("bs"), zero("bz"), *result], 1, {}
    yield "QLinearMul", [*quantized, uint8_input("b", 6), scale("bs"), zero("bz"), *result], 1, {}
    yield "QLinearSigmoid", [*quantized, *result], 1, {}
    yield "QLinearLeakyRelu", [*quantized, *result], 1, {"alpha": 0.1}
    yield "QLinearSoftmax", [*quantized, *result], 1, {"axis": 1, "opset": 13}
    yield "QLinearAveragePool", [*quantized, *result], 1, {"kernel_shape": [3, 3], "strides": [2, 2]}
    yield "QLinearGlobalAveragePool", [*quantized, *result], 1, {}
    yield "QLinearGlobalAveragePool", [*quantized, *result], 1, {"channels_last": 1}
    parts = [uint8_input("a", 2, 3), scale("as"), zero("az"), uint8_input("b", 2, 4), scale("bs"), zero("bz")]
    yield "QLinearConcat", [*result, *parts], 1, {"axis": 1}
    gemm = [uint8_input("a", 3, 4), scale("as"), zero("az"), uint8_input("b", 6, 4), scale("bs"), zero("bz")]
    yield "QGemm", [*gemm, None, *result], 1, {"transB": 1}
    yield "Attention", [x, float_input("w", 8, 24), float_input("b", 24)], 1, {"num_heads": 2}
    past = float_input("past", 2, 2, 2, 3, 4)
    yield "Attention", [x, float_input("w", 8, 24), float_input("b", 24), None, past], 2, {
        "num_heads": 2,
        "unidirectional": 1,
    }
    keys = float_input("k", 2, 7, 8)
    values = float_input("v", 2, 7, 12)
    yield "MultiHeadAttention", [x, keys, values], 1, {"num_heads": 2}
    kept = [float_input("pk", 2, 2, 3, 4), float_input("pv", 2, 2, 3, 4)]
    same = [float_input("k", 2, 5, 8), float_input("v", 2, 5, 8)]
    yield "MultiHeadAttention", [x, *same, None, None, None, *kept], 3, {"num_heads": 2}
    grouped = [float_input("q", 1, 1, 64), float_input("k", 1, 1, 32), float_input("v", 1, 1, 32)]
    caches = [float_input("pk", 1, 2, 3, 16), float_input("pv", 1, 2, 3, 16)]
    lengths = [("lens", np.array([3], np.int32)), ("total", np.array(4, np.int32))]
    yield "GroupQueryAttention", [*grouped, *caches, *lengths], 3, {"num_heads": 4, "kv_num_heads": 2}
    yield "ExpandDims", [x, ("axis", np.array(1, np.int32))], 1, {}
    yield "CDist", [float_input("a", 3, 4), float_input("b", 6, 4)], 1, {"metric": "sqeuclidean"}
    yield "Inverse", [float_input("m", 2, 3, 3)], 1, {}
    yield "Trilu", [x], 1, {}
    yield "Pad", [float_input("x", 2, 3), ("pads", np.array([1, 0, 2, 4], np.int64))], 1, {}
    cos = float_input("cos", 6, 2)
    sin = float_input("sin", 6, 2)
    places = ("places", np.zeros((1,), np.int64))
    yield "RotaryEmbedding", [float_input("x", 2, 2, 5, 4), places, cos, sin], 1, {}


def microsoft_cases():
    for index, (op, inputs, count, attributes) in enumerate(microsoft_nodes()):
        given = [entry for entry in inputs if entry is not None]
        names = [entry[0] if entry is not None else "" for entry in inputs]
        outputs = [f"y{number}" for number in range(count)]
        node = helper.make_node(op, names, outputs, domain="com.microsoft", **attributes)
        values = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
            for name, array in given
        ]
        results = [onnx.ValueInfoProto(name=name) for name in outputs]
        graph = helper.make_graph([node], "g", values, results)
        opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
        with_initializers(model, op, [array for _, array in given])
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        feeds = dict(given)
        fed = {value.name: feeds[value.name] for value in session.get_inputs()}
        arrays = session.run(None, fed)
        for value, array in zip(model.graph.output, arrays):
            value.type.tensor_type.elem_type = helper.np_dtype_to_tensor_dtype(array.dtype)
        model.ClearField("producer_name")
        yield {
            "name": f"microsoft_{index}_{op}",
            "op": f"com.microsoft:{op}",
            "inferred": [None] * count,
            "actual": [actual_shape(array) for array in arrays],
        }, model.SerializeToString()


def main():
    cases = []
    models = []
    for case, model in [*node_cases(), *microsoft_cases()]:
        cases.append({**case, "bytes": len(model)})
        models.append(model)
    head = json.dumps(cases, separators=(",", ":")).encode()
    packed = brotli.compress(struct.pack("<I", len(head)) + head + b"".join(models), quality=11, lgwin=24)
    target = pathlib.Path(__file__).with_name("shape-cases.br")
    target.write_bytes(packed)
    print(f"{len(cases)} cases, {len(packed)} bytes")


main()
