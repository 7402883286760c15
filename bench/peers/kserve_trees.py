"""KServe's model server with models of XGBoost, LightGBM and scikit-learn, called as KServe's own xgbserver, lgbserver and
sklearnserver do, which PyPI does not have.

    kserve_trees.py HTTP_PORT GRPC_PORT ID=LIBRARY=FILE...
"""

import sys

import joblib
import lightgbm
import xgboost
from kserve import Model, ModelServer
from kserve.utils.utils import get_predict_input, get_predict_response


class XgboostModel(Model):
    def __init__(self, name, file):
        super().__init__(name)
        self.booster = xgboost.Booster(params={"nthread": 1}, model_file=file)
        self.ready = True

    def predict(self, payload, headers=None, response_headers=None):
        data = xgboost.DMatrix(get_predict_input(payload), nthread=1)
        return get_predict_response(payload, self.booster.predict(data), self.name)


class LightgbmModel(Model):
    def __init__(self, name, file):
        super().__init__(name)
        self.booster = lightgbm.Booster(params={"nthread": 1}, model_file=file)
        self.ready = True

    def predict(self, payload, headers=None, response_headers=None):
        data = get_predict_input(payload, columns=self.booster.feature_name())
        return get_predict_response(payload, self.booster.predict(data), self.name)


class SklearnModel(Model):
    def __init__(self, name, file):
        super().__init__(name)
        self.estimator = joblib.load(file)
        self.ready = True

    def predict(self, payload, headers=None, response_headers=None):
        data = get_predict_input(payload)
        return get_predict_response(payload, self.estimator.predict(data), self.name)


KINDS = {"xgboost": XgboostModel, "lightgbm": LightgbmModel, "sklearn": SklearnModel}

http_port, grpc_port, *models = sys.argv[1:]
loaded = [KINDS[library](name, file) for name, library, file in (each.split("=", 2) for each in models)]
ModelServer(http_port=int(http_port), grpc_port=int(grpc_port), workers=1).start(loaded)
