import { attributeFields } from "./field-numbers.ts";
import type { GraphNode } from "./graph-node.ts";
import type { ModelReader } from "./model-reader.ts";
import { readIntegers } from "./read-integers.ts";

/** The labels of a ZipMap, one for each column of its input. */
export function readClasses(reader: ModelReader, { attributes }: GraphNode): (string | number)[] {
  const texts = attributes.get("classlabels_strings");
  const ints = attributes.get("classlabels_int64s");
  const labels: (string | number)[] = [];
  if (texts !== undefined) {
    for (const field of reader.fields(texts.content, texts.end)) {
      if (field.number === attributeFields.texts) labels.push(reader.text(field));
    }
  }
  if (labels.length > 0 || ints === undefined) return labels;
  for (const field of reader.fields(ints.content, ints.end)) {
    if (field.number !== attributeFields.ints) continue;
    for (const label of readIntegers(reader, field)) {
      // A label that JSON readers cannot represent exactly becomes text.
      labels.push(Number.isSafeInteger(Number(label)) ? Number(label) : `${label}`);
    }
  }
  return labels;
}
