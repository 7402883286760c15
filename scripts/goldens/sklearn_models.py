"""Small scikit-learn models and rows to try them on, for golden files and for the randomised test."""

import warnings

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

warnings.simplefilter("ignore")


def thresholds_of(model):
    """(column, threshold) of every split that the model compares its columns with as they are."""
    trees = [model] if hasattr(model, "tree_") else getattr(model, "estimators_", [])
    for tree in np.ravel(np.asarray(trees, dtype=object)):
        if not hasattr(tree, "tree_"):
            continue
        inner = tree.tree_.children_left != -1
        yield from zip(tree.tree_.feature[inner], tree.tree_.threshold[inner])
    for predictor in np.ravel(np.asarray(getattr(model, "_predictors", []), dtype=object)):
        nodes = predictor.nodes[predictor.nodes["is_leaf"] == 0]
        yield from zip(nodes["feature_idx"], nodes["num_threshold"])


def rows_for(model, data, rng, count=64):
    """Rows of the training data's kind, and ones that lie on thresholds, beside them, and at the ends of numbers."""
    columns = data.shape[1]
    rows = rng.normal(size=(count, columns)) * 1.5
    rows[: count // 4] = data[rng.integers(0, len(data), count // 4)]
    splits = list(thresholds_of(model))
    exact32 = not hasattr(model, "_predictors")
    for row in range(count // 4, count // 2):
        if not splits:
            break
        for column, threshold in [splits[i] for i in rng.integers(0, len(splits), 6)]:
            kind = np.float32 if exact32 else np.float64
            near = kind(threshold if np.isfinite(threshold) else 0)
            rows[row, column] = [near, np.nextafter(near, kind(np.inf)), np.nextafter(near, kind(-np.inf)), np.nextafter(near, 0)][
                rng.integers(4)
            ]
    special = [0.0, -0.0, 1e-35, -1e-35, 5e-324, -5e-324, 1.4e-45]
    if splits:
        special += [1e38, -1e38, 16777217.0]
    for row in range(count // 2, 5 * count // 8):
        rows[row, rng.integers(columns)] = special[rng.integers(len(special))]
    return rows


def with_missing(rows, rng):
    """Some values become NaN, as far as the model takes it."""
    rows = rows.copy()
    rows[rng.random(rows.shape) < 0.15] = np.nan
    return rows


def trained(rng, version):
    """name -> (model, rows). `version`: minor version of scikit-learn 1."""
    x = rng.normal(size=(240, 4)).astype(np.float32).astype(np.float64)
    two = (x[:, 0] + x[:, 1] * x[:, 2] > 0).astype(int)
    three = np.digitize(x[:, 0] + x[:, 1], [-0.6, 0.5])
    texts = np.array(["ham", "spam", "ünï"])[three]
    values = x @ [1.5, -2, 0.5, 3] + np.sin(3 * x[:, 1]) + rng.normal(size=240) / 10
    pairs = np.column_stack([values, x[:, 0] * x[:, 3]])
    counts = rng.poisson(np.exp(x[:, 0] / 2))
    holes = with_missing(x, rng)
    seed = int(rng.integers(2**31))
    models = {}

    def add(name, model, data, target, rows=None):
        model.fit(data, target)
        models[name] = (model, rows_for(model, data, rng) if rows is None else rows)

    few = dict(n_estimators=3, max_depth=3, random_state=seed)
    add("tree", DecisionTreeClassifier(max_depth=4, random_state=seed), x, texts)
    add("tree-weights", DecisionTreeClassifier(max_depth=4, random_state=seed, class_weight="balanced"), x, three)
    add("tree-values", DecisionTreeRegressor(max_depth=4, random_state=seed), x, values)
    add("forest", RandomForestClassifier(**few), x, three)
    add("forest-two", RandomForestClassifier(**few, criterion="entropy"), x, two == 1)
    add("forest-values", RandomForestRegressor(**few), x, values)
    add("forest-pairs", RandomForestRegressor(**few), x, pairs)
    add("extra", ExtraTreesClassifier(**few), x, three - 1.0)
    add("extra-values", ExtraTreesRegressor(**few, bootstrap=True), x, values)
    add("boosting", GradientBoostingClassifier(**few), x, two)
    add("boosting-three", GradientBoostingClassifier(**few, learning_rate=0.3), x, texts)
    add("boosting-exponential", GradientBoostingClassifier(**few, loss="exponential"), x, two)
    add("boosting-zero", GradientBoostingClassifier(**few, init="zero"), x, two)
    add("boosting-values", GradientBoostingRegressor(**few, subsample=0.7), x, values)
    add("boosting-huber", GradientBoostingRegressor(**few, loss="huber"), x, values)
    hist = dict(max_iter=4, max_leaf_nodes=6, random_state=seed, early_stopping=False)
    add("histogram", HistGradientBoostingClassifier(**hist), x, two)
    add("histogram-three", HistGradientBoostingClassifier(**hist), x, texts)
    add("histogram-values", HistGradientBoostingRegressor(**hist), x, values)
    add("histogram-poisson", HistGradientBoostingRegressor(**hist, loss="poisson"), x, counts)
    codes = np.column_stack([x[:, 0], rng.integers(0, 9, 240), x[:, 1], np.round(np.abs(x[:, 2]) * 20)])
    codes[rng.random(codes.shape) < 0.05] = np.nan
    model = HistGradientBoostingClassifier(**hist, categorical_features=[1, 3]).fit(codes, three)
    rows = codes[:64].copy()
    rows[:12, 1] = [-1, 9, 100, 254, np.nan, 0, 8, 3, 1e9, -7, 2, 5]
    models["histogram-categories"] = (model, rows)
    model = HistGradientBoostingRegressor(**hist).fit(holes, values)
    rows = with_missing(rows_for(model, x, rng), rng)
    rows[-2:, 1] = np.inf, -np.inf
    models["histogram-missing"] = (model, rows)
    if version >= 3:
        model = DecisionTreeClassifier(max_depth=4, random_state=seed).fit(holes, three)
        models["tree-missing"] = (model, with_missing(rows_for(model, x, rng), rng))
    if version >= 4:
        model = RandomForestRegressor(**few).fit(holes, values)
        models["forest-missing"] = (model, with_missing(rows_for(model, x, rng), rng))

    add("linear", LinearRegression(), x, values)
    add("linear-pairs", LinearRegression(), x, pairs)
    add("ridge", Ridge(alpha=0.5), x, values)
    add("poisson", PoissonRegressor(), x, counts)
    add("logistic", LogisticRegression(), x, two)
    add("logistic-three", LogisticRegression(), x, texts)
    add("logistic-liblinear", LogisticRegression(solver="liblinear"), x, two)
    if version < 8:
        add("logistic-ovr", LogisticRegression(multi_class="ovr"), x, three)
        add("logistic-two-softmax", LogisticRegression(multi_class="multinomial"), x, two)
    add("ridge-classes", RidgeClassifier(), x, three)
    log_loss = "log_loss" if version >= 1 else "log"
    add("sgd", SGDClassifier(random_state=seed), x, two)
    add("sgd-log", SGDClassifier(loss=log_loss, random_state=seed), x, three)
    add("sgd-huber", SGDClassifier(loss="modified_huber", random_state=seed), x, three)
    add("sgd-values", SGDRegressor(random_state=seed), x, values)
    small = dict(hidden_layer_sizes=(5, 3), max_iter=40, random_state=seed)
    add("mlp", MLPClassifier(**small), x, three)
    add("mlp-two", MLPClassifier(**small, activation="tanh"), x, texts == "ham")
    add("mlp-values", MLPRegressor(**small, activation="logistic"), x, pairs)
    add("bayes", GaussianNB(), x, texts)
    positive = np.abs(x) * 3
    for name, bayes in dict(bernoulli=BernoulliNB(), multinomial=MultinomialNB(), complement=ComplementNB()).items():
        add(f"bayes-{name}", bayes, positive, three, rows=np.abs(rows_for(bayes, positive, rng)))

    steps = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression())
    steps.fit(holes, two)
    models["pipeline"] = (steps, with_missing(rows_for(steps, x, rng), rng))
    steps = make_pipeline(
        FeatureUnion([("a", MinMaxScaler(clip=True)), ("b", make_pipeline(RobustScaler(), MaxAbsScaler()))]),
        "passthrough",
        PolynomialFeatures(3, interaction_only=True),
        Ridge(),
    )
    add("pipeline-union", steps, x, values)
    add("pipeline-forest", make_pipeline(StandardScaler(), RandomForestClassifier(**few)), x, three)
    add("pca", make_pipeline(PCA(2, whiten=True), LogisticRegression()), x, three)
    add("svd", TruncatedSVD(2, random_state=seed), x, None)
    logs = FeatureUnion([(f.__name__, FunctionTransformer(f)) for f in (np.log1p, np.log, np.exp, np.sqrt, np.square)])
    near = np.abs(rows_for(logs, positive, rng)) + 1e-9
    if version >= 2:
        add("functions", logs, positive, None, rows=near)
    add("functions-pipeline", make_pipeline(FunctionTransformer(np.log1p), Ridge()), positive, values, rows=near)
    add("pipeline-narrow", make_pipeline(StandardScaler(), Ridge()), x[:, :1], values)
    add("polynomial", PolynomialFeatures(3, include_bias=False), x[:, :3], None)
    seldom = np.column_stack([rng.choice(5, 240, p=[0.5, 0.3, 0.15, 0.03, 0.02]), rng.choice([1, 2, np.nan], 240)])
    add("one-hot-drop", OneHotEncoder(drop="first"), seldom, None, rows=seldom[:64])
    if version >= 1:
        rows = seldom[:64].copy()
        rows[:5, 0] = [9, 3, 4, 0, 2]
        grouped = dict(handle_unknown="infrequent_if_exist", min_frequency=0.1)
        add("one-hot-seldom", OneHotEncoder(**grouped), seldom, None, rows=rows)
        add("one-hot-one", OneHotEncoder(**{**grouped, "min_frequency": 0.99}), seldom, None, rows=rows)
        add("one-hot-seldom-drop", OneHotEncoder(drop="first", min_frequency=0.1), seldom, None, rows=seldom[:64])
    add("normalizer", make_pipeline(Normalizer(), Binarizer(threshold=0.1)), x, None)
    steps = make_pipeline(SimpleImputer(missing_values=-1, add_indicator=True), StandardScaler(with_mean=False))
    add("imputer", steps, np.round(x), None, rows=np.round(rows_for(steps, x, rng)))
    codes = np.column_stack([rng.integers(0, 3, 240) * 10, rng.integers(0, 4, 240) - 1, x[:, 0], two])
    rows = codes[:64].copy()
    rows[:6, 0] = [99, -5, 10.5, 0, 20, 1e300]
    columns = ColumnTransformer(
        [
            ("one", OneHotEncoder(handle_unknown="ignore"), [0]),
            ("two", OneHotEncoder(drop="first"), slice(1, 2)),
            ("four", OneHotEncoder(drop="first"), [3]),
            ("three", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-3), [0]),
        ],
        remainder="passthrough",
        transformer_weights={"one": 0.1, "three": 0.3, "four": 0.7},
    )
    columns.fit(codes)
    models["columns"] = (columns, rows)
    return models


def named(rng, version):
    """As `trained`, for data with named columns. The rows are frames."""
    import pandas

    models = {}
    frame = pandas.DataFrame(
        dict(
            age=rng.integers(18, 80, 200),
            plan=rng.choice(["free", "pro", "ünï"], 200),
            city=rng.choice(["", "A", "B", "C", "D"], 200, p=[0.1, 0.4, 0.4, 0.07, 0.03]),
            income=rng.normal(size=200),
            note=rng.choice(["x", "y"], 200),
        )
    )
    frame.loc[rng.random(200) < 0.1, "income"] = np.nan
    target = np.where(frame["age"] / 50 + (frame["plan"] == "pro") > 1.3, "leaves", "stays")
    one = dict(handle_unknown="infrequent_if_exist", min_frequency=0.06) if version >= 1 else dict(handle_unknown="ignore")
    columns = ColumnTransformer(
        [
            ("number", make_pipeline(SimpleImputer(), StandardScaler()), ["income", "age"]),
            ("plan", OneHotEncoder(drop="if_binary"), ["plan"]),
            ("city", OneHotEncoder(**one), ["city"]),
        ]
    )
    model = make_pipeline(columns, LogisticRegression()).fit(frame, target)
    rows = frame[:64].copy()
    rows.loc[:3, "city"] = ["E", "D", "", "A"]
    models["named"] = (model, rows)
    numbers = frame[["age", "income"]].fillna(0)
    model = RandomForestClassifier(n_estimators=3, max_depth=3, random_state=1).fit(numbers, target)
    models["named-numbers"] = (model, numbers[:64])
    texts = frame[["plan", "city"]]
    model = make_pipeline(
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
        DecisionTreeClassifier(max_depth=4, random_state=1),
    ).fit(texts, target)
    rows = texts[:64].copy()
    rows.loc[:1, "city"] = "E"
    models["named-texts"] = (model, rows)
    if version >= 4:
        typed = frame.astype(dict(plan="category", city="category"))
        model = HistGradientBoostingClassifier(max_iter=4, max_leaf_nodes=6, categorical_features="from_dtype")
        model.fit(typed[["age", "plan", "income", "city"]], target)
        models["histogram-named"] = (model, typed[["age", "plan", "income", "city"]][:64])
    return models


def boosters(rng):
    """As `trained`, for the estimators of XGBoost and LightGBM."""
    from lightgbm import LGBMClassifier, LGBMRegressor
    from xgboost import XGBClassifier, XGBRegressor

    x = rng.normal(size=(240, 4)).astype(np.float32).astype(np.float64)
    two = (x[:, 0] + x[:, 1] * x[:, 2] > 0).astype(int)
    three = np.digitize(x[:, 0] + x[:, 1], [-0.6, 0.5])
    values = x @ [1.5, -2, 0.5, 3] + np.sin(3 * x[:, 1])
    texts = np.array(["ham", "spam", "ünï"])[three]
    xgb = dict(n_estimators=3, max_depth=3, n_jobs=1)
    lgb = dict(n_estimators=3, num_leaves=6, n_jobs=1, verbose=-1)
    models = {}

    def add(name, model, target, **fit):
        model.fit(x, target, **fit)
        rows = with_missing(rows_for(model, x, rng), rng) if not hasattr(model, "steps") else rows_for(model, x, rng)
        models[name] = (model, rows)

    add("xgb", XGBClassifier(**xgb), two)
    add("xgb-three", XGBClassifier(**xgb), three)
    add("xgb-values", XGBRegressor(**xgb), values)
    add("xgb-missing", XGBRegressor(**xgb, missing=0.0), values)
    add("xgb-poisson", XGBRegressor(**xgb, objective="count:poisson"), np.abs(values))
    add("xgb-pipeline", make_pipeline(StandardScaler(), XGBClassifier(**xgb)), two)
    add("lgb", LGBMClassifier(**lgb), two == 1)
    add("lgb-three", LGBMClassifier(**lgb), texts)
    add("lgb-values", LGBMRegressor(**lgb), values)
    add("lgb-pipeline", make_pipeline(MinMaxScaler(), LGBMClassifier(**lgb)), texts)
    # Stops early: the rounds after the best one are in the file, and do not count.
    noise = rng.normal(size=240)
    import lightgbm

    stop = [lightgbm.early_stopping(3, verbose=False)]
    model = LGBMRegressor(**{**lgb, "n_estimators": 30}).fit(
        x[:120], noise[:120], eval_set=[(x[120:], noise[120:])], callbacks=stop
    )
    models["lgb-stopped"] = (model, rows_for(model, x, rng))
    model = XGBRegressor(**{**xgb, "n_estimators": 30}, early_stopping_rounds=3)
    model.fit(x[:120], noise[:120], eval_set=[(x[120:], noise[120:])], verbose=False)
    models["xgb-stopped"] = (model, rows_for(model, x, rng))
    return models
