"""Makes test/fixtures/trees/xgboost: small models as XGBoost saves them, and what it answers for 64 rows.

Run it once per version, with a Python that has this version of xgboost, and numpy:

    python scripts/goldens/xgboost_models.py [DIRECTORY]

Each model gets NAME-VERSION.json or .ubj and NAME-VERSION.bin. The latter has float32 matrices of 64 rows, one after
another, as NAME-VERSION.parts.json lists them: rows, margin, value, and others that a case has.
"""

import json
import os
import pathlib
import sys
import zlib

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import xgboost as xgb

VERSION = tuple(int(part) for part in xgb.__version__.split(".")[:2])
HERE = pathlib.Path(__file__).resolve().parent
ROWS = 64
FEATURES = 5
CATEGORIES = 45


def training(kind, seed, categories=()):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(300, FEATURES)).astype(np.float32)
    x[rng.random(x.shape) < 0.1] = np.nan
    for column, count in categories:
        x[:, column] = rng.integers(0, count, size=len(x))
    score = np.nan_to_num(x[:, 0]) * 2 - np.nan_to_num(x[:, 1]) + 0.5 * np.nan_to_num(x[:, 2]) ** 2
    for column, _ in categories:
        score = score + np.sin(x[:, column] * 1.7)
    score = score + rng.normal(scale=0.3, size=len(x))
    if kind == "binary":
        return x, (score > 0.4).astype(np.float32)
    if kind == "classes":
        return x, np.digitize(score, [-0.7, 0.9]).astype(np.float32)
    if kind == "positive":
        return x, np.exp(np.clip(score, -2, 2)).astype(np.float32)
    if kind == "unit":
        return x, (1 / (1 + np.exp(-score))).astype(np.float32)
    if kind == "counts":
        return x, rng.poisson(np.exp(np.clip(score, -2, 2))).astype(np.float32)
    if kind == "two":
        return x, np.stack([score, np.nan_to_num(x[:, 3]) - score], axis=1).astype(np.float32)
    if kind == "labels":
        return x, np.stack([score > 0, score < 0.9, x[:, 3] > 0], axis=1).astype(np.float32)
    return x, score.astype(np.float32)


