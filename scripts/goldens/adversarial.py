"""Rows that are hard to answer exactly, and the files that hold them with the answers of a library."""

import json
import math
from pathlib import Path

import numpy as np

ROWS = 64

# What LightGBM reads as zero, and the numbers around it; denormals; the ends of both types.
SPECIAL = [
    math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, -1.0,
    1e-35, -1e-35, 1.0000000180025095e-35, -1.0000000180025095e-35,
    math.nextafter(1.0000000180025095e-35, 1), -math.nextafter(1.0000000180025095e-35, 1),
    5e-324, -5e-324, 1e-45, -1e-45, 1e38, -1e38,
]  # fmt: skip

CODES = [math.nan, math.inf, -math.inf, -1.0, -0.5, -0.0, 0.0, 0.5, 2.9, 31.0, 32.0, 33.5, 2.0**31, 1e300]


def adversarial_rows(random, thresholds, categorical=(), dtype=np.float64, count=ROWS):
    """`count` rows of values from `thresholds` (a list per column), their neighbours and special numbers, and of codes in
    the `categorical` columns."""
    columns = []
    for column, own in enumerate(thresholds):
        if column in categorical:
            pool = CODES + list(range(12))
        else:
            exact = np.asarray(own, dtype=dtype)
            with np.errstate(over="ignore"):
                near = [np.nextafter(exact, dtype(side)) for side in (-np.inf, np.inf)]
            pool = [*exact, *near[0], *near[1]] * 2 + SPECIAL
        pool = np.asarray(pool, dtype=np.float64)
        ordinary = random.integers(0, 12, count) if column in categorical else random.normal(size=count)
        columns.append(np.where(random.random(count) < 0.7, random.choice(pool, count), ordinary))
    with np.errstate(over="ignore", under="ignore"):
        return np.stack(columns, axis=1).astype(dtype)


class Goldens:
    """Cases in one folder: `NAME` as the library wrote it, `NAME.bin` with the rows and the answers one after another, and
    one list of all of them."""

    def __init__(self, folder, library, version):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.list = self.folder / f"{library}-{version}.json"
        self.cases = []

    def add(self, file, rows, answers, **more):
        """`answers`: arrays by the name of the output. Texts and booleans go into the list, as `more` does."""
        outputs = []
        parts = [np.ascontiguousarray(rows)]
        for name, values in answers.items():
            values = np.asarray(values)
            output = {"name": name, "shape": list(values.shape)}
            if values.dtype.kind in "fi":
                parts.append(np.ascontiguousarray(values, dtype=np.float64))
            else:
                output["values"] = values.tolist()
            outputs.append(output)
        (self.folder / f"{file}.bin").write_bytes(b"".join(part.astype(part.dtype.newbyteorder("<")).tobytes() for part in parts))
        type_name = {"float32": "float", "float64": "double"}[str(rows.dtype)]
        self.cases.append({"file": file, "type": type_name, "columns": rows.shape[1], "outputs": outputs, **more})

    def write(self):
        lines = ",\n".join("  " + json.dumps(case) for case in self.cases)
        self.list.write_text(f"[\n{lines}\n]\n")
