"""Trains small models with whatever parameters a seed says, and writes them with hard rows and the answers to those.

    python random_models.py FOLDER SEED COUNT
"""

import json
import re
import sys
import warnings
from pathlib import Path

import catboost
import lightgbm
import numpy as np
import xgboost

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "goldens"))
from adversarial import Goldens, adversarial_rows

warnings.filterwarnings("ignore")
ROWS = 2000


def pick(random, options):
    return options[random.integers(len(options))]


def training_data(random):
    """Columns of many kinds: dense, sparse, with holes, of few values, tiny, constant."""
    rows = int(random.integers(150, 500))
    columns = []
    for _ in range(random.integers(1, 8)):
        values = random.normal(size=rows)
        kind = random.integers(7)
        if kind == 0:
            values[random.random(rows) < 0.6] = 0.0
        elif kind == 1:
            values[random.random(rows) < 0.3] = np.nan
        elif kind == 2:
            values = random.integers(0, 4, rows).astype(float)
        elif kind == 3:
            values *= 1e-35
        elif kind == 4:
            values = np.full(rows, 3.0)
        elif kind == 5:
            values = np.exp(5 * values)
        columns.append(values)
    x = np.stack(columns, axis=1)
    with np.errstate(all="ignore"):
        signal = np.tanh(np.nan_to_num(x)).sum(axis=1)
    return x, signal + random.normal(scale=0.3, size=rows)


def targets(random, objective, y):
    if objective in ("binary", "binary:logistic", "binary:logitraw", "binary:hinge", "Logloss"):
        return (y > np.median(y)).astype(int)
    if objective.startswith(("multi", "Multi")) and objective not in ("MultiRMSE", "MultiLogloss"):
        return np.digitize(y, np.quantile(y, [0.3, 0.7]))
    if objective == "MultiRMSE":
        return np.stack([y, -y * 2], axis=1)
    if objective == "MultiLogloss":
        return np.stack([y > 0, y > 1, y < np.median(y)], axis=1).astype(int)
    if objective in ("lambdarank", "rank_xendcg"):
        return np.digitize(y, np.quantile(y, [0.3, 0.7]))
    if objective in ("cross_entropy", "cross_entropy_lambda", "CrossEntropy", "reg:logistic"):
        return (y - y.min()) / (y.max() - y.min())
    if objective in ("poisson", "gamma", "tweedie", "count:poisson", "reg:gamma", "reg:tweedie", "Poisson", "Tweedie:variance_power=1.3"):
        return np.abs(y) + 0.05
    return y


def lightgbm_case(random, x, y):
    objective = pick(random, [
        "regression", "regression_l1", "huber", "fair", "quantile", "mape", "poisson", "gamma", "tweedie", "binary",
        "multiclass", "multiclassova", "cross_entropy", "cross_entropy_lambda", "lambdarank", "rank_xendcg",
    ])  # fmt: skip
    boosting = pick(random, ["gbdt", "gbdt", "gbdt", "dart", "rf"])
    parameters = {
        "objective": objective,
        "boosting": boosting,
        "num_leaves": int(random.integers(2, 40)),
        "learning_rate": float(random.uniform(0.05, 0.9)),
        "min_data_in_leaf": int(random.integers(1, 30)),
        "use_missing": bool(random.random() < 0.8),
        "zero_as_missing": bool(random.random() < 0.25),
        "reg_sqrt": bool(random.random() < 0.2),
        "max_cat_to_onehot": int(pick(random, [1, 4, 100])),
        "min_data_per_group": 1,
        "cat_smooth": 1.0,
    }
    if boosting == "rf":
        parameters |= {"bagging_freq": 1, "bagging_fraction": 0.6}
    if objective.startswith("multiclass"):
        parameters["num_class"] = 3
    if objective in ("binary", "multiclassova"):
        parameters["sigmoid"] = float(pick(random, [1.0, 0.3, 2.5]))
    categorical = []
    if random.random() < 0.4:
        size = int(pick(random, [3, 12, 80, 400]))
        x = np.concatenate([x, random.integers(0, size, (len(x), 1)).astype(float)], axis=1)
        y = y + np.sin(x[:, -1])
        categorical = [x.shape[1] - 1]
    group = [len(x)] if objective in ("lambdarank", "rank_xendcg") else None
    data = lightgbm.Dataset(x, targets(random, objective, y), group=group, categorical_feature=categorical)
    options = {"verbose": -1, "num_threads": 1, "seed": int(random.integers(1000))}
    text = lightgbm.train({**parameters, **options}, data, int(random.integers(1, 25))).model_to_string()
    thresholds = [[0.0] for _ in range(x.shape[1])]
    for block in text.split("Tree=")[1:]:
        features = re.search(r"(?m)^split_feature=(.*)$", block).group(1).split()
        values = re.search(r"(?m)^threshold=(.*)$", block)
        for feature, value in zip(features, values.group(1).split() if values else []):
            thresholds[int(feature)].append(float(value))
    rows = adversarial_rows(random, thresholds, categorical, count=ROWS)
    booster = lightgbm.Booster(model_str=text)
    answers = {"margin": booster.predict(rows, raw_score=True), "predict": booster.predict(rows)}
    return "txt", text.encode(), rows, answers, parameters


