const zero = 0x30;
const nine = 0x39;
const minus = 0x2d;
const plus = 0x2b;
const point = 0x2e;

/** Integers of so many digits, and powers of ten up to this one, are exact in double; so is one operation of both. */
const mostExactDigits = 15;
const exactPowers = Array.from({ length: 23 }, (_, exponent) => 10 ** exponent);

/** Reads numbers of JSON from a buffer, most of them without a string. */
export class JsonNumber {
  readonly #bytes: Buffer;
  /** Where the number ended that was read last; where it started if there was none. */
  end = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** The number at `start`, the nearest double to what is written. */
  read(start: number): number {
    const bytes = this.#bytes;
    let at = start;
    const isNegative = bytes[at] === minus;
    if (isNegative) at++;
    let digits = 0;
    let mantissa = 0;
    let exponent = 0;
    const first = at;
    for (let byte = bytes[at]; byte !== undefined && byte >= zero && byte <= nine; ) {
      mantissa = mantissa * 10 + (byte - zero);
      if (mantissa > 0) digits++;
      byte = bytes[++at];
    }
    if (at === first) {
      this.end = start;
      return Number.NaN;
    }
    if (bytes[at] === point) {
      const fraction = ++at;
      for (let byte = bytes[at]; byte !== undefined && byte >= zero && byte <= nine; ) {
        mantissa = mantissa * 10 + (byte - zero);
        if (mantissa > 0) digits++;
        byte = bytes[++at];
      }
      exponent = fraction - at;
    }
    if (((bytes[at] as number) | 0x20) === 0x65) {
      const sign = bytes[at + 1];
      const startOfDigits = at + (sign === minus || sign === plus ? 2 : 1);
      let power = 0;
      at = startOfDigits;
      for (let byte = bytes[at]; byte !== undefined && byte >= zero && byte <= nine; ) {
        power = power * 10 + (byte - zero);
        byte = bytes[++at];
      }
      if (at === startOfDigits) {
        this.end = start;
        return Number.NaN;
      }
      exponent += sign === minus ? -power : power;
    }
    this.end = at;
    const scale = exactPowers[Math.abs(exponent)];
    if (digits > mostExactDigits || scale === undefined) {
      return Number(bytes.toString("latin1", start, at));
    }
    const value = exponent < 0 ? mantissa / scale : mantissa * scale;
    return isNegative ? -value : value;
  }
}
