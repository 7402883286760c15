import { setImmediate as turn } from "node:timers/promises";
import { fromJson, fromJsonString, type JsonValue } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type ModelInferRequest,
  ModelInferRequestSchema,
} from "../../../gen/inference/inference_pb.ts";
import { type InferInput, type InferMessage, PackedStrings } from "../codec/infer-message.ts";
import type { CallAccount } from "../guard/call-memory.ts";
import { refuseLongText } from "../guard/refuse-long-text.ts";
import { mostBytes, writeBase64, writeBase64Text } from "./base64-text.ts";
import { type LiftedTexts, liftTexts } from "./lifted-texts.ts";

// A ModelInferRequest in JSON is read by protobuf-es, but for its tensors in base64: decoding these in JavaScript, in
// one go, would hold up everybody for seconds.

/** As Connect reads JSON. */
const options = { ignoreUnknownFields: true };
const elementsInTurn = 512;
const lengthBytes = 4;

type Json = Record<string, unknown>;

/** Strings of the two fields that hold bytes, as they were sent or lifted. */
interface TakenBytes {
  readonly raw: readonly string[];
  /** By input; undefined where there are none. */
  readonly typed: readonly (readonly string[] | undefined)[];
}

/** Decodes `body`, which it writes to: raw tensors lie where their base64 was. `account` hears of what memory is taken
 *  beside. The event loop turns meanwhile. Rejects with the ConnectErrors of Connect, and with "invalid_argument" at a
 *  text that is too long and no tensor. */
export async function decodeJsonRequest(
  body: Buffer,
  account: CallAccount | undefined,
): Promise<InferMessage> {
  const { json, texts } = await liftTexts(body);
  const text = new TextDecoder().decode(json);
  try {
    const value = parse(text);
    const taken = takeBytes(value);
    putBack(value, texts);
    const message = fromJson(ModelInferRequestSchema, value as JsonValue, options);
    return await withBytes(message, taken, { texts, account });
  } catch (reason) {
    throw ConnectError.from(reason, Code.InvalidArgument);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // It says so in the words that a small message gets.
    return fromJsonString(ModelInferRequestSchema, text, options);
  }
}

function takeBytes(request: unknown): TakenBytes {
  const inputs = isObject(request) ? request["inputs"] : undefined;
  const typed = Array.isArray(inputs)
    ? inputs.map((input: unknown) =>
        takeStrings(
          isObject(input) ? input["contents"] : undefined,
          "bytesContents",
          "bytes_contents",
        ),
      )
    : [];
  return { raw: takeStrings(request, "rawInputContents", "raw_input_contents") ?? [], typed };
}

/** What is not a list of strings is left for protobuf-es to refuse. */
function takeStrings(owner: unknown, ...names: readonly string[]): string[] | undefined {
  if (!isObject(owner)) return undefined;
  const taken: string[] = [];
  for (const name of Object.keys(owner).filter((key) => names.includes(key))) {
    const list = owner[name];
    if (!Array.isArray(list)) continue;
    const other = list.find((item) => typeof item !== "string");
    owner[name] = other === undefined ? [] : [other];
    if (other === undefined) for (const item of list) taken.push(item as string);
  }
  return taken.length === 0 ? undefined : taken;
}

/** Puts the texts back that are no tensors. */
function putBack(request: unknown, texts: LiftedTexts): void {
  const containers: [Json, string][] = isObject(request) ? [[request, ""]] : [];
  for (let next = containers.pop(); next !== undefined; next = containers.pop()) {
    const [container, path] = next;
    for (const key of Object.keys(container)) {
      const value = container[key];
      if (typeof value === "string") {
        const text = texts.of(value);
        if (text === undefined) continue;
        refuseLongText(pathOf(path, key), text.length);
        container[key] = JSON.parse(`"${new TextDecoder().decode(text)}"`);
      } else if (typeof value === "object" && value !== null) {
        containers.push([value as Json, pathOf(path, key)]);
      }
    }
  }
}

function pathOf(path: string, key: string): string {
  return path === "" ? key : `${path}.${key.slice(0, 100)}`;
}

async function withBytes(
  message: ModelInferRequest,
  taken: TakenBytes,
  parts: { readonly texts: LiftedTexts; readonly account: CallAccount | undefined },
): Promise<InferMessage> {
  const rawInputContents: Uint8Array[] = [];
  for (const [index, value] of taken.raw.entries()) {
    if (index % elementsInTurn === 0) await turn();
    rawInputContents.push(await naming("raw_input_contents", () => rawBytes(value, parts.texts)));
  }
  const inputs: InferInput[] = [];
  for (const [index, input] of message.inputs.entries()) {
    const strings = taken.typed[index];
    const { name, datatype, shape, parameters: own, contents } = input;
    if (strings === undefined || contents === undefined) inputs.push(input);
    else {
      const bytesContents = await naming("bytes_contents", () => packBytes(strings, parts));
      const all = { ...contents, bytesContents };
      inputs.push({ name, datatype, shape, parameters: own, contents: all });
    }
  }
  const { modelName, modelVersion, id, parameters, outputs } = message;
  return { modelName, modelVersion, id, parameters, inputs, outputs, rawInputContents };
}

async function naming<Result>(field: string, decode: () => Promise<Result>): Promise<Result> {
  try {
    return await decode();
  } catch (reason) {
    if (reason instanceof ConnectError) throw reason;
    const why = reason instanceof Error ? reason.message : String(reason);
    throw new ConnectError(`cannot decode field ${field} from JSON: ${why}`, Code.InvalidArgument);
  }
}

async function rawBytes(value: string, texts: LiftedTexts): Promise<Uint8Array> {
  const text = texts.of(value);
  if (text !== undefined) return text.subarray(0, await writeBase64Text(text, text, 0));
  const bytes = Buffer.allocUnsafe(mostBytes(value.length));
  return bytes.subarray(0, writeBase64(value, bytes, 0));
}

async function packBytes(
  strings: readonly string[],
  { texts, account }: { readonly texts: LiftedTexts; readonly account: CallAccount | undefined },
): Promise<PackedStrings> {
  const lettersOf = (value: string) => texts.of(value)?.length ?? value.length;
  const sizeBytes = strings.reduce(
    (sum, value) => sum + lengthBytes + mostBytes(lettersOf(value)),
    0,
  );
  await account?.makeInTurn(sizeBytes);
  const packed = Buffer.allocUnsafeSlow(sizeBytes);
  let offset = 0;
  for (const [index, value] of strings.entries()) {
    if (index % elementsInTurn === 0) await turn();
    const start = offset + lengthBytes;
    const text = texts.of(value);
    const end =
      text === undefined
        ? writeBase64(value, packed, start)
        : await writeBase64Text(text, packed, start);
    packed.writeUInt32LE(end - start, offset);
    offset = end;
  }
  return new PackedStrings(strings.length, packed.subarray(0, offset));
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
