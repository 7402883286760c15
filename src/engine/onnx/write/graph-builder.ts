import type { ElementType, StoredTensor, Tensor } from "./graph-tensor.ts";
import {
  type Attribute,
  type Dimension,
  type EdgeDraft,
  edgeFields,
  entryFields,
  type NodeDraft,
  nodeFields,
  operatorSetFields,
  storedTensorFields,
  tensorFields,
} from "./onnx-fields.ts";
import { integer, joined, message, nested, text } from "./protobuf-message.ts";

const irVersion = 10;

/** Which operators a node's name is looked up in: "" for ai.onnx. */
type Domain = "" | "ai.onnx.ml" | "com.microsoft";

/** Domain -> version of its operators. */
export type OperatorSets = Readonly<Partial<Record<Domain, number>>>;

/** What models of other libraries are written with. */
const learnerSets: OperatorSets = { "": 21, "ai.onnx.ml": 5 };

export interface NodeOptions {
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly domain?: Domain;
}

/** An ONNX model under construction. The methods return names of values, which nodes take as inputs. The same calls make
 *  the same bytes. */
export class GraphBuilder {
  readonly #operatorSets: OperatorSets;
  readonly #prefix: string;
  readonly #inputs: EdgeDraft[] = [];
  readonly #outputs: EdgeDraft[] = [];
  readonly #constants: { readonly name: string; readonly tensor: Tensor }[] = [];
  readonly #external: { readonly name: string; readonly tensor: StoredTensor }[] = [];
  readonly #nodes: NodeDraft[] = [];
  readonly #metadata = new Map<string, string>();
  /** Names of values that nodes make. */
  readonly #made = new Set<string>();
  /** Names that inputs and outputs have. */
  readonly #taken = new Set<string>();
  /** Value -> the output that it is. */
  readonly #renamed = new Map<string, string>();
  #count = 0;

  /** `operatorSets`: those of every domain that nodes use; by default opset 21 and ai.onnx.ml 5. `prefix`: of the names of
   *  values, where another graph will have them too. */
  constructor(operatorSets: OperatorSets = learnerSets, prefix = "") {
    this.#operatorSets = operatorSets;
    this.#prefix = prefix;
  }

  /** Declares an input and returns its name. */
  input(name: string, type: ElementType, shape: readonly Dimension[]): string {
    this.#take(name);
    this.#inputs.push({ name, type, shape });
    return name;
  }

  constant(tensor: Tensor): string {
    const name = this.#newName("constant");
    this.#constants.push({ name, tensor });
    return name;
  }

  /** A constant whose elements are in a file beside the model. */
  stored(tensor: StoredTensor): string {
    const name = this.#newName("constant");
    this.#external.push({ name, tensor });
    return name;
  }

  /** A node with one output. An empty name among `inputs` leaves out an optional one. */
  node(op: string, inputs: readonly string[], options: NodeOptions = {}): string {
    return this.nodes(op, inputs, { ...options, outputs: 1 })[0] as string;
  }

  /** A node with as many outputs as `outputs` says. */
  nodes(
    op: string,
    inputs: readonly string[],
    options: NodeOptions & { readonly outputs: number },
  ): string[] {
    const { attributes = {}, domain = "" } = options;
    const outputs = Array.from({ length: options.outputs }, () => this.#newName("value"));
    for (const name of outputs) this.#made.add(name);
    this.#nodes.push({ op, domain, inputs, outputs, attributes });
    return outputs;
  }

  /** Makes `value` an output. */
  output(name: string, value: string, edge: Pick<EdgeDraft, "type" | "shape">): void {
    this.#take(name);
    this.#outputs.push({ name, ...edge });
    const own =
      this.#made.has(value) && !this.#renamed.has(value) ? value : this.node("Identity", [value]);
    this.#renamed.set(own, name);
  }

  /** An entry of metadata_props. */
  metadata(key: string, value: string): void {
    this.#metadata.set(key, value);
  }

  /** The bytes of the model. */
  finish(): Uint8Array {
    const nameOf = (name: string) => this.#renamed.get(name) ?? name;
    const nodes = this.#nodes.map((node) =>
      nodeFields({ ...node, inputs: node.inputs.map(nameOf), outputs: node.outputs.map(nameOf) }),
    );
    const graph = message([
      ...nodes.map((node) => nested(1, node)),
      text(2, "model"),
      ...this.#constants.map(({ name, tensor }) => nested(5, tensorFields(name, tensor))),
      ...this.#external.map(({ name, tensor }) => nested(5, storedTensorFields(name, tensor))),
      ...this.#inputs.map((edge) => nested(11, edgeFields(edge))),
      ...this.#outputs.map((edge) => nested(12, edgeFields(edge))),
    ]);
    return joined(
      message([
        integer(1, irVersion),
        text(2, "modelport"),
        nested(7, graph),
        ...Object.entries(this.#operatorSets).map((set) => nested(8, operatorSetFields(...set))),
        ...[...this.#metadata].map((entry) => nested(14, entryFields(...entry))),
      ]),
    );
  }

  #take(name: string): void {
    if (this.#taken.has(name)) throw new Error(`two inputs or outputs are named '${name}'`);
    this.#taken.add(name);
  }

  /** Slashes keep it apart from names of inputs that follow, which are names of columns. */
  #newName(kind: "constant" | "value"): string {
    for (;;) {
      const name = `${this.#prefix}/${kind}/${this.#count++}`;
      if (!this.#taken.has(name)) return name;
    }
  }
}
