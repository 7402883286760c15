import { posix } from "node:path";
import { RuntimeError } from "../../base/errors.ts";

/** Nothing that a model is made of: documents, pictures, logs, data sets, states of trainings. */
const needless =
  /(?:^|\/)(?:\.[^/]*|readme[^/]*|license[^/]*|notice[^/]*|[^/]*\.(?:md|rst|ipynb|py|sh|pdf|png|jpe?g|gif|svg|webp|mp[34]|wav|flac|parquet|arrow|csv|tsv|log)|events\.out\.tfevents[^/]*|training_args\.bin|optimizer\.[^/]*|scheduler\.[^/]*|rng_state[^/]*|trainer_state\.json)$|(?:^|\/)(?:\.[^/]*|runs|logs)\//i;
/** Weights that only other servers read. */
const foreign =
  /(?:^|\/)(?:(?:diffusion_)?pytorch_(?:model|adapter)[^/]*|tf_model[^/]*|flax_model[^/]*|openvino_[^/]*|[^/]*\.(?:h5|keras|msgpack|ot|pt|pth|ckpt|gguf|ggml|tflite|mlmodel|pdparams|pdiparams|mar|engine|plan))$|(?:^|\/)(?:openvino|coreml|[^/]*\.mlpackage)\//i;
const safetensors = /\.safetensors(?:\.index\.json)?$/;
const onnx = /\.onnx$/;
/** Files that may be a model of a library of trees; their content decides. */
const trees =
  /(?:^|\/)(?:MLmodel|[^/]*\.(?:ubj|bst|model|cbm|joblib|pkl|pickle|skops|xgb|lgb|cb))$/;
const treeTexts = /(?:^|\/)(?:model|xgboost|lightgbm|catboost)[^/]*\.(?:json|txt|bin)$/i;
const archive = /\.(?:tar|tar\.gz|tgz|tar\.zst|zip)$/i;
/** As in src/models/text-names.ts. */
const textSigns = /^(?:modules\.json|config\.json)$/;
const usualOnnx = "model.onnx";
const maxShown = 10;

export interface Selection {
  /** Whether the path names a folder of the repository, or all of it. */
  readonly isFolder: boolean;
  /** Paths in the repository. */
  readonly paths: readonly string[];
  /** The folder that names on the disk start at; "" for the repository itself. */
  readonly root: string;
}

/** The files of a repository that a model needs. `path`: a file, which comes with the external weights beside it, or
 *  a folder; "" for the whole repository. `extra`: files that are taken in any case. Throws RuntimeError
 *  "failed-precondition" if nothing there is a model that can be served, or if several are and none is the usual
 *  one: before anything is fetched. `what` names the repository. */
export function selectFiles(
  all: readonly string[],
  path: string,
  extra: readonly string[],
  what: string,
): Selection {
  if (all.includes(path)) return oneFile(all, path);
  const below = path === "" ? all : all.filter((each) => each.startsWith(`${path}/`));
  if (below.length === 0) {
    const seen = listed([...new Set(all.map((each) => each.split("/")[0] ?? ""))]);
    throw refuse(`${what} has no '${path}'; seen: ${seen}`);
  }
  const missing = extra.find((each) => !all.includes(each));
  if (missing !== undefined) throw refuse(`${what} has no '${missing}', which 'include' names`);
  const names = below.map((each) => (path === "" ? each : each.slice(path.length + 1)));
  const kept = keep(names, what).map((name) => posix.join(path, name));
  return { isFolder: true, paths: [...new Set([...kept, ...extra])], root: path };
}

function oneFile(all: readonly string[], path: string): Selection {
  const data = all.filter((each) => isDataOf(each, path));
  const folder = posix.dirname(path);
  return {
    isFolder: data.length > 0,
    paths: [path, ...data],
    root: folder === "." ? "" : folder,
  };
}

function keep(all: readonly string[], what: string): string[] {
  const useful = all.filter((name) => !needless.test(name) && !foreign.test(name));
  const graphs = useful.filter((name) => onnx.test(name));
  const isText = useful.some((name) => textSigns.test(name)) && useful.some(isTokenizer);
  const weights = useful.filter((name) => safetensors.test(name));
  if (isText && weights.length > 0) {
    // config.json decides which of the two is served: an unknown architecture needs the graph.
    const usual = graphs.filter((name) => name === usualOnnx || name === `onnx/${usualOnnx}`);
    return without(useful, dropped(graphs, usual.slice(0, 1)));
  }
  if (graphs.length > 0) {
    const chosen = chooseGraphs(graphs, what);
    return without(useful, dropped(graphs, chosen)).filter((name) => !safetensors.test(name));
  }
  const isModel = (name: string) => trees.test(name) || treeTexts.test(name) || archive.test(name);
  if (useful.some(isModel)) return useful.filter((name) => !safetensors.test(name));
  const others = all.filter((name) => foreign.test(name) || safetensors.test(name));
  throw refuse(
    `${what} has no model that can be served: no .onnx file, no text model with a tokenizer and safetensors, none of XGBoost, LightGBM, CatBoost or scikit-learn; seen: ${listed(others.length > 0 ? others : all)}`,
  );
}

/** The graphs that a load would find; see `searchModel` in src/models. */
function chooseGraphs(graphs: readonly string[], what: string): string[] {
  const folders = [...new Set(graphs.map((name) => posix.dirname(name)))];
  const inFolder = (folder: string) => graphs.filter((name) => posix.dirname(name) === folder);
  const searched = folders.includes(".") ? ["."] : folders;
  const areVersions = searched.every((folder) => /^\d+$/.test(folder));
  if (searched.length > 1 && !areVersions) {
    throw refuse(
      `${what} has models in several folders (${listed(searched)}): name one, as in hf://owner/model/folder`,
    );
  }
  return searched.flatMap((folder) => {
    const found = inFolder(folder);
    const usual = found.find((name) => posix.basename(name) === usualOnnx);
    if (usual !== undefined) return [usual];
    if (found.length === 1) return found;
    throw refuse(
      `${what} has several .onnx files and none is ${usualOnnx}: name one, as in hf://owner/model/${found[0]}; seen: ${listed(found)}`,
    );
  });
}

function dropped(graphs: readonly string[], kept: readonly string[]): string[] {
  return graphs.filter((name) => !kept.includes(name));
}

/** `names` without `graphs` and the weights beside them. */
function without(names: readonly string[], graphs: readonly string[]): string[] {
  const gone = new Set(graphs);
  const isData = (name: string) => graphs.some((graph) => isDataOf(name, graph));
  return names.filter((name) => !gone.has(name) && !isData(name));
}

/** Whether `name` has weights of the graph: "model.onnx_data", "model.onnx.data", "model.onnx_data_1", "model.data". */
function isDataOf(name: string, graph: string): boolean {
  if (!onnx.test(graph) || !name.startsWith(graph.slice(0, -".onnx".length))) return false;
  const rest = name.slice(graph.length - ".onnx".length);
  return /^(?:\.onnx)?[._]data(?:[._-]\d+)?$|^\.(?:bin|weights)$/.test(rest);
}

function isTokenizer(name: string): boolean {
  return /(?:^|\/)(?:tokenizer\.json|tokenizer_config\.json|vocab\.(?:txt|json)|sentencepiece\.bpe\.model|spiece\.model)$/.test(
    name,
  );
}

function listed(names: readonly string[]): string {
  const more = names.length > maxShown ? `, and ${names.length - maxShown} more` : "";
  return `${names.slice(0, maxShown).join(", ") || "nothing"}${more}`;
}

function refuse(message: string): RuntimeError {
  return new RuntimeError("failed-precondition", message);
}
