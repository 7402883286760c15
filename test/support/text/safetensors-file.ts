export interface StoredTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** A safetensors file with FP32 tensors. */
export function safetensorsFile(tensors: ReadonlyMap<string, StoredTensor>): Buffer {
  const header: Record<string, object> = { __metadata__: { format: "pt" } };
  let end = 0;
  for (const [name, { shape, values }] of tensors) {
    const start = end;
    end += values.byteLength;
    header[name] = { dtype: "F32", shape, data_offsets: [start, end] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const bytes = [...tensors.values()].map(({ values }) => new Uint8Array(values.buffer));
  return Buffer.concat([length, text, ...bytes]);
}