def catboost_case(random, x, y):
    objective = pick(random, [
        "RMSE", "MAE", "Poisson", "Tweedie:variance_power=1.3", "MultiRMSE", "RMSEWithUncertainty",
        "Logloss", "CrossEntropy", "MultiClass", "MultiClassOneVsAll", "MultiLogloss",
    ])  # fmt: skip
    is_classifier = objective in ("Logloss", "CrossEntropy", "MultiClass", "MultiClassOneVsAll", "MultiLogloss")
    kind = catboost.CatBoostClassifier if is_classifier else catboost.CatBoostRegressor
    policy = pick(random, ["SymmetricTree", "SymmetricTree", "Lossguide", "Depthwise"])
    if objective in ("MultiRMSE", "MultiLogloss", "RMSEWithUncertainty"):
        policy = "SymmetricTree"
    parameters = {
        "loss_function": objective,
        "grow_policy": policy,
        "depth": int(random.integers(1, 9)),
        "iterations": int(random.integers(1, 20)),
        "nan_mode": pick(random, ["Min", "Max"]),
        "border_count": int(pick(random, [5, 32, 254])),
    }
    x = np.concatenate([x, random.normal(size=(len(x), 1))], axis=1).astype(np.float32)
    options = {"verbose": 0, "allow_writing_files": False, "thread_count": 1, "random_seed": int(random.integers(1000))}
    model = kind(**parameters, **options).fit(x, targets(random, objective, y))
    form = pick(random, ["cbm", "json"])
    folder = Path(sys.argv[1])
    for each in ("cbm", "json"):
        model.save_model(str(folder / f"last.{each}"), format=each)
    content = (folder / f"last.{form}").read_bytes()
    features = json.loads((folder / "last.json").read_text())["features_info"]["float_features"]
    thresholds = [[0.0] for _ in range(x.shape[1])]
    for feature in features:
        thresholds[feature["flat_feature_index"]] += feature["borders"] or []
    rows = adversarial_rows(random, thresholds, dtype=np.float32, count=ROWS)
    loaded = kind().load_model(str(folder / "last.cbm"))
    answers = {"margin": loaded.predict(rows, prediction_type="RawFormulaVal"), "predict": loaded.predict(rows)}
    if is_classifier:
        answers["predict_proba"] = loaded.predict_proba(rows)
    return form, content, rows, answers, parameters


