"""Writes golden files of the installed scikit-learn: models, rows and its answers.

    python -m venv /tmp/golden && /tmp/golden/bin/pip install scikit-learn==1.9.1 skops pandas xgboost lightgbm
    /tmp/golden/bin/python scripts/goldens/make_sklearn.py

test/fixtures/trees/sklearn/ has a folder for each minor version. The oldest and the newest have all models, the
others those whose files have changed between versions. With XGBoost and LightGBM there are also their estimators.
"""

import json
import pickle
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED

import joblib
import numpy as np
import sklearn
from golden_tensors import outputs, tensor
from sklearn_models import boosters, named, thresholds_of, trained

ROOT = Path(__file__).parents[2] / "test/fixtures/trees/sklearn"
# Models that every version writes.
CORE = """tree tree-missing forest forest-values forest-missing extra boosting boosting-three boosting-exponential
boosting-values histogram histogram-three histogram-missing histogram-categories histogram-named logistic logistic-ovr
logistic-two-softmax ridge-classes sgd-log mlp-two bayes pipeline pipeline-narrow columns functions
functions-pipeline named""".split()
# Models that the newest version also writes in the other encodings.
ALL_ENCODINGS = """tree forest boosting-three histogram histogram-categories logistic-three pipeline columns named mlp
forest-pairs""".split()
FULL = (0, 9)


def inputs(rows):
    """One matrix if all columns are of one kind, otherwise one input for each column."""
    if isinstance(rows, np.ndarray):
        return dict(input=tensor(rows.astype(float)))
    kinds = {rows[name].dtype.kind in "fiu" for name in rows.columns}
    if len(kinds) == 1:
        return dict(input=tensor(rows.to_numpy().astype(float if True in kinds else str)))
    # "note" is dropped by the model, which has no input for it.
    return {name: tensor(np.asarray(rows[name].tolist()).reshape(-1, 1)) for name in rows.columns if name != "note"}


def main():
    version = int(sklearn.__version__.split(".")[1])
    rng = np.random.default_rng(version)
    models = {**trained(rng, version), **named(rng, version)}
    extra = boosters(rng) if find_spec("xgboost") and find_spec("lightgbm") else {}
    models |= extra
    folder = ROOT / f"1.{version}"
    folder.mkdir(parents=True, exist_ok=True)
    expected = {}
    for at, (name, (model, rows)) in enumerate(models.items()):
        if version not in FULL and name not in CORE and name not in extra:
            continue
        joblib.dump(model, folder / f"{name}.joblib", compress=[3, ("gzip", 9)][at % 2])
        if version == FULL[-1] and name in ALL_ENCODINGS:
            import skops.io

            joblib.dump(model, folder / f"{name}.plain.joblib")
            (folder / f"{name}.pkl").write_bytes(pickle.dumps(model, protocol=2 + at % 4))
            # As skops packs by default, and as it may.
            packing = ZIP_STORED if name == "tree" else ZIP_DEFLATED
            skops.io.dump(model, folder / f"{name}.skops", compression=packing)
        if name not in extra and not any(True for _ in thresholds_of(model)):
            rows = rows[:24]
        expected[name] = dict(inputs=inputs(rows), outputs=outputs(model, rows))
    golden = dict(version=sklearn.__version__, models=expected)
    (folder / "expected.json").write_text(json.dumps(golden, ensure_ascii=False) + "\n")


main()
