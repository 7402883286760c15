"""Writes example requests, and the answers that are right for them, to examples/requests."""

import json
from pathlib import Path

import numpy as np

EXAMPLES = Path(__file__).parent.parent
REQUESTS = EXAMPLES / "requests"


def write_request(file_name, model_name, input_name, samples, labels):
    """Writes a ModelInfer body in Connect JSON with all `samples` ([batch, ...]) as one batch, and
    notes `labels`, the truth about them, in expected.json."""
    body = {
        "modelName": model_name,
        "inputs": [
            {
                "name": input_name,
                "datatype": "FP32",
                "shape": list(samples.shape),
                "contents": {"fp32Contents": [plain_number(v) for v in samples.ravel()]},
            }
        ],
    }
    write_json(REQUESTS / file_name, body)
    expected_file = REQUESTS / "expected.json"
    expected = json.loads(expected_file.read_text()) if expected_file.exists() else {}
    expected[file_name] = {"label": list(labels)}
    write_json(expected_file, dict(sorted(expected.items())))


def plain_number(value):
    """The shortest decimal that reads back as the same float32; whole numbers without a point."""
    number = float(str(np.float32(value)))
    return int(number) if number.is_integer() else number


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n")
