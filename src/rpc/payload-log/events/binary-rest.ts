import { parseExactly } from "../../../base/exact-json.ts";
import { BareNumber } from "../../../base/json-float.ts";
import { refuseCostlyJson } from "../../codec-thread/json-cost.ts";
import type { LoggedMessage, LoggedTensor } from "./tensor-json.ts";

const maxHeapBytes = 16 * 1024 * 1024;
/** How the tensor travelled says nothing of what is logged. */
const formParameters = new Set(["binary_data_size", "binary_data_output", "binary_data"]);

type Json = Readonly<Record<string, unknown>>;

/** A body of REST with binary tensors behind its JSON; the end of it may be missing. Throws what is no such body. */
export function loggedBinary(
  body: Buffer,
  jsonLength: string,
  side: LoggedMessage["side"],
): LoggedMessage {
  const length = Number(jsonLength);
  if (!Number.isSafeInteger(length) || length > body.length) {
    throw new Error("the JSON at the start of the body is not complete");
  }
  const json = body.subarray(0, length);
  refuseCostlyJson({ body: json }, maxHeapBytes);
  const message = objectOf(parseExactly(json.toString("utf8"), { bareNumbers: true }));
  let at = length;
  const tensors = arrayOf(message[side]).map((each): LoggedTensor => {
    const tensor = objectOf(each);
    const parameters = objectOf(tensor["parameters"]);
    const sizeBytes = Number(parameters["binary_data_size"]);
    const isBinary = Number.isSafeInteger(sizeBytes) && sizeBytes >= 0;
    const start = at;
    if (isBinary) at += sizeBytes;
    return {
      name: String(tensor["name"] ?? ""),
      datatype: String(tensor["datatype"] ?? ""),
      shape: arrayOf(tensor["shape"]),
      parameters: withoutForm(parameters),
      ...(isBinary
        ? { raw: body.subarray(start, at) }
        : tensor["data"] !== undefined && { elements: arrayOf(tensor["data"]).map(plainNumber) }),
    };
  });
  const { parameters, ...others } = message;
  const kept = withoutForm(objectOf(parameters));
  const rest = Object.entries(others).filter(([name]) => name !== side);
  return {
    head: Object.fromEntries(rest),
    side,
    tensors,
    tail: Object.keys(kept).length > 0 ? { parameters: kept } : {},
  };
}

/** JSON has no word for it, and answers have null. */
function plainNumber(element: unknown): unknown {
  return element instanceof BareNumber ? null : element;
}

function withoutForm(parameters: Json): Json {
  return Object.fromEntries(
    Object.entries(parameters).filter(([name]) => !formParameters.has(name)),
  );
}

function objectOf(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Json)
    : {};
}

function arrayOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
