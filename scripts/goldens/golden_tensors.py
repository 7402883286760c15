"""Rows and answers of scikit-learn as the tests read them."""

import base64

import numpy as np


def tensor(values):
    """A value as the tests read it."""
    array = np.asarray(values)
    if array.dtype.kind == "f":
        data = base64.b64encode(array.astype("<f8").tobytes()).decode()
        return dict(type="float" if array.dtype == np.float32 else "double", shape=array.shape, data=data)
    kind = {"i": "int64", "b": "bool"}.get(array.dtype.kind, "string")
    return dict(type=kind, shape=array.shape, data=array.ravel().tolist())


def outputs(model, rows):
    answers = {}
    if hasattr(model, "predict"):
        answers["predict"] = model.predict(rows)
    else:
        found = model.transform(rows)
        answers["transform"] = found.toarray() if hasattr(found, "toarray") else found
    for name, method in dict(predict_proba="predict_proba", margin="decision_function").items():
        if hasattr(model, method):
            answers[name] = getattr(model, method)(rows)
    return {name: tensor(answer) for name, answer in answers.items()}
