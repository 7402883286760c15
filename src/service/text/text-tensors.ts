import { isUtf8 } from "node:buffer";
import { mapElements } from "../../base/bytes-elements.ts";
import { checkTensorBytes, type Tensor } from "../../base/tensor.ts";
import type { TextFacts } from "../../engine/contract/text-facts.ts";
import type { TextOrPair } from "../contract/text.ts";
import { refuseCount } from "./check-texts.ts";
import { invalid } from "./text-errors.ts";
import { textTensors } from "./text-metadata.ts";

/** The texts of a request. */
export interface TextTensors {
  readonly texts: readonly TextOrPair[];
  /** One, or one for each text. */
  readonly queries: readonly string[] | undefined;
}

/** Reads the inputs of an inference on a text model. Throws "invalid-argument" with the input, what was expected and
 *  what arrived. */
export function textsIn(
  inputs: readonly Tensor[],
  { facts, label }: { readonly facts: TextFacts; readonly label: string },
): TextTensors {
  const takesQuery = facts.task === "rerank";
  const known = takesQuery ? [textTensors.text, textTensors.query] : [textTensors.text];
  const odd = inputs.find(({ name }) => !known.some((each) => each === name));
  if (odd !== undefined) {
    const names = known.map((name) => `'${name}'`).join(", ");
    throw invalid(`input '${odd.name}' is unknown to model '${label}', which takes ${names}`);
  }
  const text = sole(inputs, textTensors.text);
  if (text === undefined) {
    throw invalid(`input '${textTensors.text}' is missing in the request for model '${label}'`);
  }
  const takesPairs = takesQuery || facts.task === "classification";
  const texts = readRows(text, { label, widest: takesPairs ? 2 : 1 });
  refuseCount(texts.length, "texts");
  const query = sole(inputs, textTensors.query);
  const queries = query && readRows(query, { label, widest: 1 }).map(String);
  if (queries !== undefined && queries.length !== 1 && queries.length !== texts.length) {
    throw invalid(
      `input '${textTensors.query}' has ${queries.length} elements, expected 1, or ${texts.length} as '${textTensors.text}'`,
    );
  }
  return { texts, queries };
}

function sole(inputs: readonly Tensor[], wanted: string): Tensor | undefined {
  const [found, ...others] = inputs.filter(({ name }) => name === wanted);
  if (others.length > 0) throw invalid(`input '${wanted}' is given twice`);
  return found;
}

function readRows(
  tensor: Tensor,
  { label, widest }: { readonly label: string; readonly widest: 1 | 2 },
): readonly TextOrPair[] {
  const { name, datatype, shape } = tensor;
  const what = `input '${name}' for model '${label}'`;
  if (datatype !== "BYTES") {
    throw invalid(
      `input '${name}' data-type is '${datatype}', model expects 'BYTES' for '${label}'`,
    );
  }
  const width = shape.length === 1 ? 1 : shape[1];
  const fits = shape.length === 1 || (shape.length === 2 && (width === 1 || width === widest));
  if (!fits) {
    const expected = widest === 2 ? "[-1], [-1,1] or [-1,2]" : "[-1] or [-1,1]";
    throw invalid(
      `unexpected shape for input '${name}' for model '${label}'. Expected ${expected}, got [${shape}]`,
    );
  }
  checkTensorBytes(tensor, what);
  refuseCount(shape[0] as number, `texts in input '${name}'`);
  const texts = readTexts(tensor);
  if (width !== 2) return texts;
  return Array.from({ length: shape[0] as number }, (_, row) => {
    return [texts[2 * row] as string, texts[2 * row + 1] as string] as const;
  });
}

function readTexts({ name, data }: Tensor): string[] {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  let index = 0;
  return mapElements(data, (start, end) => {
    const at = index++;
    if (isUtf8(bytes.subarray(start, end))) return bytes.toString("utf8", start, end);
    throw invalid(`input '${name}': element ${at} is not UTF-8`);
  });
}