# name -> kind of targets, parameters, and what else differs from five rounds of depth 3, saved as JSON.
CASES = {
    "binary": ("binary", {"objective": "binary:logistic"}, {}),
    "binary-ubj": ("binary", {"objective": "binary:logistic"}, {"format": "ubj"}),
    "base-score": ("binary", {"objective": "binary:logistic", "base_score": 0.231}, {}),
    "logitraw": ("binary", {"objective": "binary:logitraw", "base_score": 0.3}, {}),
    "hinge": ("binary", {"objective": "binary:hinge"}, {}),
    "squared": ("numbers", {"objective": "reg:squarederror"}, {}),
    "exact": ("numbers", {"objective": "reg:squarederror", "tree_method": "exact", "max_depth": 5}, {"rounds": 3}),
    "squared-log": ("positive", {"objective": "reg:squaredlogerror"}, {}),
    "pseudo-huber": ("numbers", {"objective": "reg:pseudohubererror"}, {}),
    "absolute": ("numbers", {"objective": "reg:absoluteerror"}, {}),
    "logistic": ("unit", {"objective": "reg:logistic"}, {}),
    "poisson": ("counts", {"objective": "count:poisson"}, {"format": "ubj"}),
    "gamma": ("positive", {"objective": "reg:gamma"}, {}),
    "tweedie": ("positive", {"objective": "reg:tweedie"}, {}),
    "cox": ("positive", {"objective": "survival:cox"}, {}),
    "aft": ("positive", {"objective": "survival:aft"}, {"bounds": True}),
    "softprob": ("classes", {"objective": "multi:softprob", "num_class": 3}, {"rounds": 3}),
    "softprob-ubj": ("classes", {"objective": "multi:softprob", "num_class": 3}, {"rounds": 3, "format": "ubj"}),
    "softmax": ("classes", {"objective": "multi:softmax", "num_class": 3}, {"rounds": 3}),
    "rank": ("classes", {"objective": "rank:pairwise"}, {"groups": True}),
    "ndcg": ("classes", {"objective": "rank:ndcg"}, {"groups": True}),
    "map": ("binary", {"objective": "rank:map"}, {"groups": True}),
    "quantile": ("numbers", {"objective": "reg:quantileerror", "quantile_alpha": 0.7}, {}),
    "quantiles": ("numbers", {"objective": "reg:quantileerror", "quantile_alpha": [0.45, 0.5, 0.55], "max_depth": 4}, {"rounds": 4}),
    "expectile": ("numbers", {"objective": "reg:expectileerror", "expectile_alpha": 0.7}, {}),
    "expectiles": ("numbers", {"objective": "reg:expectileerror", "expectile_alpha": [0.2, 0.5, 0.8]}, {}),
    "dart": ("numbers", {"booster": "dart", "rate_drop": 0.5, "one_drop": 1, "objective": "reg:squarederror"}, {"rounds": 8}),
    "dart-classes": ("classes", {"booster": "dart", "rate_drop": 0.5, "objective": "multi:softprob", "num_class": 3}, {"format": "ubj"}),
    "forest": ("binary", {"objective": "binary:logistic", "num_parallel_tree": 6, "subsample": 0.6, "colsample_bynode": 0.6, "learning_rate": 1}, {"rounds": 1}),
    "boosted-forest": ("classes", {"objective": "multi:softprob", "num_class": 3, "num_parallel_tree": 2, "subsample": 0.6}, {"rounds": 2}),
    "loss-guide": ("numbers", {"objective": "reg:squarederror", "tree_method": "hist", "grow_policy": "lossguide", "max_leaves": 9, "max_depth": 0}, {}),
    "stumps": ("numbers", {"objective": "reg:squarederror", "max_depth": 1}, {}),
    "leaves": ("numbers", {"objective": "reg:squarederror", "gamma": 1e9}, {}),
    "targets": ("two", {"objective": "reg:squarederror", "tree_method": "hist"}, {}),
    "vector-leaves": ("two", {"objective": "reg:squarederror", "tree_method": "hist", "multi_strategy": "multi_output_tree"}, {}),
    "vector-leaves-ubj": ("classes", {"objective": "multi:softprob", "num_class": 3, "tree_method": "hist", "multi_strategy": "multi_output_tree"}, {"format": "ubj"}),
    "linear": ("numbers", {"booster": "gblinear", "objective": "reg:squarederror", "base_score": 0.3}, {}),
    "linear-classes": ("classes", {"booster": "gblinear", "objective": "multi:softprob", "num_class": 3}, {"format": "ubj"}),
    "one-hot": ("numbers", {"objective": "reg:squarederror", "tree_method": "hist", "max_cat_to_onehot": 64}, {"categories": ((1, CATEGORIES), (3, 4))}),
    "partitions": ("numbers", {"objective": "reg:squarederror", "tree_method": "hist", "max_cat_to_onehot": 1}, {"categories": ((1, CATEGORIES), (3, 12))}),
    "partitions-ubj": ("numbers", {"objective": "reg:squarederror", "tree_method": "hist", "max_cat_to_onehot": 1}, {"categories": ((0, CATEGORIES), (3, 12)), "format": "ubj"}),
    "early-stop": ("numbers", {"objective": "reg:squarederror"}, {"best": 2}),
    "early-stop-forest": ("classes", {"objective": "multi:softprob", "num_class": 3, "num_parallel_tree": 2, "subsample": 0.6}, {"rounds": 3, "best": 1}),
    "classifier": ("binary", {"objective": "binary:logistic"}, {"classifier": True}),
    "classifier-ubj": ("classes", {}, {"classifier": True, "rounds": 3, "format": "ubj"}),
    "classifier-softmax": ("classes", {"objective": "multi:softmax"}, {"classifier": True, "rounds": 2}),
    "classifier-labels": ("labels", {}, {"classifier": True, "rounds": 3}),
}

# What files of older versions differ in.
OLDER = {
    (1, 7): [
        "binary", "base-score", "poisson", "softprob", "dart", "dart-classes", "boosted-forest", "targets", "partitions",
        "partitions-ubj", "one-hot", "early-stop", "classifier", "classifier-labels",
        "linear",
    ],
    (2, 1): [
        "binary", "binary-ubj", "dart", "dart-classes", "boosted-forest", "targets", "vector-leaves", "vector-leaves-ubj",
        "partitions", "quantiles", "early-stop-forest", "classifier-labels",
    ],
    (3, 0): ["binary", "dart", "vector-leaves", "partitions-ubj", "classifier"],
    (3, 1): [
        "binary", "softprob", "dart-classes", "targets", "vector-leaves", "vector-leaves-ubj", "partitions-ubj", "quantiles",
        "early-stop-forest",
    ],
}


def adversarial(booster, categories, seed):
    """Rows that hit thresholds exactly, and by the smallest step aside, or that have none or odd numbers."""
    rng = np.random.default_rng(seed + 1000)
    rows = rng.normal(size=(ROWS, FEATURES)).astype(np.float32)
    table = [[] for _ in range(FEATURES)]
    model = json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]
    for tree in model.get("gbtree", model)["model"].get("trees", []):
        for feature, threshold, left in zip(tree["split_indices"], tree["split_conditions"], tree["left_children"]):
            if left >= 0:
                table[feature].append(np.float32(threshold))
    odd = np.array([0.0, -0.0, 1e-35, -1e-35, 1e-40, -1e-45, 3e38, -3e38, np.inf, -np.inf, np.nan], np.float32)
    for row in range(ROWS):
        for column in range(FEATURES):
            dice = rng.integers(0, 8)
            if dice < 3 and table[column]:
                exact = table[column][rng.integers(0, len(table[column]))]
                rows[row, column] = [exact, np.nextafter(exact, np.float32(-np.inf)), np.nextafter(exact, np.float32(np.inf))][dice]
            elif dice == 3:
                rows[row, column] = odd[rng.integers(0, len(odd))]
            elif dice == 4:
                rows[row, column] = np.nan
    codes = [-1, -0.5, 0.5, 2.9, 30, 31, 32, 44.5, 45, 46, 64, 1e6, 2**24, 2.0**31, 1e30, np.nan]
    for column, count in categories:
        for row in range(ROWS):
            rows[row, column] = rng.integers(0, count) if rng.integers(0, 3) else codes[rng.integers(0, len(codes))]
    return rows


