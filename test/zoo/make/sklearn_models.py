"""Estimators and pipelines of scikit-learn, as skl2onnx exports them with its default options: classifiers
give a label, and by ZipMap a sequence of maps."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import numpy as np
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn import (
    calibration,
    cluster,
    compose,
    cross_decomposition,
    decomposition,
    discriminant_analysis,
    ensemble,
    feature_extraction,
    feature_selection,
    gaussian_process,
    impute,
    linear_model,
    mixture,
    multiclass,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    random_projection,
    svm,
    tree,
)
from zoo_case import Case

ROWS, COLUMNS = 120, 6


def data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, three classes that depend on them, and a number that does."""
    random = np.random.default_rng(7)
    features = random.normal(size=(ROWS, COLUMNS)).astype(np.float32)
    scores = features[:, 0] + 0.5 * features[:, 1]
    return features, np.digitize(scores, [-0.5, 0.5]), (scores * 3).astype(np.float32)


def classifiers() -> dict[str, Callable]:
    knn, forest = neighbors.KNeighborsClassifier, ensemble.RandomForestClassifier
    logistic = linear_model.LogisticRegression
    return {
        "LogisticRegression": logistic,
        "LogisticRegressionCV": lambda: linear_model.LogisticRegressionCV(Cs=3),
        "SGDClassifier": lambda: linear_model.SGDClassifier(loss="log_loss", random_state=0),
        "SGDClassifier-hinge": lambda: linear_model.SGDClassifier(random_state=0),
        "Perceptron": lambda: linear_model.Perceptron(random_state=0),
        "RidgeClassifier": linear_model.RidgeClassifier,
        "RidgeClassifierCV": linear_model.RidgeClassifierCV,
        "LinearSVC": lambda: svm.LinearSVC(random_state=0),
        "SVC": lambda: svm.SVC(),
        "SVC-probability": lambda: svm.SVC(probability=True, random_state=0),
        "NuSVC": svm.NuSVC,
        "DecisionTreeClassifier": lambda: tree.DecisionTreeClassifier(random_state=0),
        "ExtraTreeClassifier": lambda: tree.ExtraTreeClassifier(random_state=0),
        "RandomForestClassifier": lambda: forest(10, random_state=0),
        "ExtraTreesClassifier": lambda: ensemble.ExtraTreesClassifier(10, random_state=0),
        "GradientBoostingClassifier": lambda: ensemble.GradientBoostingClassifier(n_estimators=10, random_state=0),
        "HistGradientBoostingClassifier": lambda: ensemble.HistGradientBoostingClassifier(max_iter=10, random_state=0),
        "AdaBoostClassifier": lambda: ensemble.AdaBoostClassifier(n_estimators=5, random_state=0),
        "BaggingClassifier": lambda: ensemble.BaggingClassifier(n_estimators=5, random_state=0),
        "VotingClassifier": lambda: ensemble.VotingClassifier([("a", logistic()), ("b", knn(3))], voting="soft", flatten_transform=False),
        "StackingClassifier": lambda: ensemble.StackingClassifier([("a", logistic()), ("b", knn(3))]),
        "KNeighborsClassifier": lambda: knn(3),
        "RadiusNeighborsClassifier": lambda: neighbors.RadiusNeighborsClassifier(radius=9.0),
        "GaussianNB": naive_bayes.GaussianNB,
        "BernoulliNB": naive_bayes.BernoulliNB,
        "LinearDiscriminantAnalysis": discriminant_analysis.LinearDiscriminantAnalysis,
        "QuadraticDiscriminantAnalysis": discriminant_analysis.QuadraticDiscriminantAnalysis,
        "MLPClassifier": lambda: neural_network.MLPClassifier((8,), max_iter=30, random_state=0),
        "CalibratedClassifierCV": lambda: calibration.CalibratedClassifierCV(logistic(), cv=2),
        "OneVsRestClassifier": lambda: multiclass.OneVsRestClassifier(logistic()),
        "OneVsOneClassifier": lambda: multiclass.OneVsOneClassifier(logistic()),
        "Pipeline-scaled": lambda: pipeline.make_pipeline(preprocessing.StandardScaler(), logistic()),
        "Pipeline-pca": lambda: pipeline.make_pipeline(decomposition.PCA(3), forest(5, random_state=0)),
        "Pipeline-union": lambda: pipeline.make_pipeline(
            pipeline.make_union(preprocessing.MinMaxScaler(), decomposition.PCA(2)), logistic()
        ),
        "Pipeline-selected": lambda: pipeline.make_pipeline(feature_selection.SelectKBest(k=3), logistic()),
    }


