"""Trains two models of tables on data sets that scikit-learn brings along, and writes them as their libraries save them:
examples/models/wine/model.json (XGBoost) and examples/models/tumours/model.joblib (scikit-learn). Beside them, REST requests
with held-out samples, and what the libraries answer."""

import json

import joblib
import numpy as np
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split
from xgboost import XGBClassifier

from example_requests import EXAMPLES, write_json

SEED = 20
MODELS = EXAMPLES / "models"
REQUESTS = EXAMPLES / "rest"


def main():
    wine, tumours = train_wine(), train_tumours()
    expected = {"tumours.json": tumours, "wine.json": wine}
    write_json(REQUESTS / "expected.json", expected)


def train_wine():
    """Which of three cultivars a wine is from. The columns keep their names."""
    wine = load_wine()
    train_x, test_x, train_y, test_y = split(wine.data, wine.target)
    model = XGBClassifier(n_estimators=8, max_depth=3, n_jobs=1, random_state=SEED)
    model.fit(train_x, train_y)
    report("wine", model.predict(test_x), test_y)
    names = [name.replace("/", "_per_") for name in wine.feature_names]
    model.get_booster().feature_names = names
    (MODELS / "wine").mkdir(parents=True, exist_ok=True)
    model.save_model(MODELS / "wine" / "model.json")
    samples = first_of_each(test_x, test_y)
    write_rest_request("wine.json", samples)
    model.get_booster().feature_names = None
    return {
        "predict": model.predict(samples).tolist(),
        "predict_proba": model.predict_proba(samples).astype(float).tolist(),
    }


def train_tumours():
    """Whether a tumour is benign. Trained on the names of the classes, so that the model answers with text."""
    data = load_breast_cancer()
    diagnoses = data.target_names[data.target]
    train_x, test_x, train_y, test_y = split(data.data, diagnoses)
    model = RandomForestClassifier(n_estimators=16, max_depth=4, n_jobs=1, random_state=SEED)
    model.fit(train_x, train_y)
    report("tumours", model.predict(test_x), test_y)
    (MODELS / "tumours").mkdir(parents=True, exist_ok=True)
    joblib.dump(model, MODELS / "tumours" / "model.joblib")
    samples = first_of_each(test_x, test_y)
    write_rest_request("tumours.json", samples)
    return {
        "predict": model.predict(samples).tolist(),
        "predict_proba": model.predict_proba(samples).tolist(),
    }


def split(table, labels):
    return train_test_split(table, labels, test_size=0.3, stratify=labels, random_state=SEED)


def report(name, answers, labels):
    correct = answers == labels
    print(f"{name}, held out: {correct.sum()} of {len(correct)} right ({correct.mean():.2%})")
    assert correct.mean() >= 0.9, "the model has not learned enough"


def first_of_each(table, labels):
    """One sample of each class."""
    _, places = np.unique(np.asarray(labels), return_index=True)
    return table[places]


def write_rest_request(file_name, samples):
    body = {
        "inputs": [
            {
                "name": "input",
                "datatype": "FP64",
                "shape": list(samples.shape),
                "data": [float(value) for value in samples.ravel()],
            }
        ]
    }
    (REQUESTS / file_name).write_text(json.dumps(body) + "\n")


if __name__ == "__main__":
    main()
