/** Field of a model that has an entry of its metadata, with the fields of that. */
const metadataProps = 14;
const key = 1;
const value = 2;

/** The metadata_props of an ONNX model. */
export function metadataOf(onnx: Uint8Array): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  for (const [field, content] of fieldsOf(onnx)) {
    if (field !== metadataProps) continue;
    const texts = new Map(
      Array.from(fieldsOf(content), ([part, text]) => [part, new TextDecoder().decode(text)]),
    );
    entries.set(texts.get(key) ?? "", texts.get(value) ?? "");
  }
  return entries;
}

/** Number and content of a message's fields; those that are no bytes are left out. */
function* fieldsOf(message: Uint8Array): Iterable<[number, Uint8Array]> {
  let at = 0;
  const varint = () => {
    let number = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++] ?? 0;
      number += (byte & 0x7f) * scale;
      if (byte < 0x80) return number;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const length = varint();
    if (tag % 8 === 0) continue;
    yield [Math.floor(tag / 8), message.subarray(at, at + length)];
    at += length;
  }
}
