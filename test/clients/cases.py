"""What the client scripts share: where the server is, the known answers, and one result line per case.

Each script runs in a process of its own, because the message types of different clients have the same
names and one process can hold them only once."""

import json
import sys
import unittest
from pathlib import Path

import numpy

ROOT = Path(__file__).resolve().parents[2]
REQUESTS = ROOT / "examples" / "requests"

# "host:port" of the server under test.
ADDRESS = sys.argv[1] if len(sys.argv) > 1 else ""

_NUMPY_TYPES = {
    "BOOL": numpy.bool_,
    "UINT8": numpy.uint8,
    "UINT16": numpy.uint16,
    "UINT32": numpy.uint32,
    "UINT64": numpy.uint64,
    "INT8": numpy.int8,
    "INT16": numpy.int16,
    "INT32": numpy.int32,
    "INT64": numpy.int64,
    "FP16": numpy.float16,
    "FP32": numpy.float32,
    "FP64": numpy.float64,
    "BYTES": numpy.object_,
}

DATATYPES = tuple(_NUMPY_TYPES)


def identity_model(datatype):
    """The model with input "x" and output "y" of this datatype, [batch, any], that returns what it gets."""
    return f"identity-{datatype.lower()}"


def sample(datatype, finite=False):
    """A [2, 3] array with the extremes of `datatype`; without infinities and NaN if `finite`."""
    numpy_type = _NUMPY_TYPES[datatype]
    if datatype == "BOOL":
        values = [True, False, True, True, False, False]
    elif datatype == "BYTES":
        values = [text.encode() for text in ("", "a", "zwölf", "日本語", "line\nbreak", '"quoted"')]
    elif datatype.startswith("FP"):
        limits = numpy.finfo(numpy_type)
        unusual = [1, 2] if finite else [numpy.inf, numpy.nan]
        values = [limits.min, limits.max, limits.tiny, -0.0, *unusual]
    else:
        limits = numpy.iinfo(numpy_type)
        values = [limits.min, limits.max, limits.max - 1, 0, 1, limits.max // 3]
    return numpy.array(values, dtype=numpy_type).reshape(2, 3)


def empty(datatype):
    """A [0, 4] array."""
    return numpy.empty([0, 4], dtype=_NUMPY_TYPES[datatype])


def example(name):
    """Of an example request: its model, its input's name, its input, and the label that is known."""
    request = json.loads((REQUESTS / f"{name}.json").read_text())
    expected = json.loads((REQUESTS / "expected.json").read_text())
    (tensor,) = request["inputs"]
    values = numpy.array(tensor["contents"]["fp32Contents"], dtype=numpy.float32)
    label = expected[f"{name}.json"]["label"]
    return request["modelName"], tensor["name"], values.reshape(tensor["shape"]), label


def label_list(array):
    """A label output as expected.json has it: text for BYTES, else numbers."""
    return [value.decode() if isinstance(value, bytes) else value for value in array.tolist()]


class Case(unittest.TestCase):
    def assert_same(self, actual, expected):
        """Equal bit for bit: negative zero is not zero, and NaN is NaN."""
        self.assertEqual(actual.shape, expected.shape)
        self.assertEqual(actual.dtype, expected.dtype)
        if expected.dtype == numpy.object_:
            self.assertEqual(actual.tolist(), expected.tolist())
        else:
            self.assertEqual(actual.tobytes(), expected.tobytes())


class _ResultLines(unittest.TestResult):
    """Prints one JSON object a line for each case that ended."""

    def addSuccess(self, test):
        super().addSuccess(test)
        self._print(test, "passed", "")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._print(test, "failed", self._exc_info_to_string(err, test))

    def addError(self, test, err):
        super().addError(test, err)
        self._print(test, "failed", self._exc_info_to_string(err, test))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._print(test, "skipped", reason)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._print(subtest, "failed", self._exc_info_to_string(err, test))

    @staticmethod
    def _print(test, outcome, detail):
        name = test.id().removeprefix("__main__.").replace(".test_", ": ").replace("_", " ")
        print(json.dumps({"name": name, "outcome": outcome, "detail": detail}), flush=True)


def run():
    """Runs every case of the script that calls, and ends the process."""
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    sys.exit(0 if suite.run(_ResultLines()).wasSuccessful() else 1)
