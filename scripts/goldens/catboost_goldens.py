"""Makes test/fixtures/trees/catboost: models that CatBoost wrote, hard rows, and its answers to them.

    python -m venv V && V/bin/pip install catboost==1.2.10
    V/bin/python scripts/goldens/catboost_goldens.py

Answers are those of the model as it is loaded from `.cbm`, for its JSON too: CatBoost 1.2.10 reads some of the numbers in
its own JSON as their neighbours, so that loaded from there it differs in the last bit from the model that it saved. MLServer loads every file as a classifier; a model of values
is loaded as a regressor here.
"""

import json
import sys
from pathlib import Path

import catboost
import numpy as np
from catboost import CatBoostClassifier, CatBoostRegressor, Pool

sys.path.insert(0, str(Path(__file__).parent))
from adversarial import Goldens, adversarial_rows

FOLDER = Path(__file__).parents[2] / "test/fixtures/trees/catboost"
COMMON = {"iterations": 4, "depth": 3, "verbose": 0, "allow_writing_files": False, "thread_count": 1, "random_seed": 3}

random = np.random.default_rng(11)
X = random.normal(size=(400, 5)).astype(np.float32)
Y = X[:, 0] + 0.5 * np.sin(3 * X[:, 1]) + random.normal(scale=0.1, size=400)
HOLES = X.copy()
HOLES[random.random(X.shape) < 0.15] = np.nan
CLASSES = np.digitize(Y, [-0.5, 0.7])
goldens = Goldens(FOLDER, "catboost", catboost.__version__)


def borders_of(path):
    """Per column."""
    model = json.loads(path.read_text())
    features = model["features_info"]["float_features"]
    own = [[0.0] for _ in range(1 + max(each["flat_feature_index"] for each in features))]
    for each in features:
        own[each["flat_feature_index"]] += each["borders"] or []
    return own


def add(name, parameters, x, y, kind=CatBoostRegressor, formats=("cbm", "json")):
    model = kind(**{**COMMON, **parameters}).fit(x, y)
    save(name, model, kind, formats)


def save(name, model, kind, formats=("cbm", "json")):
    for form in ("cbm", "json"):
        model.save_model(str(FOLDER / f"{name}.{form}"), format=form)
    rows = adversarial_rows(np.random.default_rng(5), borders_of(FOLDER / f"{name}.json"), dtype=np.float32)
    loaded = kind().load_model(str(FOLDER / f"{name}.cbm"))
    answers = {"margin": loaded.predict(rows, prediction_type="RawFormulaVal"), "predict": loaded.predict(rows)}
    if kind is CatBoostClassifier:
        answers["predict_proba"] = loaded.predict_proba(rows)
    for form in formats:
        goldens.add(f"{name}.{form}", rows, answers)
    if "json" not in formats:
        (FOLDER / f"{name}.json").unlink()


add("regression", {}, HOLES, Y)
add("nan-max", {"nan_mode": "Max", "depth": 4}, HOLES, Y)
add("no-nan", {}, X, Y, formats=("cbm",))
add("depth-10", {"depth": 10, "iterations": 1}, X, Y, formats=("cbm",))
add("lossguide", {"grow_policy": "Lossguide", "max_leaves": 7}, HOLES, Y)
add("depthwise", {"grow_policy": "Depthwise", "nan_mode": "Max"}, HOLES, Y)
add("binary", {}, HOLES, (Y > 0).astype(int), CatBoostClassifier)
add("binary-text", {}, HOLES, np.where(Y > 0, "yes", "no"), CatBoostClassifier, formats=("cbm",))
add("binary-numbers", {}, HOLES, np.where(Y > 0, 2.5, 1.0), CatBoostClassifier, formats=("cbm",))
add("multiclass", {"loss_function": "MultiClass"}, HOLES, CLASSES, CatBoostClassifier)
add("multiclass-text", {"loss_function": "MultiClass"}, HOLES, np.array(["low", "mid", "high"])[CLASSES], CatBoostClassifier, formats=("cbm",))
add("multiclass-lossguide", {"loss_function": "MultiClass", "grow_policy": "Lossguide", "max_leaves": 6}, HOLES, CLASSES, CatBoostClassifier)
add("one-versus-all", {"loss_function": "MultiClassOneVsAll"}, HOLES, CLASSES, CatBoostClassifier, formats=("cbm",))
add("labels", {"loss_function": "MultiLogloss"}, HOLES, np.stack([Y > 0, X[:, 1] > 0, X[:, 2] > 0.5], axis=1).astype(int), CatBoostClassifier, formats=("cbm",))
add("cross-entropy", {"loss_function": "CrossEntropy"}, HOLES, (Y - Y.min()) / (Y.max() - Y.min()), CatBoostClassifier, formats=("cbm",))
add("poisson", {"loss_function": "Poisson"}, HOLES, np.abs(Y), formats=("cbm",))
add("tweedie", {"loss_function": "Tweedie:variance_power=1.5"}, HOLES, np.abs(Y), formats=("cbm",))
add("uncertainty", {"loss_function": "RMSEWithUncertainty"}, HOLES, Y)
add("two-values", {"loss_function": "MultiRMSE"}, HOLES, np.stack([Y, -2 * Y], axis=1))
add("quantiles", {"loss_function": "MultiQuantile:alpha=0.1,0.9"}, HOLES, Y, formats=("cbm",))
add("one-iteration", {"iterations": 1, "depth": 1}, HOLES, Y)

rescaled = CatBoostRegressor(**COMMON).fit(HOLES, Y)
rescaled.set_scale_and_bias(0.37, -1.25)
save("rescaled", rescaled, CatBoostRegressor)

careful = CatBoostClassifier(**COMMON).fit(HOLES, (Y > 0).astype(int))
careful.set_probability_threshold(0.7)
save("threshold", careful, CatBoostClassifier, formats=("cbm",))

named = CatBoostRegressor(**COMMON).fit(Pool(HOLES, Y, feature_names=["age", "income", "visits", "days", "score"]))
save("named", named, CatBoostRegressor)

# Refused: trees that decide by categories, by texts.
mixed = np.empty((400, 3), dtype=object)
mixed[:, 0], mixed[:, 2] = X[:, 0], X[:, 1]
mixed[:, 1] = np.array(["a", "b", "c", "d", "e"])[random.integers(0, 5, 400)]
target = Y + 3.0 * (mixed[:, 1] == "a")
for name, options in {"one-hot": {"one_hot_max_size": 10}, "statistics": {"one_hot_max_size": 1}}.items():
    model = CatBoostRegressor(**{**COMMON, **options}).fit(Pool(mixed, target, cat_features=[1]))
    model.save_model(str(FOLDER / f"refused-{name}.cbm"))
model.save_model(str(FOLDER / "refused-statistics.json"), format="json", pool=Pool(mixed, target, cat_features=[1]))
words = np.empty((400, 2), dtype=object)
words[:, 0] = X[:, 0]
words[:, 1] = np.where(Y > 0, "good fine great", "bad poor awful")
model = CatBoostClassifier(**COMMON).fit(Pool(words, (Y > 0).astype(int), text_features=[1]))
model.save_model(str(FOLDER / "refused-text.cbm"))

goldens.write()
