"""Writes the models that the guides of KServe and MLServer train, in a folder that is a repository of MLServer and of
Modelport at once, and again as `kserve-…` with the settings that have Modelport answer as KServe's servers do.

    write_models.py FOLDER

Prints one JSON object: the models as kserve_trees.py takes them, and those of MLServer.
"""

import json
import shutil
import sys
import warnings
from pathlib import Path

import joblib
import lightgbm
import numpy
import pandas
import xgboost
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

warnings.filterwarnings("ignore")
ROOT = Path(sys.argv[1])
RUNTIMES = {
    "xgboost": "mlserver_xgboost.XGBoostModel",
    "lightgbm": "mlserver_lightgbm.LightGBMModel",
    "sklearn": "mlserver_sklearn.SKLearnModel",
}
KSERVE_SETTINGS = {"output_names": "kserve", "boosting_rounds": "all"}
written = {"kserve": [], "mlserver": []}


def add(name, library, file, save):
    """Saves a model as version 1 of `name`, and of `kserve-name`."""
    folder = ROOT / name
    (folder / "1").mkdir(parents=True)
    save(str(folder / "1" / file))
    (ROOT / f"kserve-{name}" / "1").mkdir(parents=True)
    twin = ROOT / f"kserve-{name}" / "1" / file
    shutil.copy(folder / "1" / file, twin)
    (ROOT / f"kserve-{name}" / "modelport.json").write_text(json.dumps(KSERVE_SETTINGS))
    settings = {
        "name": name,
        "implementation": RUNTIMES[library],
        "parameters": {"uri": f"./1/{file}", "version": "1"},
    }
    (folder / "model-settings.json").write_text(json.dumps(settings))
    written["kserve"].append(f"kserve-{name}={library}={twin}")
    written["mlserver"].append(name)


def boosters(iris):
    # https://kserve.github.io/website: "Deploying XGBoost models"
    parameters = {"max_depth": 6, "eta": 0.1, "nthread": 1, "num_class": 10, "objective": "multi:softmax"}
    booster = xgboost.train(parameters, xgboost.DMatrix(iris.data, label=iris.target), 10)
    add("iris-xgboost", "xgboost", "model.bst", booster.save_model)
    # MLServer's docs: "Serving XGBoost models", with data that comes with scikit-learn.
    cancer = load_breast_cancer()
    parameters = {"max_depth": 2, "eta": 1, "nthread": 1, "objective": "binary:logistic"}
    booster = xgboost.train(parameters, xgboost.DMatrix(cancer.data, label=cancer.target), 2)
    add("cancer-xgboost", "xgboost", "cancer-xgboost.json", booster.save_model)
    classifier = xgboost.XGBClassifier(n_estimators=8, n_jobs=1, early_stopping_rounds=2)
    frame = pandas.DataFrame(iris.data, columns=["a", "b", "c", "d"])
    classifier.fit(frame, iris.target, eval_set=[(frame[::3], iris.target[::-3])], verbose=False)
    add("classes-xgboost", "xgboost", "model.ubj", classifier.save_model)
    # Both docs: "Serving LightGBM models"
    names = [name.replace(" ", "_") for name in iris.feature_names]
    data = lightgbm.Dataset(pandas.DataFrame(iris.data, columns=names), label=iris.target)
    parameters = {"objective": "multiclass", "num_class": 3, "num_threads": 1, "verbose": -1}
    add("iris-lightgbm", "lightgbm", "model.bst", lightgbm.train(parameters, data, 10).save_model)
    data = lightgbm.Dataset(cancer.data, label=cancer.target)
    parameters = {"objective": "binary", "num_threads": 1, "verbose": -1}
    add("cancer-lightgbm", "lightgbm", "model.bst", lightgbm.train(parameters, data, 10).save_model)


def estimators(iris):
    def save(estimator):
        return lambda file: joblib.dump(estimator, file)

    regression = LogisticRegression(max_iter=1000).fit(iris.data, iris.target)
    add("iris-sklearn", "sklearn", "model.joblib", save(regression))
    forest = RandomForestClassifier(10, random_state=0, n_jobs=1)
    forest.fit(iris.data, iris.target_names[iris.target])
    add("words-sklearn", "sklearn", "model.pkl", save(forest))
    # KServe's docs: "Deploy Scikit-learn models", with columns of several types
    random = numpy.random.default_rng(7)
    rows = 200
    houses = pandas.DataFrame(
        {
            "MSZoning": random.choice(["RL", "RM", "FV"], rows),
            "LotArea": random.integers(1000, 20000, rows),
            "LotShape": random.choice(["Reg", "IR1"], rows),
            "YrSold": random.integers(2006, 2011, rows),
            "GarageArea": random.integers(0, 900, rows),
        }
    )
    price = numpy.log(houses.LotArea) + (houses.MSZoning == "RL") + houses.GarageArea / 1000
    texts = ["MSZoning", "LotShape"]
    columns = ColumnTransformer(
        [
            ("texts", OneHotEncoder(handle_unknown="ignore"), texts),
            ("numbers", StandardScaler(), [name for name in houses if name not in texts]),
        ]
    )
    model = GradientBoostingRegressor(n_estimators=20, random_state=0)
    pipeline = Pipeline([("columns", columns), ("model", model)]).fit(houses, price)
    add("houses-sklearn", "sklearn", "model.joblib", save(pipeline))


iris_data = load_iris()
boosters(iris_data)
estimators(iris_data)
print(json.dumps(written))
