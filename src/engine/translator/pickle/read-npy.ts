import { NumpyArray } from "./numpy-array.ts";
import { addField, NumpyDtype, parseDtype } from "./numpy-dtype.ts";
import { refuse } from "./refuse.ts";

const magic = "\x93NUMPY";
const maxHeaderBytes = 64 * 1024;
const header =
  /^\{'descr': (?:'([^']*)'|\[([^\]]*)\]), 'fortran_order': (True|False), 'shape': \(([\d, ]*)\), \}\s*$/;
const field = /^\('([^']*)', '([^']*)'\)$/;

/** The array of a `.npy` file, as a view of it. Throws RuntimeError "invalid-argument". */
export function readNpy(file: Uint8Array): NumpyArray {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < 12 || Buffer.from(file.subarray(0, 6)).toString("latin1") !== magic) damaged();
  const isShort = file[6] === 1;
  const start = isShort ? 10 : 12;
  const length = isShort ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > maxHeaderBytes || start + length > file.length) damaged();
  const text = Buffer.from(file.subarray(start, start + length)).toString("latin1");
  const [, plain, record, order, shape = ""] = header.exec(text) ?? damaged();
  const dtype = record === undefined ? parseDtype(plain ?? "") : recordOf(record);
  return new NumpyArray({
    dtype,
    shape: shape
      .split(",")
      .filter((size) => size.trim() !== "")
      .map(Number),
    content: file.subarray(start + length),
    isFortran: order === "True",
  });
}

/** From "('left', '<i8'), ('', '|V7')": fields side by side, and gaps without a name. */
function recordOf(text: string): NumpyDtype {
  const parts = text.split(/(?<=\)), /).map((part) => field.exec(part) ?? damaged());
  const fields = parts.map(([, name = "", type = ""]) => ({ name, dtype: parseDtype(type) }));
  const record = new NumpyDtype(
    "V",
    fields.reduce((sum, { dtype }) => sum + dtype.itemBytes, 0),
  );
  let offset = 0;
  for (const { name, dtype } of fields) {
    if (name !== "") addField(record, name, { dtype, offset });
    offset += dtype.itemBytes;
  }
  return record;
}

function damaged(): never {
  return refuse("the archive has an array that is not of numpy's format: it is damaged");
}
