import type { TabularFacts } from "../contract/engine.ts";

// What translators write into ONNX's metadata_props, field 14 of ModelProto.

const metadataField = 14;
/** Longer texts are left out: clients would get them with each description of the model. */
const maxTextLength = 256 * 1024;

/** What a translated file says about the model. Throws a RangeError if it is not protobuf. */
export function readFacts(file: Uint8Array): TabularFacts {
  const props = new Map<string, string>();
  for (const entry of fieldsOf(file, metadataField)) {
    const [key = "", value = ""] = [1, 2].map((number) => {
      for (const text of fieldsOf(entry, number)) return Buffer.from(text).toString("utf8");
      return undefined;
    });
    if (value.length <= maxTextLength) props.set(key, value);
  }
  const features = listOf(props.get("modelport.features"));
  const classes = listOf(props.get("modelport.classes"));
  return {
    features: features?.every((name) => typeof name === "string")
      ? (features as string[])
      : undefined,
    classes: classes?.every((label) => typeof label === "string" || typeof label === "number")
      ? (classes as (string | number)[])
      : undefined,
    kserveOutput: props.get("modelport.kserve_output"),
    libraryVersion: props.get("modelport.library"),
  };
}

function listOf(text: string | undefined): unknown[] | undefined {
  if (text === undefined) return undefined;
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list : undefined;
  } catch {
    return undefined;
  }
}

/** The contents of a message's length-delimited fields of this number. */
function* fieldsOf(message: Uint8Array, number: number): Generator<Uint8Array> {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = message[at++];
      if (byte === undefined || shift > 2 ** 49) throw new RangeError("not a protobuf message");
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const type = tag % 8;
    if (type === 0) varint();
    else if (type === 1) at += 8;
    else if (type === 5) at += 4;
    else if (type === 2) {
      const length = varint();
      if (length > message.length - at) throw new RangeError("not a protobuf message");
      if (Math.floor(tag / 8) === number) yield message.subarray(at, at + length);
      at += length;
    } else throw new RangeError("not a protobuf message");
  }
}
