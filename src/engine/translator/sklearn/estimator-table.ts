import { translateLightgbmEstimator } from "./boosters/lightgbm-estimator.ts";
import { translateXgboostEstimator } from "./boosters/xgboost-estimator.ts";
import type { TranslateEstimator } from "./estimator/translating.ts";
import { translateLinearRegressor } from "./models/linear.ts";
import { translateLinearClassifier } from "./models/linear-classifier.ts";
import { translateMlp } from "./models/mlp.ts";
import { translateNaiveBayes } from "./models/naive-bayes.ts";
import { translateOneHot, translateOrdinal } from "./steps/encoders.ts";
import { translateFunction } from "./steps/functions.ts";
import { translateImputer } from "./steps/imputer.ts";
import {
  translateColumnTransformer,
  translateFeatureUnion,
  translatePipeline,
  translateSearch,
  translateVarianceThreshold,
} from "./steps/pipeline.ts";
import { translatePolynomial } from "./steps/polynomial.ts";
import { translateProjection } from "./steps/projections.ts";
import { translateBinarizer, translateNormalizer, translateScaler } from "./steps/scalers.ts";
import { translateForest } from "./trees/forest.ts";
import { translateGradientBoosting } from "./trees/gradient-boosting.ts";
import { translateHistogramBoosting } from "./trees/histogram-boosting.ts";

const rows: readonly (readonly [TranslateEstimator, string])[] = [
  [
    translateForest,
    "DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier ExtraTreeRegressor " +
      "RandomForestClassifier RandomForestRegressor ExtraTreesClassifier ExtraTreesRegressor",
  ],
  [translateGradientBoosting, "GradientBoostingClassifier GradientBoostingRegressor"],
  [translateHistogramBoosting, "HistGradientBoostingClassifier HistGradientBoostingRegressor"],
  [
    translateLinearRegressor,
    "LinearRegression Ridge RidgeCV Lasso LassoCV ElasticNet ElasticNetCV MultiTaskLasso MultiTaskElasticNet Lars " +
      "LarsCV LassoLars LassoLarsCV LassoLarsIC OrthogonalMatchingPursuit BayesianRidge ARDRegression HuberRegressor " +
      "TheilSenRegressor SGDRegressor PassiveAggressiveRegressor LinearSVR QuantileRegressor PoissonRegressor " +
      "GammaRegressor TweedieRegressor",
  ],
  [
    translateLinearClassifier,
    "LogisticRegression LogisticRegressionCV SGDClassifier RidgeClassifier RidgeClassifierCV LinearSVC Perceptron " +
      "PassiveAggressiveClassifier LinearDiscriminantAnalysis",
  ],
  [
    translateXgboostEstimator,
    "XGBClassifier XGBRegressor XGBRanker XGBRFClassifier XGBRFRegressor",
  ],
  [translateLightgbmEstimator, "LGBMClassifier LGBMRegressor LGBMRanker"],
  [translateMlp, "MLPClassifier MLPRegressor"],
  [translateNaiveBayes, "GaussianNB BernoulliNB MultinomialNB ComplementNB"],
  [translatePipeline, "Pipeline"],
  [translateColumnTransformer, "ColumnTransformer"],
  [translateFeatureUnion, "FeatureUnion"],
  [translateFunction, "FunctionTransformer"],
  [translateSearch, "GridSearchCV RandomizedSearchCV HalvingGridSearchCV HalvingRandomSearchCV"],
  [translateScaler, "StandardScaler MinMaxScaler MaxAbsScaler RobustScaler"],
  [translateNormalizer, "Normalizer"],
  [translateBinarizer, "Binarizer"],
  [translateImputer, "SimpleImputer"],
  [translateOneHot, "OneHotEncoder"],
  [translateOrdinal, "OrdinalEncoder"],
  [translateProjection, "PCA TruncatedSVD"],
  [translatePolynomial, "PolynomialFeatures"],
  [translateVarianceThreshold, "VarianceThreshold"],
];

/** What translates an estimator, by its class in scikit-learn. */
export const estimatorTable: ReadonlyMap<string, TranslateEstimator> = new Map(
  rows.flatMap(([translate, names]) => names.split(" ").map((name) => [name, translate] as const)),
);