def regressors() -> dict[str, Callable]:
    linear = linear_model
    return {
        "LinearRegression": linear.LinearRegression,
        "Ridge": linear.Ridge,
        "RidgeCV": linear.RidgeCV,
        "Lasso": linear.Lasso,
        "LassoCV": lambda: linear.LassoCV(cv=2),
        "ElasticNet": linear.ElasticNet,
        "Lars": linear.Lars,
        "LassoLars": linear.LassoLars,
        "OrthogonalMatchingPursuit": linear.OrthogonalMatchingPursuit,
        "BayesianRidge": linear.BayesianRidge,
        "ARDRegression": linear.ARDRegression,
        "SGDRegressor": lambda: linear.SGDRegressor(random_state=0),
        "HuberRegressor": linear.HuberRegressor,
        "TheilSenRegressor": lambda: linear.TheilSenRegressor(random_state=0),
        "RANSACRegressor": lambda: linear.RANSACRegressor(random_state=0),
        "QuantileRegressor": linear.QuantileRegressor,
        "TweedieRegressor": linear.TweedieRegressor,
        "LinearSVR": lambda: svm.LinearSVR(random_state=0),
        "SVR": svm.SVR,
        "NuSVR": svm.NuSVR,
        "DecisionTreeRegressor": lambda: tree.DecisionTreeRegressor(random_state=0),
        "ExtraTreeRegressor": lambda: tree.ExtraTreeRegressor(random_state=0),
        "RandomForestRegressor": lambda: ensemble.RandomForestRegressor(10, random_state=0),
        "ExtraTreesRegressor": lambda: ensemble.ExtraTreesRegressor(10, random_state=0),
        "GradientBoostingRegressor": lambda: ensemble.GradientBoostingRegressor(n_estimators=10, random_state=0),
        "HistGradientBoostingRegressor": lambda: ensemble.HistGradientBoostingRegressor(max_iter=10, random_state=0),
        "AdaBoostRegressor": lambda: ensemble.AdaBoostRegressor(n_estimators=5, random_state=0),
        "BaggingRegressor": lambda: ensemble.BaggingRegressor(n_estimators=5, random_state=0),
        "VotingRegressor": lambda: ensemble.VotingRegressor([("a", linear.Ridge()), ("b", svm.SVR())]),
        "StackingRegressor": lambda: ensemble.StackingRegressor([("a", linear.Ridge()), ("b", svm.SVR())]),
        "KNeighborsRegressor": lambda: neighbors.KNeighborsRegressor(3),
        "RadiusNeighborsRegressor": lambda: neighbors.RadiusNeighborsRegressor(radius=9.0),
        "MLPRegressor": lambda: neural_network.MLPRegressor(hidden_layer_sizes=(8,), max_iter=30, random_state=0),
        "GaussianProcessRegressor": lambda: gaussian_process.GaussianProcessRegressor(random_state=0),
        "PLSRegression": cross_decomposition.PLSRegression,
    }


def transformers() -> dict[str, Callable]:
    pre, dec = preprocessing, decomposition
    return {
        "StandardScaler": pre.StandardScaler,
        "MinMaxScaler": pre.MinMaxScaler,
        "MaxAbsScaler": pre.MaxAbsScaler,
        "RobustScaler": pre.RobustScaler,
        "Normalizer": pre.Normalizer,
        "Binarizer": pre.Binarizer,
        "PolynomialFeatures": pre.PolynomialFeatures,
        "PowerTransformer": pre.PowerTransformer,
        "QuantileTransformer": lambda: pre.QuantileTransformer(n_quantiles=20),
        "KBinsDiscretizer": lambda: pre.KBinsDiscretizer(3, encode="ordinal"),
        "FunctionTransformer": pre.FunctionTransformer,
        "PCA": lambda: dec.PCA(3),
        "KernelPCA": lambda: dec.KernelPCA(3),
        "IncrementalPCA": lambda: dec.IncrementalPCA(3),
        "TruncatedSVD": lambda: dec.TruncatedSVD(3, random_state=0),
        "KMeans": lambda: cluster.KMeans(3, random_state=0, n_init=1),
        "MiniBatchKMeans": lambda: cluster.MiniBatchKMeans(3, random_state=0, n_init=1),
        "GaussianMixture": lambda: mixture.GaussianMixture(2, random_state=0),
        "IsolationForest": lambda: ensemble.IsolationForest(n_estimators=5, random_state=0),
        "LocalOutlierFactor": lambda: neighbors.LocalOutlierFactor(novelty=True),
        "OneClassSVM": svm.OneClassSVM,
        "KNNImputer": impute.KNNImputer,
        "SimpleImputer": impute.SimpleImputer,
        "VarianceThreshold": feature_selection.VarianceThreshold,
        "SelectKBest": lambda: feature_selection.SelectKBest(k=3),
        "SelectPercentile": lambda: feature_selection.SelectPercentile(percentile=50),
        "GaussianRandomProjection": lambda: random_projection.GaussianRandomProjection(3, random_state=0),
    }


