"""Trains small scikit-learn models with whatever parameters a seed says, and writes them with hard rows and the answers
to those.

    python random_sklearn.py FOLDER SEED COUNT
"""

import json
import sys
from pathlib import Path

import joblib
import numpy as np
import sklearn

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "goldens"))
from golden_tensors import outputs, tensor
from sklearn_models import rows_for, with_missing

from sklearn import ensemble, linear_model, naive_bayes, neural_network, pipeline, preprocessing, tree
from sklearn.impute import SimpleImputer

ROWS = 2000


def pick(rng, *options):
    return options[rng.integers(len(options))]


def training_data(rng):
    rows = int(rng.integers(60, 400))
    x = rng.normal(size=(rows, rng.integers(1, 8)))
    for column in range(x.shape[1]):
        kind = rng.integers(6)
        if kind == 0:
            x[:, column] = rng.integers(0, 4, rows)
        elif kind == 1:
            x[:, column] *= 1e-35
        elif kind == 2:
            x[:, column] = np.exp(4 * x[:, column])
        elif kind == 3:
            x[:, column] = 3.0
    signal = np.tanh(x).sum(axis=1) + rng.normal(scale=0.3, size=rows)
    return x, signal


def labels(rng, signal, most=5):
    count = int(rng.integers(2, most + 1))
    codes = np.digitize(signal, np.quantile(signal, np.linspace(0, 1, count + 1)[1:-1]))
    names = pick(rng, np.arange(count), np.arange(count) - 1.0, np.array([f"é{i}" for i in range(count)]))
    return names[codes] if count > 2 else pick(rng, codes, codes == 1, names[codes])


def tree_like(rng, seed):
    """(name, model, whether it classifies, whether it takes NaN)"""
    sizes = dict(max_depth=pick(rng, None, 1, 3, 6), min_samples_leaf=int(rng.integers(1, 6)), random_state=seed)
    many = dict(**sizes, n_estimators=int(rng.integers(1, 12)))
    boost = dict(learning_rate=float(rng.uniform(0.01, 1.5)), subsample=pick(rng, 1.0, 0.6))
    hist = dict(
        max_iter=int(rng.integers(1, 12)),
        max_leaf_nodes=int(rng.integers(2, 20)),
        min_samples_leaf=int(rng.integers(1, 20)),
        learning_rate=boost["learning_rate"],
        max_bins=int(rng.integers(3, 256)),
        early_stopping=pick(rng, True, False),
        random_state=seed,
    )
    criterion = pick(rng, "gini", "entropy")
    options = [
        ("tree", tree.DecisionTreeClassifier(**sizes, criterion=criterion, class_weight=pick(rng, None, "balanced")), True, True),
        ("tree-values", tree.DecisionTreeRegressor(**sizes, ccp_alpha=pick(rng, 0.0, 0.01)), False, True),
        ("forest", ensemble.RandomForestClassifier(**many, criterion=criterion), True, True),
        ("forest-values", ensemble.RandomForestRegressor(**many, max_features=0.7), False, True),
        ("extra", ensemble.ExtraTreesClassifier(**many), True, True),
        ("extra-values", ensemble.ExtraTreesRegressor(**many), False, True),
        ("boosting", ensemble.GradientBoostingClassifier(**many, **boost), True, False),
        ("boosting-zero", ensemble.GradientBoostingClassifier(**many, **boost, init="zero"), True, False),
        (
            "boosting-values",
            ensemble.GradientBoostingRegressor(**many, **boost, loss=pick(rng, "squared_error", "absolute_error", "huber", "quantile")),
            False,
            False,
        ),
        ("histogram", ensemble.HistGradientBoostingClassifier(**hist), True, True),
        ("histogram-values", ensemble.HistGradientBoostingRegressor(**hist, loss=pick(rng, "squared_error", "absolute_error")), False, True),
    ]
    return options[rng.integers(len(options))]


def other(rng, seed):
    hidden = tuple(int(rng.integers(1, 9)) for _ in range(rng.integers(1, 4)))
    net = dict(hidden_layer_sizes=hidden, activation=pick(rng, "identity", "logistic", "tanh", "relu"), max_iter=20, random_state=seed)
    options = [
        ("linear", linear_model.LinearRegression(fit_intercept=pick(rng, True, False)), False),
        ("linear-ridge", linear_model.Ridge(alpha=float(rng.uniform(0.01, 5))), False),
        ("linear-lasso", linear_model.Lasso(alpha=0.01), False),
        ("linear-huber", linear_model.HuberRegressor(), False),
        ("logistic", linear_model.LogisticRegression(C=float(rng.uniform(0.1, 5))), True),
        ("linear-sgd", linear_model.SGDClassifier(loss=pick(rng, "hinge", "log_loss", "modified_huber"), random_state=seed), True),
        ("linear-ridge-classes", linear_model.RidgeClassifier(), True),
        ("mlp", neural_network.MLPClassifier(**net), True),
        ("mlp-values", neural_network.MLPRegressor(**net), False),
        ("bayes", naive_bayes.GaussianNB(), True),
    ]
    name, model, classifies = options[rng.integers(len(options))]
    return name, pipeline.make_pipeline(preprocessing.StandardScaler(), model), classifies, False


def with_steps(rng, name, model, takes_missing):
    """Sometimes after transformers whose bits are those of scikit-learn."""
    if rng.random() < 0.6:
        return name, model, takes_missing
    scale = pick(
        rng,
        preprocessing.StandardScaler(with_std=pick(rng, True, False)),
        preprocessing.MinMaxScaler(clip=pick(rng, True, False)),
        preprocessing.RobustScaler(),
        preprocessing.MaxAbsScaler(),
        preprocessing.PolynomialFeatures(2, interaction_only=pick(rng, True, False)),
    )
    return name, pipeline.make_pipeline(SimpleImputer(strategy=pick(rng, "mean", "median")), scale, model), True


def main():
    folder, seed, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    rng = np.random.default_rng(seed)
    expected = {}
    for number in range(count):
        x, signal = training_data(rng)
        if rng.random() < 0.65:
            name, model, classifies, takes_missing = tree_like(rng, int(rng.integers(2**31)))
            name, model, takes_missing = with_steps(rng, name, model, takes_missing)
        else:
            # Sums of numbers of very different sizes would lose the digits that are compared.
            x = rng.normal(size=x.shape) * rng.uniform(0.1, 10, x.shape[1])
            signal = x @ rng.normal(size=x.shape[1]) + rng.normal(size=len(x))
            name, model, classifies, takes_missing = other(rng, int(rng.integers(2**31)))
        data = with_missing(x, rng) if takes_missing and rng.random() < 0.5 else x
        model.fit(data, labels(rng, signal) if classifies else signal)
        last = model[-1] if isinstance(model, pipeline.Pipeline) else model
        rows = rows_for(last if last is model else None, x, rng, ROWS)
        if takes_missing:
            rows = with_missing(rows, rng)
        key = f"{name}-{number}"
        joblib.dump(model, folder / f"{key}.joblib")
        expected[key] = dict(about=" ".join(repr(model).split()), inputs=dict(input=tensor(rows)), outputs=outputs(model, rows))
    golden = dict(version=sklearn.__version__, models=expected)
    (folder / "expected.json").write_text(json.dumps(golden))


main()
