"""Trains the iris model on scikit-learn's bundled measurements and writes examples/models/iris."""

import numpy as np
import onnx
import onnxruntime
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from example_requests import EXAMPLES, write_request

SEED = 20
MODEL_FILE = EXAMPLES / "models" / "iris" / "1" / "model.onnx"


def main():
    iris = load_iris()
    measurements = iris.data.astype(np.float32)
    # Trained on names, not numbers, so that the model answers with text.
    species = iris.target_names[iris.target]
    train_x, test_x, train_y, test_y = train_test_split(
        measurements, species, test_size=0.3, stratify=species, random_state=SEED
    )
    classifier = make_pipeline(StandardScaler(), LogisticRegression())
    classifier.fit(train_x, train_y)
    correct = classifier.predict(test_x) == test_y
    print(f"held out: {correct.sum()} of {len(correct)} right ({correct.mean():.2%})")
    assert correct.mean() >= 0.9, "the classifier has not learned enough"

    MODEL_FILE.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(export(classifier), MODEL_FILE)
    check(classifier, test_x)
    write_examples(test_x, test_y)


def export(classifier):
    model = convert_sklearn(
        classifier,
        name="iris",
        initial_types=[("measurements", FloatTensorType([None, 4]))],
        final_types=[
            ("label", StringTensorType([None])),
            ("probabilities", FloatTensorType([None, 3])),
        ],
        options={"zipmap": False},
        target_opset={"": 17, "ai.onnx.ml": 3},
    )
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    # They come in the order of a Python set, which differs from run to run.
    model.opset_import.sort(key=lambda opset: opset.domain)
    onnx.checker.check_model(model, full_check=True)
    return model


def check(classifier, measurements):
    """The file must answer as the classifier does, for one flower and for many."""
    session = onnxruntime.InferenceSession(MODEL_FILE, providers=["CPUExecutionProvider"])
    for batch in (measurements[:1], measurements):
        label, probabilities = session.run(["label", "probabilities"], {"measurements": batch})
        np.testing.assert_array_equal(label, classifier.predict(batch))
        np.testing.assert_allclose(probabilities, classifier.predict_proba(batch), atol=1e-5)


def write_examples(measurements, species):
    """One flower of each species: the first that was held out, whatever the model makes of it."""
    names = sorted(set(species))
    chosen = [int(np.flatnonzero(species == name)[0]) for name in names]
    write_request("iris.json", "iris", "measurements", measurements[chosen], names)


if __name__ == "__main__":
    main()
