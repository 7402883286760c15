"""Trains the digits model on scikit-learn's bundled images and writes examples/models/digits."""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

from example_requests import EXAMPLES, write_request
from network import Adam, Conv3x3, Dense, Dropout, MaxPool2x2, Network, Relu

SEED = 20
EPOCHS = 60
BATCH = 64
LEARNING_RATE = 2e-3
MODEL_FILE = EXAMPLES / "models" / "digits" / "model.onnx"


def main():
    digits = load_digits()
    images = digits.images.astype(np.float32)[:, None]
    train_x, test_x, train_y, test_y = train_test_split(
        images, digits.target, test_size=0.2, stratify=digits.target, random_state=SEED
    )
    # Sums in another order round differently: with one thread the result does not depend on cores.
    with threadpool_limits(limits=1):
        network = train(train_x, train_y)
    correct = network.probabilities(test_x / np.float32(16)).argmax(axis=1) == test_y
    print(f"held out: {correct.sum()} of {len(correct)} right ({correct.mean():.2%})")
    assert correct.mean() >= 0.98, "the network has not learned enough"

    MODEL_FILE.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(export(network), MODEL_FILE)
    check(network, test_x)
    write_examples(test_x, test_y)


def train(images, labels):
    rng = np.random.default_rng(SEED)
    network = Network(
        [
            Conv3x3(1, 16, rng),
            Relu(),
            Conv3x3(16, 32, rng),
            Relu(),
            MaxPool2x2(),
            Dense(32 * 4 * 4, 64, rng),
            Relu(),
            Dropout(0.4, rng),
            Dense(64, 10, rng),
        ]
    )
    adam = Adam(network.parameters)
    steps_per_epoch = len(images) // BATCH
    for epoch in range(EPOCHS):
        order = rng.permutation(len(images))
        for step in range(steps_per_epoch):
            chosen = order[step * BATCH : (step + 1) * BATCH]
            network.compute_gradients(shift(images[chosen], rng) / np.float32(16), labels[chosen])
            progress = (epoch + step / steps_per_epoch) / EPOCHS
            adam.step(LEARNING_RATE * (1 + np.cos(np.pi * progress)) / 2)
    return network


def shift(images, rng):
    """Moves each image by up to one pixel, so that the network learns shapes, not places."""
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    offsets = rng.integers(0, 3, (len(images), 2))
    return np.stack([p[:, y : y + 8, x : x + 8] for p, (y, x) in zip(padded, offsets)])


def export(network):
    """The network as ONNX, with the scaling of pixels before it and softmax and argmax behind."""
    conv1, conv2 = [layer for layer in network.layers if isinstance(layer, Conv3x3)]
    dense1, dense2 = [layer for layer in network.layers if isinstance(layer, Dense)]
    weights = {"pixel_scale": np.float32(1 / 16)}
    for name, layer in [("conv1", conv1), ("conv2", conv2), ("dense1", dense1), ("dense2", dense2)]:
        weights[f"{name}_weight"] = layer.weight.value
        weights[f"{name}_bias"] = layer.bias.value
    conv = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
    node = helper.make_node
    nodes = [
        node("Mul", ["image", "pixel_scale"], ["scaled"]),
        node("Conv", ["scaled", "conv1_weight", "conv1_bias"], ["conv1"], **conv),
        node("Relu", ["conv1"], ["relu1"]),
        node("Conv", ["relu1", "conv2_weight", "conv2_bias"], ["conv2"], **conv),
        node("Relu", ["conv2"], ["relu2"]),
        node("MaxPool", ["relu2"], ["pooled"], **pool),
        node("Flatten", ["pooled"], ["flat"]),
        node("Gemm", ["flat", "dense1_weight", "dense1_bias"], ["dense1"]),
        node("Relu", ["dense1"], ["relu3"]),
        node("Gemm", ["relu3", "dense2_weight", "dense2_bias"], ["logits"]),
        node("Softmax", ["logits"], ["probabilities"], axis=1),
        node("ArgMax", ["logits"], ["label"], axis=1, keepdims=0),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "digits",
        [value("image", TensorProto.FLOAT, ["batch", 1, 8, 8])],
        [
            value("probabilities", TensorProto.FLOAT, ["batch", 10]),
            value("label", TensorProto.INT64, ["batch"]),
        ],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(
        graph, opset_imports=[opset], ir_version=8, producer_name="modelport-examples"
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def check(network, images):
    """The file must answer as the network does, for one image and for many."""
    session = onnxruntime.InferenceSession(MODEL_FILE, providers=["CPUExecutionProvider"])
    for batch in (images[:1], images):
        wanted = network.probabilities(batch / np.float32(16))
        probabilities, label = session.run(["probabilities", "label"], {"image": batch})
        np.testing.assert_allclose(probabilities, wanted, atol=1e-5)
        np.testing.assert_array_equal(label, wanted.argmax(axis=1))


def write_examples(images, labels):
    """One image, and two in a batch: the first three held-out ones, whatever the model makes of them."""
    truths = [int(label) for label in labels[:3]]
    write_request("digits.json", "digits", "image", images[:1], truths[:1])
    write_request("digits-batch.json", "digits", "image", images[1:3], truths[1:3])


if __name__ == "__main__":
    main()