def sklearn_cases(skipped: list[str]) -> Iterator[Case]:
    features, classes, numbers = data()
    gaps = features.copy()
    gaps[::7, 1] = np.nan
    some = features[:9]
    kinds = (("classifier", classifiers(), classes), ("regressor", regressors(), numbers))
    for group, makers, target in kinds:
        for name, make in makers.items():
            yield from exported(group, name, lambda: make().fit(features, target), [some], skipped)
    names = np.array(["setosa", "versicolor", "virginica"])
    for name in ("LogisticRegression", "RandomForestClassifier", "KNeighborsClassifier", "SVC-probability"):
        maker, text = classifiers()[name], names[classes]
        yield from exported("classifier", f"{name}-text", lambda: maker().fit(features, text), [some], skipped)
        yield from exported(
            "classifier", f"{name}-two", lambda: maker().fit(features, classes > 0), [some], skipped
        )
    for name, make in transformers().items():
        taken = gaps if "Imputer" in name else features
        fit = lambda: make().fit(taken, classes if "Select" in name else numbers)  # noqa: E731
        yield from exported("transformer", name, fit, [taken[:9]], skipped)
    yield from text_cases(skipped)


def text_cases(skipped: list[str]) -> Iterator[Case]:
    texts = np.array(["a red fox", "the blue sky", "red sky at night", "a fox at night"] * 8)
    label = np.array([0, 1, 1, 0] * 8)
    column = texts.reshape(-1, 1)
    mixed = {"color": np.array([["red"], ["blue"], ["green"]] * 10, dtype=object)}
    mixed["size"] = np.arange(30, dtype=np.float32).reshape(-1, 1)
    mixed["count"] = np.arange(30, dtype=np.int64).reshape(-1, 1)
    extraction = feature_extraction.text
    for name, make in {
        "TfidfVectorizer": extraction.TfidfVectorizer,
        "CountVectorizer": extraction.CountVectorizer,
        "TfidfVectorizer-words": lambda: extraction.TfidfVectorizer(ngram_range=(1, 2), lowercase=False),
    }.items():
        classify = lambda: pipeline.make_pipeline(make(), linear_model.LogisticRegression()).fit(texts, label)  # noqa: E731
        types = [("text", StringTensorType([None, 1]))]
        yield from exported("text", f"{name}-classifier", classify, [column[:4]], skipped, types)
        yield from exported("text", name, lambda: make().fit(texts), [column[:4]], skipped, types)
    for name, make in {
        "OneHotEncoder": lambda: preprocessing.OneHotEncoder(handle_unknown="ignore"),
        "OrdinalEncoder": preprocessing.OrdinalEncoder,
        "LabelEncoder": preprocessing.LabelEncoder,
        "FeatureHasher": lambda: feature_extraction.FeatureHasher(8, input_type="string"),
    }.items():
        flat = name == "LabelEncoder"
        values = mixed["color"].reshape(-1) if flat else mixed["color"]
        types = [("color", StringTensorType([None] if flat else [None, 1]))]
        yield from exported("text", name, lambda: make().fit(values), [values[:3]], skipped, types)
    table = np.concatenate([mixed[key].astype(object) for key in mixed], axis=1)
    encoder = compose.make_column_transformer(
        (preprocessing.OneHotEncoder(), [0]), (preprocessing.StandardScaler(), [1, 2])
    )
    columns = pipeline.make_pipeline(encoder, linear_model.LogisticRegression())
    types = [
        ("color", StringTensorType([None, 1])),
        ("size", FloatTensorType([None, 1])),
        ("count", Int64TensorType([None, 1])),
    ]
    given = [mixed["color"][:3], mixed["size"][:3], mixed["count"][:3]]
    yield from exported("text", "ColumnTransformer", lambda: columns.fit(table, np.arange(30) % 2), given, skipped, types)


def exported(
    group: str, name: str, fit: Callable, values: list[np.ndarray], skipped: list[str], types: list | None = None
) -> Iterator[Case]:
    """The case, or a line in `skipped` if scikit-learn or its exporter cannot make it."""
    taken = types or [("X", FloatTensorType([None, values[0].shape[1]]))]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # IsolationForest alone has no exporter for the newest operators.
            opset = {"": 18, "ai.onnx.ml": 3} if name == "IsolationForest" else None
            model = to_onnx(fit(), initial_types=taken, target_opset=opset)
    except Exception as error:  # noqa: BLE001: what the exporter cannot export is no case of ours
        skipped.append(f"{name}: {type(error).__name__}: {str(error).strip().splitlines()[0][:100]}")
        return
    # The exporter names graphs at random.
    model.graph.name = name
    feeds = {key: value for (key, _), value in zip(taken, values)}
    yield Case("sklearn", name, model, [feeds], group)
