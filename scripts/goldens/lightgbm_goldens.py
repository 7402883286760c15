"""Makes test/fixtures/trees/lightgbm: models that LightGBM wrote, hard rows, and its answers to them.

    python -m venv V && V/bin/pip install lightgbm==4.7.0 pandas
    V/bin/python scripts/goldens/lightgbm_goldens.py

Once with 4.7.0 and once with 3.3.5. Answers are those of the model as it is loaded from its file.
"""

import re
import sys
import warnings
from pathlib import Path

import lightgbm as lgb
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from adversarial import Goldens, adversarial_rows

warnings.filterwarnings("ignore")
FOLDER = Path(__file__).parents[2] / "test/fixtures/trees/lightgbm"
MAJOR = int(lgb.__version__.split(".")[0])
COMMON = {"verbose": -1, "num_threads": 1, "seed": 3, "num_leaves": 8, "min_data_in_leaf": 5, "deterministic": True}


def data(kind="normal", rows=500, columns=5):
    random = np.random.default_rng(11)
    x = random.normal(size=(rows, columns))
    if kind == "missing":
        x[random.random(x.shape) < 0.15] = np.nan
    if kind == "zeros":
        # Near zero from both sides, so that thresholds are what the library calls zero.
        x[random.random(x.shape) < 0.5] = 0.0
        x[random.random(x.shape) < 0.1] = np.nan
    if kind == "tiny":
        x = np.where(random.random(x.shape) < 0.5, x * 1e-35, np.sign(x))
    if kind == "categories":
        x[:, 1] = random.integers(0, 70, rows)
        x[:, 3] = random.integers(0, 4, rows)
        x[random.random(x.shape) < 0.05] = np.nan
    signal = np.nan_to_num(x[:, 0]) + 0.5 * np.sin(3 * np.nan_to_num(x[:, 1])) + (np.nan_to_num(x[:, 3]) > 1)
    return x, signal + random.normal(scale=0.1, size=rows)


def target_for(objective, y):
    if objective in ("binary",):
        return (y > 0.3).astype(int)
    if objective.startswith("multiclass"):
        return np.digitize(y, [-0.5, 0.7])
    if objective.startswith("cross_entropy"):
        return (y - y.min()) / (y.max() - y.min())
    if objective.startswith(("lambdarank", "rank")):
        return np.digitize(y, [-0.5, 0.7])
    if objective in ("poisson", "gamma", "tweedie"):
        return np.abs(y) + 0.1
    return y


def thresholds_of(text, columns):
    own = [[0.0] for _ in range(columns)]
    for block in text.split("Tree=")[1:]:
        features = re.search(r"^split_feature=(.*)$", block, re.M).group(1).split()
        thresholds = re.search(r"^threshold=(.*)$", block, re.M)
        values = thresholds.group(1).split() if thresholds else []
        for feature, value in zip(features, values):
            own[int(feature)].append(float(value))
    return own


def squares(scores, dataset):
    return scores - dataset.get_label(), np.ones_like(scores)


goldens = Goldens(FOLDER, "lightgbm", lgb.__version__)


