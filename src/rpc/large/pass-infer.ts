import { setImmediate as turn } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter, createContextValues } from "@connectrpc/connect";
import type {
  Compression,
  UniversalHandler,
  UniversalServerRequest,
  UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import {
  GRPCInferenceService,
  ModelInferRequestSchema,
} from "../../../gen/inference/inference_pb.ts";
import type { InferMessage } from "../codec/infer-message.ts";
import { decodeInferRequest } from "../codec/infer-request-decoder.ts";
import { encodeInferResponse } from "../codec/infer-response-encoder.ts";
import { BodyBuffer } from "../guard/body-buffer.ts";
import { callScope } from "../guard/call-memory.ts";
import { type CallWire, envelopeBytes, envelopeHead, wireOf } from "./call-wire.ts";
import { exchangeKey, InferExchange } from "./infer-exchange.ts";
import { JsonAnswer } from "./json-answer.ts";
import { decodeJsonRequest } from "./json-request.ts";

/** Smaller messages take Connect a few milliseconds at most. */
const leastLargeBytes = 256 * 1024;
/** Of what is written at once: with TLS it is encrypted in the same turn. */
const writtenBytes = 256 * 1024;

export interface LargeInferParts {
  readonly readMaxBytes: number;
  readonly compressions: readonly Compression[];
}

/** Has large messages of ModelInfer pass Connect: it gets small ones in their place, so that all it does beside, from
 *  access to errors, stays as it is. Call it when `router` has the service. */
export function passLargeInfer(router: ConnectRouter, parts: LargeInferParts): void {
  const { modelInfer } = GRPCInferenceService.method;
  for (const [index, handler] of router.handlers.entries()) {
    if (handler.method === modelInfer) router.handlers[index] = largeInfer(handler, parts);
  }
}

function largeInfer(handler: UniversalHandler, parts: LargeInferParts): UniversalHandler {
  const handle = async (request: UniversalServerRequest): Promise<UniversalServerResponse> => {
    const wire = wireOf(request);
    if (wire === undefined) return handler(request);
    const exchange = new InferExchange();
    const contextValues = request.contextValues ?? createContextValues();
    contextValues.set(exchangeKey, exchange);
    const reader = readerOf({ ...request, contextValues }, { wire, exchange, ...parts });
    const response = await handler(reader);
    return exchange.answer === undefined ? response : withAnswer(response, wire, exchange);
  };
  return Object.assign(handle, handler);
}

interface ReadCall extends LargeInferParts {
  readonly wire: CallWire;
  readonly exchange: InferExchange;
}

/** The request as Connect is to see it. */
function readerOf(request: UniversalServerRequest, call: ReadCall): UniversalServerRequest {
  const { header, body } = request;
  if (!isByteStream(body)) return request;
  const announced = Number(header.get("content-length") ?? 0);
  const encoding = header.get("content-encoding") ?? "identity";
  const compression = compressionOf(call, encoding);
  if (encoding !== "identity" && compression === undefined) return request;
  const isSmall = header.has("content-length") && announced < leastLargeBytes;
  // What is too large, Connect refuses unread.
  const isTooLarge = announced > call.readMaxBytes + envelopeBytes;
  const isCompressed = compression !== undefined || header.has("grpc-encoding");
  if ((isSmall && !isCompressed) || isTooLarge) return request;
  const changed = new Headers(header);
  changed.delete("content-length");
  if (!call.wire.hasEnvelope) changed.delete("content-encoding");
  return { ...request, header: changed, body: standInBody(body, { ...call, header, announced }) };
}

interface BodyCall extends ReadCall {
  readonly header: Headers;
  /** 0 if nothing was. */
  readonly announced: number;
}

/** Reads `source` when Connect asks for it, which is when the client may make this call. */
async function* standInBody(
  source: AsyncIterable<Uint8Array>,
  call: BodyCall,
): AsyncGenerator<Uint8Array> {
  const { wire, exchange } = call;
  const received = new BodyBuffer(call.announced);
  let isForConnect = false;
  for await (const chunk of source) {
    if (isForConnect) {
      yield chunk;
      continue;
    }
    received.add(chunk);
    isForConnect = isLeftToConnect(received.bytes(), call);
    if (isForConnect) yield received.bytes();
  }
  if (isForConnect) return;
  const body = received.bytes();
  const message = await messageIn(body, call);
  if (message === undefined) {
    yield body;
    return;
  }
  if (message.length < leastLargeBytes) {
    yield* enveloped(message, wire);
    return;
  }
  const asked = await decode(message, wire);
  exchange.asked = asked;
  yield* enveloped(standIn(asked, wire), wire);
}

/** Whether Connect can as well read on: because the message is small, or to refuse it. */
function isLeftToConnect(start: Buffer, { wire, readMaxBytes }: BodyCall): boolean {
  if (!wire.hasEnvelope) return start.length > readMaxBytes;
  if (start.length < envelopeBytes) return false;
  const [flags = 0] = start;
  const sizeBytes = start.readUInt32BE(1);
  const isSmall = flags === 0 && sizeBytes < leastLargeBytes;
  return (
    flags > 1 || isSmall || sizeBytes > readMaxBytes || start.length > envelopeBytes + sizeBytes
  );
}

/** Inflated. Undefined if the body is not one message. */
async function messageIn(body: Buffer, call: BodyCall): Promise<Buffer | undefined> {
  const { wire, header, readMaxBytes } = call;
  let message = body;
  let encoding = header.get("content-encoding");
  if (wire.hasEnvelope) {
    if (body.length < envelopeBytes || (body[0] as number) > 1) return undefined;
    message = body.subarray(envelopeBytes);
    if (body.readUInt32BE(1) !== message.length) return undefined;
    encoding = body[0] === 1 ? header.get("grpc-encoding") : null;
    if (body[0] === 1 && compressionOf(call, encoding) === undefined) return undefined;
  }
  if (message.length > readMaxBytes) return undefined;
  const inflated = await compressionOf(call, encoding)?.decompress(message, readMaxBytes);
  if (inflated === undefined) return message;
  return Buffer.from(inflated.buffer, inflated.byteOffset, inflated.length);
}

function compressionOf(
  { compressions }: LargeInferParts,
  encoding: string | null,
): Compression | undefined {
  return compressions.find(({ name }) => name === encoding);
}

async function decode(message: Buffer, { codec }: CallWire): Promise<InferMessage> {
  if (codec === "json") return decodeJsonRequest(message, callScope.getStore()?.account);
  try {
    return decodeInferRequest(message);
  } catch (reason) {
    if (reason instanceof ConnectError) throw reason;
    const text = reason instanceof Error ? reason.message : String(reason);
    // In the words of Connect.
    throw new ConnectError(`parse binary: ${text}`, Code.Internal);
  }
}

/** What logs and metrics look at. */
function standIn({ modelName }: InferMessage, { codec }: CallWire): Uint8Array {
  if (codec === "json") return Buffer.from(JSON.stringify({ modelName }));
  return toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, { modelName }));
}

