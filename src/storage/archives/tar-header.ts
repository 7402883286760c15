/** Everything in a tar archive starts at a multiple of this. */
export const tarBlock = 512;

export interface TarHeader {
  readonly name: string;
  /** The character that says what the entry is. */
  readonly type: string;
  readonly sizeBytes: number;
  readonly target: string;
}

const sumAt = 148;
const sumLength = 8;

/** Undefined if `block`, of `tarBlock` bytes, is not a header: its sum or its size is wrong. */
export function readHeader(block: Buffer): TarHeader | undefined {
  let sum = 0;
  block.forEach((byte, at) => {
    sum += at >= sumAt && at < sumAt + sumLength ? 32 : byte;
  });
  const sizeBytes = numberAt(block, 124, 12);
  if (numberAt(block, sumAt, sumLength) !== sum || sizeBytes === undefined) return undefined;
  const name = textOf(block.subarray(0, 100));
  // Only POSIX's own magic has a prefix there; GNU's has times.
  const isPosix = block.toString("latin1", 257, 263) === "ustar\0";
  const prefix = isPosix ? textOf(block.subarray(345, 500)) : "";
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    type: String.fromCharCode(block[156] ?? 0),
    sizeBytes,
    target: textOf(block.subarray(157, 257)),
  };
}

export function isZeroBlock(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}

/** The text up to the first NUL. */
export function textOf(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end < 0 ? bytes.length : end);
}

/** The records of an extended header: "length key=value\n", where the length counts the whole record in bytes. */
export function* paxFields(body: Buffer): Generator<readonly [string, string]> {
  let at = 0;
  while (at < body.length) {
    const space = body.indexOf(32, at);
    const length = space < 0 ? Number.NaN : Number(body.toString("latin1", at, space));
    if (!Number.isInteger(length) || length <= space - at || at + length > body.length) return;
    const record = body.toString("utf8", space + 1, at + length - 1);
    const equals = record.indexOf("=");
    if (equals > 0) yield [record.slice(0, equals), record.slice(equals + 1)];
    at += length;
  }
}

/** Octal digits, or, if the first bit is set, a binary number. Undefined for anything else, and for what is not a
 *  safe integer. */
function numberAt(block: Buffer, at: number, length: number): number | undefined {
  const field = block.subarray(at, at + length);
  if ((field[0] ?? 0) & 0x80) {
    let value = (field[0] ?? 0) & 0x7f;
    for (const byte of field.subarray(1)) value = value * 256 + byte;
    return Number.isSafeInteger(value) ? value : undefined;
  }
  const digits = field
    .toString("latin1")
    .replaceAll(/[\0 ]+$/g, "")
    .trimStart();
  if (digits === "") return 0;
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : undefined;
}