def add(name, parameters, kind="normal", rounds=3, categorical=(), x=None, y=None):
    if x is None:
        x, y = data(kind)
    objective = parameters.get("objective", "regression")
    objective = "own" if callable(objective) else objective
    is_ranking = "rank" in objective
    options = {"group": [100] * (len(x) // 100)} if is_ranking else {}
    if categorical:
        options["categorical_feature"] = list(categorical)
    dataset = lgb.Dataset(x, target_for(objective, y), free_raw_data=False, **options)
    text = lgb.train({**COMMON, **parameters}, dataset, rounds).model_to_string()
    save(name, text, x.shape[1], categorical)


def save(name, text, columns, categorical=(), own=None):
    # The parameters at the end are long, and predictions do not need them.
    text = re.sub(r"\nparameters:\n.*?end of parameters\n", "", text, flags=re.S)
    file = f"{name}-v{MAJOR}.txt"
    (FOLDER / file).write_text(text)
    rows = adversarial_rows(np.random.default_rng(5), own or thresholds_of(text, columns), categorical)
    booster = lgb.Booster(model_file=str(FOLDER / file))
    answers = {"margin": booster.predict(rows, raw_score=True), "predict": booster.predict(rows)}
    goldens.add(file, rows, answers)


add("binary", {"objective": "binary"}, "missing", rounds=6)
add("regression-sqrt", {"objective": "regression", "reg_sqrt": True}, "missing")
add("multiclass", {"objective": "multiclass", "num_class": 3}, "missing")
add("zero-as-missing", {"zero_as_missing": True}, "zeros")
add("categories", {"max_cat_to_onehot": 1, "cat_smooth": 1, "min_data_per_group": 1}, "categories", categorical=(1, 3))
add("forest", {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6, "objective": "binary"}, "missing")
add("poisson", {"objective": "poisson"})
add("zeros", {}, "zeros")
# Thresholds at what the library reads as zero: it often makes such, but not from data this small.
ZERO = float(np.float32(1e-35))
NEAR = [ZERO, -ZERO, ZERO / 2, -ZERO / 2, 0.0, np.nextafter(-ZERO, -1), np.nextafter(ZERO, 1)]
for name, parameters in {"thresholds-at-zero": {"use_missing": False}, "thresholds-at-zero-with-nan": {}}.items():
    x, y = data("zeros" if parameters else "missing")
    text = lgb.train({**COMMON, **parameters}, lgb.Dataset(x, y), 4).model_to_string()
    thresholds = iter(NEAR * 100)
    near = lambda line: "threshold=" + " ".join(repr(float(next(thresholds))) for _ in line.group(1).split())
    text = re.sub(r"(?m)^threshold=(.*)$", near, text)
    save(name, re.sub(r"(?m)^tree_sizes=.*\n", "", text), x.shape[1], own=[NEAR] * x.shape[1])
if MAJOR >= 4:
    add("binary-slope", {"objective": "binary", "sigmoid": 2.5})
    add("no-missing", {"use_missing": False}, "missing")
    add("tiny", {}, "tiny")
    for objective in ("regression_l1", "huber", "fair", "quantile", "mape", "gamma", "tweedie"):
        add(objective.replace("_", "-"), {"objective": objective})
    add("quantile-sqrt", {"objective": "quantile", "reg_sqrt": True})
    add("one-versus-all", {"objective": "multiclassova", "num_class": 3, "sigmoid": 0.7})
    add("cross-entropy", {"objective": "cross_entropy"})
    add("cross-entropy-lambda", {"objective": "cross_entropy_lambda"})
    add("lambdarank", {"objective": "lambdarank"})
    add("xendcg", {"objective": "rank_xendcg"})
    add("forest-multiclass", {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6, "objective": "multiclass", "num_class": 3}, "missing")
    add("dart", {"boosting": "dart", "drop_rate": 0.5}, rounds=6)
    add("goss", {"data_sample_strategy": "goss"})
    add("categories-one-hot", {"max_cat_to_onehot": 100, "min_data_per_group": 1}, "categories", categorical=(1, 3))
    add("categories-zero-as-missing", {"zero_as_missing": True, "min_data_per_group": 1, "cat_smooth": 1}, "categories", categorical=(1, 3))
    add("stump", {"num_leaves": 2}, rounds=1)
    x, y = data()
    add("one-feature", {}, x=x[:, :1], y=y)
    # No split is worth it: trees of one leaf.
    add("leaf-only", {"min_data_in_leaf": 400}, rounds=2)
    add("own-objective", {"objective": squares})
    # e^x of scores as far out as doubles go.
    x, y = data()
    text = lgb.train({**COMMON, "objective": "cross_entropy_lambda", "num_leaves": 6}, lgb.Dataset(x, target_for("cross_entropy", y)), 1).model_to_string()
    text = re.sub(r"(?m)^leaf_value=.*$", "leaf_value=-745 -50 -1e-300 0.5 40 709", text)
    save("far-scores", re.sub(r"(?m)^tree_sizes=.*\n", "", text), x.shape[1])
    import pandas as pd

    frame = pd.DataFrame({"age": x[:, 0], "plan": pd.Categorical(np.where(x[:, 1] > 0, "pro", "free")), "city": pd.Categorical(np.digitize(x[:, 2], [-1, 0, 1]))})
    text = lgb.train({**COMMON, "min_data_per_group": 1, "cat_smooth": 1}, lgb.Dataset(frame, y), 3).model_to_string()
    # With its parameters: they say which columns the lists of categories belong to.
    short = re.sub(r"(?m)^\[(?!categorical_feature).*\n", "", text)
    (FOLDER / "pandas-v4.txt").write_text(short)
    rows = adversarial_rows(np.random.default_rng(5), thresholds_of(short, 3), (1, 2))
    booster = lgb.Booster(model_file=str(FOLDER / "pandas-v4.txt"))
    goldens.add("pandas-v4.txt", rows, {"margin": booster.predict(rows, raw_score=True), "predict": booster.predict(rows)})
    linear = lgb.train({**COMMON, "linear_tree": True}, lgb.Dataset(x, y), 1).model_to_string()
    (FOLDER / "refused-linear-v4.txt").write_text(re.sub(r"\nparameters:\n.*?end of parameters\n", "", linear, flags=re.S))

goldens.write()