function* enveloped(message: Uint8Array, { hasEnvelope }: CallWire): Generator<Uint8Array> {
  if (hasEnvelope) yield envelopeHead(message.length);
  yield message;
}

/** The response of Connect with the true message in it, if it has one. */
async function withAnswer(
  response: UniversalServerResponse,
  wire: CallWire,
  exchange: InferExchange,
): Promise<UniversalServerResponse> {
  const { answer } = exchange;
  if (answer === undefined || response.status !== 200 || response.body === undefined) {
    return response;
  }
  if (wire.hasEnvelope) {
    return { ...response, body: exchanged(response.body, () => messageSlices(exchange, wire)) };
  }
  const header = new Headers(response.header);
  header.delete("content-length");
  if (wire.codec === "proto") {
    const chunks = encodeInferResponse(answer);
    const sizeBytes = chunks.reduce((sum, { length }) => sum + length, -envelopeBytes);
    header.set("content-length", String(sizeBytes));
    return { ...response, header, body: chunkSlices(withoutEnvelope(chunks)) };
  }
  const json = new JsonAnswer(answer);
  if (json.sizeBytes !== undefined) header.set("content-length", String(json.sizeBytes));
  return { ...response, header, body: json.slices() };
}

/** `envelopes` with another message in place of the first, unless that is no message but the end. */
async function* exchanged(
  envelopes: AsyncIterable<Uint8Array>,
  message: () => AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let isFirst = true;
  for await (const envelope of envelopes) {
    if (isFirst && envelope[0] === 0) yield* message();
    else yield envelope;
    isFirst = false;
  }
}

/** One message in its envelope. */
async function* messageSlices(
  { answer }: InferExchange,
  { codec }: CallWire,
): AsyncGenerator<Uint8Array> {
  if (answer === undefined) return;
  if (codec === "proto") {
    yield* chunkSlices(encodeInferResponse(answer));
    return;
  }
  const json = new JsonAnswer(answer);
  if (json.sizeBytes !== undefined) {
    yield envelopeHead(json.sizeBytes);
    yield* json.slices();
    return;
  }
  const slices: Buffer[] = [];
  let sizeBytes = 0;
  for await (const slice of json.slices()) {
    slices.push(slice);
    sizeBytes += slice.length;
  }
  yield envelopeHead(sizeBytes);
  yield* slices;
}

async function* chunkSlices(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += writtenBytes) {
      yield chunk.subarray(at, at + writtenBytes);
      await turn();
    }
  }
}

/** The first chunk begins with it. */
function withoutEnvelope([first, ...others]: readonly Uint8Array[]): Uint8Array[] {
  return first === undefined ? [] : [first.subarray(envelopeBytes), ...others];
}

function isByteStream(body: UniversalServerRequest["body"]): body is AsyncIterable<Uint8Array> {
  return typeof body === "object" && body !== null && Symbol.asyncIterator in body;
}
