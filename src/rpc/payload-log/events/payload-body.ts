import { type DescMessage, fromBinary, fromJsonString, toJsonString } from "@bufbuild/protobuf";
import { NlpService } from "../../../../gen/caikit/nlp-service_pb.ts";
import {
  type ModelInferRequest,
  ModelInferRequestSchema,
  type ModelInferResponse,
  ModelInferResponseSchema,
  type ModelStreamInferResponse,
  ModelStreamInferResponseSchema,
} from "../../../../gen/inference/inference_pb.ts";
import type { RedactionRule } from "../../../config/payload-log/redaction-rules.ts";
import { refuseCostlyJson } from "../../codec-thread/json-cost.ts";
import { refuseCostlyMessage } from "../../guard/protobuf-counter.ts";
import type { CallRecord, PayloadHead } from "../call-record.ts";
import { loggedBinary } from "./binary-rest.ts";
import { closeJson } from "./close-json.ts";
import { closeMessage, textEnd } from "./close-message.ts";
import { inflateStart } from "./inflate-start.ts";
import { loggedRequest, loggedResponse } from "./logged-inference.ts";
import { redactJson } from "./redact-json.ts";
import { messageJson } from "./tensor-json.ts";

/** What an event has for a payload. */
export interface PayloadBody {
  /** Undefined: it was left out. */
  readonly bytes: Buffer | undefined;
  readonly type: string;
  readonly isTruncated: boolean;
  /** Why it was left out; "" if it was not. */
  readonly omitted: string;
}

export interface PayloadParts {
  readonly call: Pick<CallRecord, "rpc" | "protocol">;
  readonly side: "request" | "answer";
  readonly head: PayloadHead;
  /** As it travelled; only its start, if that has fewer bytes than `head` says. */
  readonly bytes: Buffer;
}

export interface BodyLimits {
  readonly rules: readonly RedactionRule[];
  readonly maxBytes: number;
}

/** A stream's message that tells a failure: KServe logs no answers of calls that fail. */
export const isFailure = Symbol("failure");

const json = "application/json";
const maxHeapBytes = 16 * 1024 * 1024;

interface Start {
  readonly bytes: Buffer;
  readonly isCut: boolean;
}

/** What is logged of a payload: JSON in the form of REST, whichever way it travelled, without what the rules hide. Bodies
 *  that are no JSON are logged as they are, if there is nothing to hide. Never rejects. */
export async function payloadBody(
  parts: PayloadParts,
  limits: BodyLimits,
): Promise<PayloadBody | typeof isFailure> {
  try {
    const start = await inflated(parts, limits.maxBytes);
    const text = jsonOf(parts, start, limits.maxBytes);
    if (text === isFailure) return isFailure;
    if (text === undefined) return asItIs(parts, start, limits);
    return { ...finished(text, limits), omitted: "" };
  } catch (reason) {
    return asItIs(parts, { bytes: parts.bytes, isCut: isShort(parts) }, limits, reason);
  }
}

function isShort({ head, bytes }: PayloadParts): boolean {
  return bytes.length < head.sizeBytes;
}

async function inflated(parts: PayloadParts, maxBytes: number): Promise<Start> {
  const { head, bytes } = parts;
  const isCut = isShort(parts);
  if (/^(?:|identity)$/i.test(head.encoding.trim())) return { bytes, isCut };
  const start = await inflateStart(bytes, head.encoding, maxBytes);
  return { bytes: start.bytes, isCut: isCut || start.isCut };
}

interface Text {
  readonly text: string;
  readonly isCut: boolean;
}

