"""Answers of two servers side by side: where they are, and what makes their answers the same."""

import sys
from pathlib import Path

import numpy

# The cases of test/clients, whose server is the first argument, and which print one line for each.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "clients"))
from cases import ADDRESS, Case, run

__all__ = ["MODELPORT", "PEER", "PEER_GRPC", "ROWS", "SameAnswers", "run", "texts"]

# "host:port"; the peer has a port for each protocol, Modelport one for both.
MODELPORT = ADDRESS
PEER, PEER_GRPC = (sys.argv[2], sys.argv[3]) if len(sys.argv) > 3 else ("", "")

IRIS = numpy.array([[6.8, 2.8, 4.8, 1.4], [6.0, 3.4, 4.5, 1.6]])
CANCER = numpy.arange(90).reshape(3, 30) % 29 * 0.9 + 0.05
ROWS = {
    "iris-xgboost": IRIS,
    "classes-xgboost": IRIS,
    "cancer-xgboost": CANCER,
    "iris-lightgbm": IRIS,
    "cancer-lightgbm": CANCER,
    "iris-sklearn": IRIS,
    "words-sklearn": IRIS,
}

# Sums of trees are equal. Powers of e differ in their last bits: each server has them of another library.
TOLERANCE = {"FP32": 3e-7, "FP64": 1e-12}


class SameAnswers(Case):
    maxDiff = None

    def assert_same_tensors(self, ours, theirs):
        """Both are lists of (name, datatype, shape, values)."""

        def facts(tensors):
            return [(name, str(datatype), list(shape)) for name, datatype, shape, _ in tensors]

        self.assertEqual(facts(ours), facts(theirs))
        self.assertGreater(len(ours), 0)
        for (name, datatype, _, actual), (_, _, _, expected) in zip(ours, theirs):
            self.assert_same_values(name, str(datatype), actual, expected)

    def assert_same_values(self, name, datatype, actual, expected):
        if datatype in TOLERANCE:
            numpy.testing.assert_allclose(
                numpy.asarray(actual, float).ravel(),
                numpy.asarray(expected, float).ravel(),
                rtol=TOLERANCE[datatype],
                atol=0,
                err_msg=name,
            )
        else:
            self.assertEqual(texts(actual), texts(expected), name)


def texts(values):
    """Whole numbers, and texts that one client has as bytes and another as a string."""
    flat = numpy.asarray(values, dtype=object).ravel().tolist()
    return [value.decode() if isinstance(value, bytes) else value for value in flat]
