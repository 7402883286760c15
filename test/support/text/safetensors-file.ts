/** A tensor for a file: bytes as they are stored. */
export interface DraftTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export function floats(values: readonly number[], shape = [values.length]): DraftTensor {
  return { dtype: "F32", shape, bytes: new Uint8Array(Float32Array.from(values).buffer) };
}

/** The bytes of a safetensors file. */
export function safetensorsFile(
  tensors: Readonly<Record<string, DraftTensor>>,
  metadata?: Readonly<Record<string, string>>,
): Buffer {
  let end = 0;
  const entries = Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => {
    const begin = end;
    end += bytes.byteLength;
    return [name, { dtype, shape, data_offsets: [begin, end] }];
  });
  // As entries: a tensor may be named "__proto__".
  const header = Object.fromEntries([
    ...(metadata === undefined ? [] : [["__metadata__", metadata]]),
    ...entries,
  ]);
  const data = Buffer.concat(Object.values(tensors).map(({ bytes }) => bytes));
  return withHeader(JSON.stringify(header), data);
}

/** A file with any header. `claimed`: the length that it states, by default the true one. */
export function withHeader(header: string | Buffer, data: Uint8Array, claimed?: bigint): Buffer {
  const text = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimed ?? BigInt(text.byteLength));
  return Buffer.concat([length, text, data]);
}