/** Undefined: it is no JSON, and has no such form. Throws if it should have one. */
function jsonOf(
  parts: PayloadParts,
  { bytes, isCut }: Start,
  maxBytes: number,
): Text | typeof isFailure | undefined {
  const { call, side, head } = parts;
  const type = head.type.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (call.protocol === "rest") {
    const { jsonLength } = head;
    if (jsonLength !== undefined) {
      const message = loggedBinary(bytes, jsonLength, side === "request" ? "inputs" : "outputs");
      const made = messageJson(message, maxBytes);
      return { text: made.text, isCut: made.isCut || isCut };
    }
    // Clients often send JSON as a form, or as nothing at all, and it is read as JSON.
    const mayBeJson = /json$/.test(type) || /^\s*[[{]/.test(bytes.toString("utf8", 0, 64));
    return mayBeJson ? { text: textOf(bytes), isCut } : undefined;
  }
  return /json$/.test(type)
    ? connectJson(parts, { bytes, isCut }, maxBytes)
    : proto(parts, { bytes, isCut }, maxBytes);
}

function proto({ call, side }: PayloadParts, { bytes, isCut }: Start, maxBytes: number) {
  const schema = schemaOf(call.rpc, side);
  const whole = isCut ? closeMessage(schema, bytes) : bytes;
  refuseCostlyMessage(schema, whole);
  const message = fromBinary(schema, whole);
  return messageText(schema, message, { isCut, maxBytes });
}

function connectJson({ call, side }: PayloadParts, { bytes, isCut }: Start, maxBytes: number) {
  const schema = schemaOf(call.rpc, side);
  const text = textOf(bytes);
  // Its contents may be cut within base64, which would be no message any more.
  if (isCut) throw new Error("it is too long to be read");
  refuseCostlyJson({ body: bytes }, maxHeapBytes);
  const message = fromJsonString(schema, text, { ignoreUnknownFields: true });
  return messageText(schema, message, { isCut, maxBytes });
}

function messageText(
  schema: DescMessage,
  message: object,
  { isCut, maxBytes }: { readonly isCut: boolean; readonly maxBytes: number },
): Text | typeof isFailure {
  const ofTensors = (made: Text) => ({ text: made.text, isCut: made.isCut || isCut });
  switch (schema) {
    case ModelInferRequestSchema:
      return ofTensors(messageJson(loggedRequest(message as ModelInferRequest), maxBytes));
    case ModelInferResponseSchema:
      return ofTensors(messageJson(loggedResponse(message as ModelInferResponse), maxBytes));
    case ModelStreamInferResponseSchema: {
      const { errorMessage, inferResponse } = message as ModelStreamInferResponse;
      if (errorMessage !== "" || inferResponse === undefined) return isFailure;
      return ofTensors(messageJson(loggedResponse(inferResponse), maxBytes));
    }
    default:
      // The names that Caikit's own REST has.
      return { text: toJsonString(schema, message as never, { useProtoFieldName: true }), isCut };
  }
}

/** Cut after `isCut` was found out, and hidden in before it is closed: what is cut may not say any more that it is to
 *  be hidden. */
function finished(
  { text, isCut }: Text,
  { rules, maxBytes }: BodyLimits,
): Omit<PayloadBody, "omitted"> {
  const hidden = rules.length === 0 ? text : redactJson(text, rules);
  const bytes = Buffer.from(isCut ? closeJson(hidden) : hidden);
  if (bytes.length <= 2 * maxBytes) return { bytes, type: json, isTruncated: isCut };
  // What was made of it is much longer than what came.
  const start = bytes.subarray(0, maxBytes);
  const cut = closeJson(start.toString("utf8", 0, textEnd(start)));
  return { bytes: Buffer.from(cut), type: json, isTruncated: true };
}

function asItIs(
  { head, call }: PayloadParts,
  { bytes, isCut }: Start,
  { rules }: BodyLimits,
  reason?: unknown,
): PayloadBody {
  const hides = rules.some(({ kind }) => kind !== "header");
  if (hides) {
    const omitted =
      reason === undefined
        ? "not JSON, so the redaction rules cannot be applied"
        : "not readable, so the redaction rules cannot be applied";
    return { bytes: undefined, type: "", isTruncated: false, omitted };
  }
  const usual = call.protocol === "rest" ? "application/octet-stream" : "application/protobuf";
  return { bytes, type: head.type || usual, isTruncated: isCut, omitted: "" };
}

function schemaOf(rpc: string, side: PayloadParts["side"]): DescMessage {
  if (rpc.endsWith("/ModelInfer") || (rpc.endsWith("/ModelStreamInfer") && side === "request")) {
    return side === "request" ? ModelInferRequestSchema : ModelInferResponseSchema;
  }
  if (rpc.endsWith("/ModelStreamInfer")) return ModelStreamInferResponseSchema;
  const name = rpc.slice(rpc.indexOf("/") + 1);
  const method = NlpService.methods.find((each) => each.name === name);
  if (method === undefined) throw new Error(`${rpc} is not known here`);
  return side === "request" ? method.input : method.output;
}

const utf8 = new TextDecoder();

/** Without half a letter at its end. */
function textOf(bytes: Buffer): string {
  return utf8.decode(bytes.subarray(0, textEnd(bytes)));
}
