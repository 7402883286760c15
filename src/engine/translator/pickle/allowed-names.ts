import { PythonName } from "./python-value.ts";
import { refuse, shown } from "./refuse.ts";

const dtypes =
  "float16 float32 float64 longdouble int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool_ bool str_ object_ bytes_ void intp uintp intc longlong ulonglong";

const functions = "log1p log exp sqrt absolute square";

/** Names that a file may refer to, by module. They stand for data; nothing is imported. */
const allowed: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries({
    builtins:
      "object set frozenset slice bytearray bytes int float str bool list dict tuple complex range",
    __builtin__:
      "object set frozenset slice bytearray bytes int long float str unicode bool xrange",
    collections: "OrderedDict defaultdict",
    copy_reg: "_reconstructor",
    copyreg: "_reconstructor",
    _codecs: "encode",
    functools: "partial",
    numpy: `ndarray dtype memmap matrix nan inf ${dtypes} ${functions}`,
    "numpy.core._multiarray_umath": functions,
    "numpy._core._multiarray_umath": functions,
    "numpy.core.multiarray": "_reconstruct scalar",
    "numpy._core.multiarray": "_reconstruct scalar",
    "numpy.core.numeric": "_frombuffer",
    "numpy._core.numeric": "_frombuffer",
    "numpy.dtypes":
      "Float64DType Float32DType Int64DType Int32DType BoolDType ObjectDType StrDType",
    "numpy.ma.core": "_mareconstruct MaskedArray",
    "numpy.ma": "_mareconstruct MaskedArray",
    // The generators that some estimators keep.
    "numpy.random": "RandomState Generator",
    "numpy.random._pickle":
      "__randomstate_ctor __generator_ctor __bit_generator_ctor MT19937 PCG64",
    "numpy.random.bit_generator":
      "__pyx_unpickle_SeedSequence SeedSequence __pyx_unpickle_SeedlessSequence SeedlessSequence",
    "numpy.random._generator": "Generator",
    "numpy.random._mt19937": "MT19937",
    "numpy.random._pcg64": "PCG64",
    "numpy.random.mtrand": "RandomState",
    "joblib.numpy_pickle": "NumpyArrayWrapper",
    "sklearn.externals.joblib.numpy_pickle": "NumpyArrayWrapper",
    "xgboost.sklearn":
      "XGBClassifier XGBRegressor XGBRanker XGBRFClassifier XGBRFRegressor XGBModel",
    "xgboost.core": "Booster",
    "xgboost.compat": "XGBoostLabelEncoder",
    "lightgbm.sklearn": "LGBMClassifier LGBMRegressor LGBMRanker LGBMModel _LGBMLabelEncoder",
    "lightgbm.basic": "Booster",
  }).map(([module, names]) => [module, new Set(names.split(" "))]),
);

/** scikit-learn has too many classes to list. Estimators are checked again, by class, when they are translated. */
const className = /^[A-Za-z_]\w*$/;
const sklearnModule = /^sklearn(?:\.[A-Za-z_]\w*)*$/;
/** What estimators keep that is not read: sparse matrices, and distributions that a search drew from. */
const scipyModule = /^scipy\.(?:sparse|stats|interpolate)(?:\.[A-Za-z_]\w*)*$/;
/** scikit-learn 1.4 and 1.5 give the module of their compiled losses no full name. */
const lossName = /^(?:__pyx_unpickle_)?Cy\w+$/;

/** Throws RuntimeError "invalid-argument" for a name that is not in the list. */
export function allowedName(module: string, name: string): PythonName {
  const isKnown =
    allowed.get(module)?.has(name) ||
    ((sklearnModule.test(module) || scipyModule.test(module)) && className.test(name)) ||
    (module === "_loss" && lossName.test(name));
  if (isKnown) return new PythonName(module, name);
  return refuse(
    `the file refers to ${shown(`${module}.${name}`)}, which is not data of a known model; nothing of it was run. ` +
      "Only scikit-learn, XGBoost and LightGBM models that consist of those libraries' own classes can be read: " +
      "replace your own functions and classes by theirs, or export the model to ONNX (skl2onnx)",
  );
}
