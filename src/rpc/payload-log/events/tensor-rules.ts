import { walkJson } from "./json-walk.ts";

type Side = "inputs" | "outputs";

/** Every name that a tensor of the text gives itself, by its place: "inputs.0". There is more than one if somebody wants
 *  to confuse. */
export type TensorNames = ReadonlyMap<string, readonly string[]>;

/** What describes a tensor and has none of its elements. */
const descriptions = new Set(["name", "datatype", "shape", "parameters"]);

/** Which values of a request or an answer, in the protocol's versions 1 and 2, belong to certain tensors. */
export class TensorRules {
  readonly #names: TensorNames;
  readonly #hidden: Readonly<Record<Side, ReadonlySet<string>>>;

  constructor(parts: {
    readonly inputs: ReadonlySet<string>;
    readonly outputs: ReadonlySet<string>;
    readonly names: TensorNames;
  }) {
    const { inputs, outputs, names } = parts;
    this.#hidden = { inputs, outputs };
    this.#names = names;
  }

  /** Whether the value with these keys, from the outside in, is hidden. */
  hides(keys: readonly (string | number)[], isContainer: boolean): boolean {
    const [root, place, member] = keys;
    const side = sideOf(root);
    if (side === undefined || keys.length > 3) return false;
    const hidden = this.#hidden[side];
    if (hidden.size === 0) return false;
    // One value for a tensor without a name.
    if (keys.length === 1) return !isContainer;
    // In columns: {"inputs": {"age": [...]}}.
    if (typeof place === "string") return keys.length === 2 && hidden.has(place);
    // A row or an element without a name.
    if (keys.length === 2) return !isContainer;
    // A row of a row: its names are further in, if there are any.
    if (typeof member !== "string") return true;
    // TensorFlow Serving writes an unnamed row of bytes so.
    if (hidden.has(member) || member === "b64") return true;
    if (root !== side || descriptions.has(member)) return false;
    const names = this.#names.get(`${side}.${place}`) ?? [];
    return names.length === 0 || names.some((name) => hidden.has(name));
  }
}

/** Version 1 has rows in "instances" and "predictions". */
function sideOf(root: string | number | undefined): Side | undefined {
  if (root === "inputs" || root === "instances") return "inputs";
  return root === "outputs" || root === "predictions" ? "outputs" : undefined;
}

export function namesOfTensors(text: string): TensorNames {
  const names = new Map<string, string[]>();
  const keys: (string | number | undefined)[] = [];
  let nameAt: number | undefined;
  walkJson(text, {
    enter(key, start) {
      keys.push(key);
      const [, root, , member] = keys;
      const isName =
        keys.length === 4 && member === "name" && (root === "inputs" || root === "outputs");
      nameAt = isName ? start : undefined;
      return keys.length > 4;
    },
    leave(end) {
      if (nameAt !== undefined) {
        const place = `${keys[1]}.${keys[2]}`;
        const name: unknown = JSON.parse(text.slice(nameAt, end));
        names.set(place, [...(names.get(place) ?? []), String(name)]);
      }
      nameAt = undefined;
      keys.pop();
    },
  });
  return names;
}
