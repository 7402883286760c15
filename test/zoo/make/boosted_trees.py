"""XGBoost and LightGBM models, as onnxmltools exports them with its default options."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import numpy as np
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from zoo_case import Case

ROWS, COLUMNS = 200, 8


def boosted_cases(kind: str, skipped: list[str]) -> Iterator[Case]:
    random = np.random.default_rng(11)
    features = random.normal(size=(ROWS, COLUMNS)).astype(np.float32)
    scores = features[:, 0] + features[:, 1] * features[:, 2]
    targets = {
        "two": (scores > 0).astype(int),
        "three": np.digitize(scores, [-0.5, 0.5]),
        "number": scores.astype(np.float32),
        "count": random.poisson(np.exp(scores / 3)).astype(np.float32),
    }
    gaps = features[:9].copy()
    gaps[::2, 3] = np.nan
    makers, convert = (xgboost_models(), convert_xgboost) if kind == "xgboost" else (lightgbm_models(), convert_lightgbm)
    for name, (make, target) in makers.items():
        types = [("input", FloatTensorType([None, COLUMNS]))]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = convert(make().fit(features, targets[target]), initial_types=types)
        except Exception as error:  # noqa: BLE001: what the exporter cannot export is no case of ours
            skipped.append(f"{name}: {type(error).__name__}: {str(error).strip().splitlines()[0][:100]}")
            continue
        # The exporter names graphs at random.
        model.graph.name = name
        yield Case(kind, name, model, [{"input": features[:1]}, {"input": features[:9]}, {"input": gaps}])


def xgboost_models() -> dict[str, tuple[Callable, str]]:
    import xgboost

    few = {"n_estimators": 12, "max_depth": 4, "n_jobs": 1}
    classifier, regressor = xgboost.XGBClassifier, xgboost.XGBRegressor
    return {
        "classifier-two": (lambda: classifier(**few), "two"),
        "classifier-three": (lambda: classifier(**few), "three"),
        "classifier-softprob": (lambda: classifier(**few, objective="multi:softprob"), "three"),
        "classifier-base-score": (lambda: classifier(**few, base_score=0.3), "two"),
        "classifier-stumps": (lambda: classifier(n_estimators=30, max_depth=1), "three"),
        "classifier-one-tree": (lambda: classifier(n_estimators=1), "two"),
        "random-forest-classifier": (lambda: xgboost.XGBRFClassifier(**few), "two"),
        "regressor": (lambda: regressor(**few), "number"),
        "regressor-logistic": (lambda: regressor(**few, objective="reg:logistic"), "two"),
        "regressor-poisson": (lambda: regressor(**few, objective="count:poisson"), "count"),
        "regressor-tweedie": (lambda: regressor(**few, objective="reg:tweedie"), "count"),
        "regressor-absolute": (lambda: regressor(**few, objective="reg:absoluteerror"), "number"),
        "regressor-lossguide": (lambda: regressor(**few, grow_policy="lossguide", max_leaves=9), "number"),
        "random-forest-regressor": (lambda: xgboost.XGBRFRegressor(**few), "number"),
    }


def lightgbm_models() -> dict[str, tuple[Callable, str]]:
    import lightgbm

    few = {"n_estimators": 12, "num_leaves": 7, "n_jobs": 1, "verbose": -1, "min_child_samples": 5}
    classifier, regressor = lightgbm.LGBMClassifier, lightgbm.LGBMRegressor
    return {
        "classifier-two": (lambda: classifier(**few), "two"),
        "classifier-three": (lambda: classifier(**few), "three"),
        "classifier-one-vs-all": (lambda: classifier(**few, objective="multiclassova"), "three"),
        "classifier-one-tree": (lambda: classifier(**{**few, "n_estimators": 1}), "two"),
        "regressor": (lambda: regressor(**few), "number"),
        "regressor-l1": (lambda: regressor(**few, objective="regression_l1"), "number"),
        "regressor-huber": (lambda: regressor(**few, objective="huber"), "number"),
        "regressor-poisson": (lambda: regressor(**few, objective="poisson"), "count"),
        "regressor-tweedie": (lambda: regressor(**few, objective="tweedie"), "count"),
        "regressor-quantile": (lambda: regressor(**few, objective="quantile"), "number"),
        "random-forest": (
            lambda: regressor(**few, boosting_type="rf", bagging_freq=1, bagging_fraction=0.7),
            "number",
        ),
        "dart": (lambda: classifier(**few, boosting_type="dart"), "three"),
    }
