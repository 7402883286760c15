import { PythonDict, PythonTuple, type PythonValue } from "./python-value.ts";
import { refuse, shown } from "./refuse.ts";

/** `f` float, `i` and `u` whole numbers, `b` bool, `U` text of 4 bytes a character, `S` bytes, `O` objects,
 *  `V` records and gaps. */
export type DtypeKind = "f" | "i" | "u" | "b" | "U" | "S" | "O" | "V";

export interface DtypeField {
  readonly dtype: NumpyDtype;
  readonly offset: number;
}

/** A numpy dtype. A pickle makes it first and gives it its byte order and its fields later. */
export class NumpyDtype {
  readonly kind: DtypeKind;
  /** Bytes of one element. */
  itemBytes: number;
  isBigEndian: boolean;
  /** Of a record, by name. */
  readonly fields: Map<string, DtypeField> = new Map();

  constructor(kind: DtypeKind, itemBytes: number, isBigEndian = false) {
    this.kind = kind;
    this.itemBytes = itemBytes;
    this.isBigEndian = isBigEndian;
  }

  toString(): string {
    return `${this.kind}${this.itemBytes}`;
  }
}

const pattern = /^([<>|=]?)([fiubUSOV?])(\d{0,9})$/;
const sizes: Readonly<Partial<Record<DtypeKind, readonly number[]>>> = {
  f: [2, 4, 8],
  i: [1, 2, 4, 8],
  u: [1, 2, 4, 8],
  b: [1],
};

/** From text such as "f8", "<i4", "U12", "|V64". */
export function parseDtype(text: string): NumpyDtype {
  const match = pattern.exec(text);
  if (match === null) return unknown(text);
  const kind = (match[2] === "?" ? "b" : match[2]) as DtypeKind;
  const size = match[3] === "" ? (kind === "b" ? 1 : 0) : Number(match[3]);
  if (sizes[kind] !== undefined && !sizes[kind].includes(size)) return unknown(text);
  const bytes = kind === "U" ? 4 * size : kind === "O" ? 8 : size;
  return new NumpyDtype(kind, bytes, match[1] === ">");
}

/** Gives a dtype what `dtype.__setstate__` would: (version, byte order, base, names, fields, size, …). */
export function setDtypeState(dtype: NumpyDtype, state: PythonValue): void {
  if (!(state instanceof PythonTuple) || state.items.length < 6) unknown("of unknown state");
  const [, order, base, , fields, size] = state.items;
  if (base !== null) unknown("with a shape of its own");
  dtype.isBigEndian = order === ">";
  if (fields === null) return;
  if (!(fields instanceof PythonDict) || dtype.kind !== "V") unknown("of unknown fields");
  if (typeof size === "number" && size > 0) dtype.itemBytes = size;
  for (const [name, field] of fields.entries) {
    const [of, offset] = field instanceof PythonTuple ? field.items : [];
    if (typeof name !== "string" || !(of instanceof NumpyDtype)) unknown("of unknown fields");
    addField(dtype, name, { dtype: of, offset: Number(offset) });
  }
}

/** Throws if the field does not lie within the record. */
export function addField(record: NumpyDtype, name: string, field: DtypeField): void {
  const { dtype, offset } = field;
  const isInside = Number.isInteger(offset) && offset >= 0;
  if (!isInside || offset + dtype.itemBytes > record.itemBytes || dtype.kind === "V") {
    unknown(`whose field '${shown(name)}' is not a number within it`);
  }
  record.fields.set(name, field);
}

function unknown(what: string): never {
  return refuse(`the file has an array of numpy dtype '${shown(what)}', which is not supported`);
}