def xgboost_case(random, x, y):
    objective = pick(random, [
        "reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror", "reg:logistic", "binary:logistic",
        "binary:logitraw", "binary:hinge", "count:poisson", "reg:gamma", "reg:tweedie", "multi:softprob", "multi:softmax",
        "reg:quantileerror", "rank:pairwise", "survival:cox", "several",
    ])  # fmt: skip
    parameters = {
        "objective": objective,
        "booster": pick(random, ["gbtree", "gbtree", "dart"]),
        "max_depth": int(random.integers(1, 9)),
        "eta": float(random.uniform(0.05, 0.9)),
        "num_parallel_tree": int(pick(random, [1, 1, 3])),
        "grow_policy": pick(random, ["depthwise", "lossguide"]),
        "rate_drop": 0.3,
    }
    extra = {}
    label = targets(random, objective, y)
    if objective.startswith("multi"):
        parameters["num_class"] = 3
    elif objective == "reg:quantileerror":
        parameters["quantile_alpha"] = pick(random, [0.3, [0.45, 0.5, 0.55]])
    elif objective == "rank:pairwise":
        label = np.digitize(y, np.quantile(y, [0.3, 0.7]))
        extra["qid"] = np.zeros(len(y), int)
    elif objective == "survival:cox":
        label = np.abs(y) + 0.05
    elif objective == "several":
        parameters["objective"] = pick(random, ["reg:squarederror", "binary:logistic"])
        label = np.stack([y, -y], axis=1)
        if parameters["objective"] == "binary:logistic":
            label = (label > 0).astype(int)
    if objective in ("several", "multi:softprob") and random.random() < 0.5:
        parameters |= {"multi_strategy": "multi_output_tree", "tree_method": "hist", "booster": "gbtree"}
    if parameters["booster"] == "gbtree":
        del parameters["rate_drop"]
    if random.random() < 0.3 and objective in ("reg:squarederror", "binary:logistic", "binary:logitraw", "count:poisson"):
        parameters["base_score"] = float(random.uniform(0.1, 0.9))
    categorical = []
    if random.random() < 0.4 and objective != "reg:absoluteerror":
        size = int(pick(random, [3, 31, 32, 80, 400]))
        x = np.concatenate([x, random.integers(0, size, (len(x), 1)).astype(float)], axis=1)
        categorical = [x.shape[1] - 1]
        parameters |= {"tree_method": "hist", "max_cat_to_onehot": int(pick(random, [1, 4, 500]))}
        extra |= {"feature_types": ["q"] * categorical[0] + ["c"], "enable_categorical": True}
    x = x.astype(np.float32)
    options = {"nthread": 1, "seed": int(random.integers(1000))}
    booster = xgboost.train({**parameters, **options}, xgboost.DMatrix(x, label, **extra), int(random.integers(1, 20)))
    form = pick(random, ["json", "ubj"])
    content = bytes(booster.save_raw(form))
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]["gradient_booster"]
    thresholds = [[0.0] for _ in range(x.shape[1])]
    for tree in learner.get("gbtree", learner)["model"]["trees"]:
        for child, feature, value in zip(tree["left_children"], tree["split_indices"], tree["split_conditions"]):
            if child >= 0:
                thresholds[feature].append(value)
    rows = adversarial_rows(random, thresholds, categorical, dtype=np.float32, count=ROWS)
    booster.set_param({"nthread": 1})
    if parameters["booster"] == "dart":
        # Until 3.3, inplace_predict rounds dart's sums in another way than predict, which refuses infinity.
        rows[np.isinf(rows)] = 3e38
        types = {key: value for key, value in extra.items() if key != "qid"}
        data = xgboost.DMatrix(rows, **types)
        answers = {"margin": booster.predict(data, output_margin=True), "predict": booster.predict(data)}
    else:
        answers = {"margin": booster.inplace_predict(rows, predict_type="margin"), "predict": booster.inplace_predict(rows)}
    return form, content, rows, answers, parameters


FAMILIES = {"lightgbm": lightgbm_case, "catboost": catboost_case, "xgboost": xgboost_case}
# What the libraries raise for data that they cannot learn from, such as targets that are all equal.
REFUSALS = (catboost.CatBoostError, lightgbm.basic.LightGBMError, xgboost.core.XGBoostError)


def train(family, seed, number):
    for attempt in range(20):
        random = np.random.default_rng([seed, number, attempt])
        x, y = training_data(random)
        try:
            return FAMILIES[family](random, x, y)
        except REFUSALS as refusal:
            print(f"{family} did not train model {number}: {refusal}", file=sys.stderr)
    raise RuntimeError(f"{family} trains nothing")


def main():
    folder, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    goldens = Goldens(folder, "random", "models")
    for number in range(count):
        family = list(FAMILIES)[number % len(FAMILIES)]
        form, content, rows, answers, parameters = train(family, seed, number)
        file = f"{number}.{form}"
        (Path(folder) / file).write_bytes(content)
        goldens.add(file, rows, answers, family=family, about=json.dumps(parameters))
    goldens.write()


main()
