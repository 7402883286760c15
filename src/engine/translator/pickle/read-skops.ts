import { allowedName } from "./allowed-names.ts";
import { toItems } from "./array-elements.ts";
import { NumpyArray } from "./numpy-array.ts";
import { parseDtype } from "./numpy-dtype.ts";
import {
  PythonDict,
  PythonList,
  PythonObject,
  PythonTuple,
  type PythonValue,
} from "./python-value.ts";
import { readNpy } from "./read-npy.ts";
import { refuse, shown } from "./refuse.ts";
import { ZipEntries } from "./zip-entries.ts";

const schemaName = "schema.json";
const maxSchemaBytes = 256 * 1024 ** 2;
/** Each estimator within another takes about six. */
const maxDepth = 400;

/** A node of the schema. */
type Node = Readonly<Record<string, unknown>>;

/** Reads the archive that `skops.io.dump` writes, as data. Throws RuntimeError "invalid-argument". */
export function readSkops(file: Uint8Array): PythonValue {
  const entries = new ZipEntries(file);
  if (!entries.has(schemaName)) {
    return refuse(
      "the file is a zip archive without the schema.json that skops writes: unpack it, and serve the model in it",
    );
  }
  const bytes = entries.read(schemaName);
  if (bytes.length > maxSchemaBytes) {
    refuse("the schema of the skops file is larger than 256 MiB: write the model with joblib.dump");
  }
  let schema: unknown;
  try {
    schema = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return refuse("the schema of the skops file is not JSON: the file is damaged; copy it again");
  }
  return new SkopsReader(entries).value(schema, 0);
}

class SkopsReader {
  readonly #entries: ZipEntries;

  constructor(entries: ZipEntries) {
    this.#entries = entries;
  }

  value(given: unknown, depth: number): PythonValue {
    if (depth > maxDepth) refuse(`the skops file nests more than ${maxDepth} values`);
    const node = nodeOf(given);
    const inner = depth + 1;
    const content = node["content"];
    switch (node["__loader__"]) {
      case "JsonNode":
        return plainValue(content);
      case "DictNode":
        return this.#dict(content, inner);
      case "DefaultDictNode":
        return this.value(nodeOf(content)["main"], inner);
      case "ListNode": {
        const list = new PythonList();
        for (const item of listOf(content)) list.items.push(this.value(item, inner));
        return list;
      }
      case "TupleNode":
        return new PythonTuple(listOf(content).map((item) => this.value(item, inner)));
      case "NdArrayNode":
        return this.#array(node, inner);
      case "BytesNode":
      case "BytearrayNode":
        return this.#entries.read(textOf(node["file"]));
      case "TypeNode":
      case "FunctionNode":
        return nameOf(node);
      case "PartialNode":
        return new PythonObject(nameOf(node), [this.value(nodeOf(content)["func"], inner)]);
      case "ObjectNode":
      case "TreeNode": {
        const object = new PythonObject(nameOf(node), []);
        if (content !== null && content !== undefined) object.state = this.value(content, inner);
        return object;
      }
      default:
        // Losses, random states, sets and the like: nothing of them is read.
        return new PythonObject(nameOf(node), []);
    }
  }

  #dict(content: unknown, depth: number): PythonDict {
    const dict = new PythonDict();
    for (const [key, value] of Object.entries(nodeOf(content))) {
      dict.entries.set(key, this.value(value, depth));
    }
    return dict;
  }

  #array(node: Node, depth: number): PythonValue {
    if (node["type"] === "numpy") {
      const array = readNpy(this.#entries.read(textOf(node["file"])));
      const isScalar = node["__class__"] !== "ndarray" && array.size === 1;
      return isScalar ? (toItems(array, "a number")[0] ?? null) : array;
    }
    const given = this.value(node["shape"], depth);
    const shape = given instanceof PythonTuple ? given.items.map(Number) : [];
    let items = listOf(node["content"]).map((item) => this.value(item, depth));
    // Arrays of several dimensions are lists of lists.
    for (let axis = 1; axis < shape.length; axis++) {
      items = items.flatMap((item) => (item instanceof PythonList ? item.items : malformed()));
    }
    return new NumpyArray({ dtype: parseDtype("O"), shape, content: items });
  }
}

/** What Python's json writes of one value. */
function plainValue(content: unknown): PythonValue {
  const text = textOf(content);
  if (text === "NaN") return Number.NaN;
  if (text === "Infinity") return Number.POSITIVE_INFINITY;
  if (text === "-Infinity") return Number.NEGATIVE_INFINITY;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return malformed();
  }
  const isPlain = ["string", "number", "boolean"].includes(typeof value) || value === null;
  return isPlain ? (value as PythonValue) : malformed();
}

function nameOf(node: Node) {
  return allowedName(textOf(node["__module__"]), textOf(node["__class__"]));
}

function nodeOf(value: unknown): Node {
  const isNode = typeof value === "object" && value !== null && !Array.isArray(value);
  return isNode ? (value as Node) : malformed();
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : malformed();
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : malformed(shown(typeof value));
}

function malformed(what = "something else"): never {
  return refuse(
    `the schema of the skops file has ${what} where a value should be: the file is damaged`,
  );
}
