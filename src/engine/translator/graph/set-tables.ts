import type { GraphBuilder } from "../../onnx/write/graph-builder.ts";
import { type FloatType, int64Tensor, scalar, type Tensor } from "../../onnx/write/graph-tensor.ts";

/** All tables of one forest together, and their sets: each row of a run gets a number for each set. Sets beyond that are
 *  searched instead. */
const mostTableBytes = 64 * 1024 * 1024;
const mostSets = 4_096;

interface ColumnTable {
  /** Number of categories. */
  readonly size: number;
  /** Numbers of sets, in the order of the table's columns. */
  readonly sets: number[];
}

/** Sets of categories as tables with a row per category: a column of the input is replaced by one number per set, 1 or
 *  0, which trees compare with 0.5. ONNX Runtime would otherwise search each set from one end to the other. */
export class SetTables {
  readonly #type: FloatType;
  readonly #sets: ArrayLike<number>[] = [];
  /** By column and members. */
  readonly #known = new Map<string, number>();
  readonly #tables = new Map<number, ColumnTable>();
  #bytes = 0;

  constructor(type: FloatType) {
    this.#type = type;
  }

  /** The number of a set, the same one for the same members; undefined if there is no room for it. Its members are below
   *  `size`. */
  indexOf(
    members: ArrayLike<number>,
    { column, size }: { readonly column: number; readonly size: number },
  ): number | undefined {
    if ((members[members.length - 1] as number) >= size) return undefined;
    const key = `${column}:${Array.prototype.join.call(members)}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const bytes = (size + 2) * (this.#type === "float" ? 4 : 8);
    if (this.#bytes + bytes > mostTableBytes || this.#sets.length === mostSets) return undefined;
    this.#bytes += bytes;
    const index = this.#sets.length;
    this.#sets.push(members);
    this.#known.set(key, index);
    let table = this.#tables.get(column);
    if (table === undefined) {
      table = { size, sets: [] };
      this.#tables.set(column, table);
    }
    table.sets.push(index);
    return index;
  }

  /** Adds the sets' columns to those of `input`. `order`: where set i is among them. */
  emit(graph: GraphBuilder, input: string): { readonly input: string; readonly order: Int32Array } {
    const order = new Int32Array(this.#sets.length);
    if (this.#sets.length === 0) return { input, order };
    const parts = [input];
    let next = 0;
    for (const [column, table] of this.#tables) {
      for (const set of table.sets) order[set] = next++;
      parts.push(this.#lookUp(graph, { input, column, table }));
    }
    return { input: graph.node("Concat", parts, { attributes: { axis: { int: 1 } } }), order };
  }

  #lookUp(
    graph: GraphBuilder,
    { input, column, table }: { input: string; column: number; table: ColumnTable },
  ): string {
    const codes = graph.node("Gather", [input, graph.constant(int64Tensor([column], []))], {
      attributes: { axis: { int: 1 } },
    });
    const missing = graph.constant(scalar(this.#type, table.size + 1));
    const rows = graph.node("Where", [graph.node("IsNaN", [codes]), missing, codes]);
    const indices = graph.node("Cast", [rows], { attributes: { to: { int: 7 } } });
    return graph.node("Gather", [graph.constant(this.#tensor(table)), indices]);
  }

  /** A row per category, one for everything else, and one for NaN, which stays NaN. */
  #tensor({ size, sets }: ColumnTable): Tensor {
    const shape = [size + 2, sets.length];
    const length = (size + 2) * sets.length;
    const values = this.#type === "float" ? new Float32Array(length) : new Float64Array(length);
    for (const [at, set] of sets.entries()) {
      const members = this.#sets[set] as ArrayLike<number>;
      for (let each = 0; each < members.length; each++) {
        values[(members[each] as number) * sets.length + at] = 1;
      }
      values[(size + 1) * sets.length + at] = Number.NaN;
    }
    return { type: this.#type, shape, values };
  }
}