def train(name, seed):
    kind, parameters, options = CASES[name]
    categories = options.get("categories", ())
    x, y = training(kind, seed, categories)
    rounds = options.get("rounds", 5)
    parameters = {"max_depth": 3, "eta": 0.4, "seed": seed, "nthread": 1, **parameters}
    if options.get("classifier"):
        parameters.pop("nthread")
        parameters.pop("seed")
        classifier = xgb.XGBClassifier(n_estimators=rounds, n_jobs=1, **parameters)
        classifier.fit(x, y.astype(int))
        return classifier, classifier.get_booster(), categories
    types = ["q"] * FEATURES
    for column, _ in categories:
        types[column] = "c"
    extra = {"feature_types": types, "enable_categorical": True} if categories else {}
    matrix = xgb.DMatrix(x, None if options.get("bounds") else y, **extra)
    if options.get("bounds"):
        matrix.set_float_info("label_lower_bound", y)
        matrix.set_float_info("label_upper_bound", y * 1.5)
    if options.get("groups"):
        matrix.set_group([30] * 10)
    booster = xgb.train(parameters, matrix, num_boost_round=rounds)
    if "best" in options:
        booster.set_attr(best_iteration=str(options["best"]))
    return None, booster, categories


def answers(booster, rows, margin, **options):
    if "gblinear" in booster.save_raw("json").decode("latin1"):
        return np.asarray(booster.predict(xgb.DMatrix(rows), output_margin=margin), np.float32)
    if "weight_drop" in booster.save_raw("json").decode("latin1"):
        # Until 3.3, inplace_predict rounds dart's sums in another way than predict.
        return np.asarray(booster.predict(xgb.DMatrix(rows), output_margin=margin), np.float32)
    kind = "margin" if margin else "value"
    return np.asarray(booster.inplace_predict(rows, predict_type=kind, missing=np.nan, **options), np.float32)


def make(name, directory):
    options = CASES[name][2]
    # One that stays when there are more cases.
    seed = zlib.crc32(name.encode()) % 1000
    classifier, booster, categories = train(name, seed)
    stem = directory / f"{name}-{xgb.__version__}"
    path = stem.with_name(f"{stem.name}.{options.get('format', 'json')}")
    (classifier or booster).save_model(path)
    if classifier:
        classifier = xgb.XGBClassifier()
        classifier.load_model(path)
        booster = classifier.get_booster()
    else:
        booster = xgb.Booster(model_file=path)
    booster.set_param({"nthread": 1})
    rows = adversarial(booster, categories, seed)
    if "dart" in name:
        # DMatrix refuses infinity.
        rows[np.isinf(rows)] = 3e38
    if "linear" in name:
        # Nor would the difference of two infinite products be equal to itself.
        rows = np.clip(rows, -1e35, 1e35)
    parts = {"rows": rows, "margin": answers(booster, rows, True), "value": answers(booster, rows, False)}
    if "best" in options:
        until = (0, options["best"] + 1)
        parts["best_margin"] = answers(booster, rows, True, iteration_range=until)
        parts["best_value"] = answers(booster, rows, False, iteration_range=until)
    if classifier:
        parts["predict"] = classifier.predict(rows)
        parts["predict_proba"] = classifier.predict_proba(rows)
    matrices = {key: np.asarray(part, np.float32).reshape(ROWS, -1) for key, part in parts.items()}
    stem.with_name(f"{stem.name}.bin").write_bytes(b"".join(part.tobytes() for part in matrices.values()))
    return path.name, {key: part.shape[1] for key, part in matrices.items()}


def main():
    directory = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parents[1] / "test/fixtures/trees/xgboost"
    directory.mkdir(parents=True, exist_ok=True)
    index = directory / "index.json"
    made = json.loads(index.read_text()) if index.exists() else {}
    for name in OLDER.get(VERSION, CASES):
        file, parts = make(name, directory)
        made[file] = parts
        print(file, (directory / file).stat().st_size)
    lines = ",\n".join(f"  {json.dumps(file)}: {json.dumps(parts)}" for file, parts in sorted(made.items()))
    index.write_text(f"{{\n{lines}\n}}\n")


main()
