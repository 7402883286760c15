import { elementEnd, elementView } from "../../base/bytes-elements.ts";
import type { InferenceTimes } from "../../base/inference-times.ts";
import type { IndexedTensor, OutgoingTensor } from "../wire/host-protocol.ts";

/** What one request asks of a model, by the positions of its inputs and outputs. */
export interface RunRequest {
  /** Positions of the wanted outputs, in order. */
  readonly wanted: readonly number[];
  readonly tensors: readonly IndexedTensor[];
  /** To be filled in. */
  readonly times?: InferenceTimes | undefined;
}

/** Above this size a request's transport costs more than joining saves, and every request of a batch would
 *  wait for the bytes of all others. */
const maxJoinedBytes = 4 * 1024 * 1024;

/** The number of rows that all tensors of a request have; undefined if they differ, if there are none, or if
 *  the request is too big to be joined. */
export function rowsOf({ tensors }: RunRequest): number | undefined {
  const rows = tensors[0]?.shape[0];
  if (rows === undefined || rows < 1) return undefined;
  let bytes = 0;
  for (const { shape, data } of tensors) {
    // What a model returns for no rows at all is not proven to be rows.
    if (shape[0] !== rows || data.byteLength === 0) return undefined;
    bytes += data.byteLength;
  }
  return bytes <= maxJoinedBytes / 2 ? rows : undefined;
}

/** Whether two requests agree in datatypes, dimensions after the first, and outputs, all in the same
 *  order. */
export function canJoin(a: RunRequest, b: RunRequest): boolean {
  if (a.tensors.length !== b.tensors.length || !isSame(a.wanted, b.wanted, 0)) return false;
  for (let at = 0; at < a.tensors.length; at++) {
    const [one, other] = [a.tensors[at] as IndexedTensor, b.tensors[at] as IndexedTensor];
    if (one.index !== other.index || one.datatype !== other.datatype) return false;
    if (!isSame(one.shape, other.shape, 1)) return false;
  }
  return true;
}

/** One run of all `requests`, which can be joined and have `rows` rows in total, in their order. Their bytes
 *  are not copied. */
export function joinRequests(
  requests: readonly RunRequest[],
  rows: number,
): readonly OutgoingTensor[] {
  const [first] = requests as [RunRequest];
  return first.tensors.map(({ index, datatype, shape }, at) => ({
    index,
    datatype,
    shape: requests.length === 1 ? shape : [rows, ...shape.slice(1)],
    parts: requests.map(({ tensors }) => (tensors[at] as IndexedTensor).data),
  }));
}

/** Each request's outputs: views of their common run's tensors, by the number of rows that each request had.
 *  Undefined if an output does not have one row for each row of the inputs. */
export function splitResults(
  results: readonly IndexedTensor[],
  rowCounts: readonly number[],
): IndexedTensor[][] | undefined {
  let rows = 0;
  for (const count of rowCounts) rows += count;
  if (results.some(({ shape }) => shape[0] !== rows)) return undefined;
  const takers = results.map((result) => rowTaker(result, rows));
  return rowCounts.map((count) => takers.map((take) => take(count)));
}

/** Takes the next rows of a tensor of `rows` rows, as a view. */
function rowTaker(
  { index, datatype, shape, data }: IndexedTensor,
  rows: number,
): (count: number) => IndexedTensor {
  const rest = shape.slice(1);
  const elementsPerRow = rest.reduce((a, b) => a * b, 1);
  const endOf = datatype === "BYTES" ? byElement(data, elementsPerRow) : evenly(data, rows);
  let start = 0;
  return (count) => {
    const end = endOf(start, count);
    const own = data.subarray(start, end);
    start = end;
    return { index, datatype, shape: [count, ...rest], data: own };
  };
}

type EndOf = (start: number, rows: number) => number;

function evenly(data: Uint8Array, rows: number): EndOf {
  const rowBytes = data.byteLength / rows;
  return (start, count) => start + count * rowBytes;
}

/** BYTES elements carry their own lengths. */
function byElement(data: Uint8Array, elementsPerRow: number): EndOf {
  const view = elementView(data);
  return (start, count) => {
    let end = start;
    for (let left = count * elementsPerRow; left > 0; left--) end = elementEnd(view, end);
    return end;
  };
}

function isSame(a: readonly number[], b: readonly number[], from: number): boolean {
  if (a.length !== b.length) return false;
  for (let at = from; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}
