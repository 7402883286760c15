import { broadcastSizes, type Count, isOne, one } from "./count.ts";
import type { RowNode } from "./node.ts";
import { isSameRows, type RowAxis, type RowValue, rowSize } from "./value.ts";

/** Shapes of elementwise arithmetic. They are aligned at their ends: rows must meet rows at the same axis, or
 *  values that are constant along it. */
export function broadcast(node: RowNode, values: readonly RowValue[]): RowValue {
  const meeting = rowsFromEnd(node, values);
  if (meeting === undefined && values.some(({ dims }) => dims === undefined)) {
    return { dims: undefined };
  }
  const shapes = values.map((value) => node.dims(value));
  const rank = Math.max(0, ...shapes.map(({ length }) => length));
  const dims: Count[] = [];
  for (let fromEnd = rank; fromEnd > 0; fromEnd--) {
    if (meeting?.fromEnd === fromEnd) {
      values.forEach((value, index) => {
        const size = shapes[index]?.at(-fromEnd) ?? one;
        if (value.rows === undefined && !isOne(size)) {
          node.lose("combines the rows with something that differs along them");
        }
      });
      dims.push(rowSize(meeting.rows));
    } else dims.push(broadcastAt(node, shapes, fromEnd));
  }
  if (meeting === undefined) return { dims };
  return { dims, rows: { ...meeting.rows, axis: rank - meeting.fromEnd } };
}

function broadcastAt(node: RowNode, shapes: readonly (readonly Count[])[], fromEnd: number): Count {
  let size: Count = one;
  for (const shape of shapes) {
    size = broadcastSizes(size, shape.at(-fromEnd) ?? one) ?? node.size();
  }
  return size;
}

/** The axis at which the rows of all values that have rows meet. */
function rowsFromEnd(
  node: RowNode,
  values: readonly RowValue[],
): { readonly fromEnd: number; readonly rows: RowAxis } | undefined {
  let meeting: { readonly fromEnd: number; readonly rows: RowAxis } | undefined;
  for (const value of values) {
    if (value.rows === undefined) continue;
    const fromEnd = node.dims(value).length - value.rows.axis;
    if (meeting === undefined) meeting = { fromEnd, rows: value.rows };
    else if (meeting.fromEnd !== fromEnd || !isSameRows(meeting.rows, value.rows)) {
      node.lose("makes rows meet other rows");
    }
  }
  return meeting;
}
