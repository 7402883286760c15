import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { delay } from "../../src/base/abort.ts";
import { describeRequest, toConnectError, writeMetadata } from "./conformance-facts.ts";
import {
  BidiStreamRequestSchema,
  ClientStreamRequestSchema,
  type ConformancePayloadSchema,
  type ConformanceService,
  IdempotentUnaryRequestSchema,
  ServerStreamRequestSchema,
  type StreamResponseDefinition,
  UnaryRequestSchema,
  type UnaryResponseDefinition,
} from "./gen/connectrpc/conformance/v1/conformance_pb.ts";

type Payload = MessageInitShape<typeof ConformancePayloadSchema>;

/** Does as each request says, and tells what it saw of it in the first answer, or in the error if there
 *  was no answer. The method Unimplemented has no implementation on purpose. */
export const conformanceService: Omit<ServiceImpl<typeof ConformanceService>, "unimplemented"> = {
  async unary(request, context) {
    const seen = [anyPack(UnaryRequestSchema, request)];
    return { payload: await answerOnce(request.responseDefinition, seen, context) };
  },

  async idempotentUnary(request, context) {
    const seen = [anyPack(IdempotentUnaryRequestSchema, request)];
    return { payload: await answerOnce(request.responseDefinition, seen, context) };
  },

  async clientStream(requests, context) {
    const seen: Any[] = [];
    let definition: UnaryResponseDefinition | undefined;
    for await (const request of requests) {
      if (seen.length === 0) definition = request.responseDefinition;
      seen.push(anyPack(ClientStreamRequestSchema, request));
    }
    return { payload: await answerOnce(definition, seen, context) };
  },

  async *serverStream(request, context) {
    const answers = new Answers(request.responseDefinition, context);
    const seen = [anyPack(ServerStreamRequestSchema, request)];
    while (answers.hasNext) yield { payload: await answers.next(seen.splice(0)) };
    answers.end(seen);
  },

  async *bidiStream(requests, context) {
    const unanswered: Any[] = [];
    let answers: Answers | undefined;
    let isFullDuplex = false;
    for await (const request of requests) {
      if (answers === undefined) {
        answers = new Answers(request.responseDefinition, context);
        isFullDuplex = request.fullDuplex;
      }
      unanswered.push(anyPack(BidiStreamRequestSchema, request));
      if (!isFullDuplex) continue;
      // With nothing left to answer, the error is due now; the client may not end before it.
      if (!answers.hasNext) break;
      yield { payload: await answers.next(unanswered.splice(0)) };
    }
    if (answers === undefined) return;
    while (answers.hasNext) yield { payload: await answers.next(unanswered.splice(0)) };
    answers.end(unanswered);
  },
};

async function answerOnce(
  definition: UnaryResponseDefinition | undefined,
  seen: Any[],
  context: HandlerContext,
): Promise<Payload> {
  const requestInfo = describeRequest(seen, context);
  if (definition === undefined) return { requestInfo };
  writeMetadata(definition, context);
  await delay(definition.responseDelayMs, context.signal);
  const { response } = definition;
  if (response.case === "error") throw toConnectError(response.value, requestInfo);
  return { requestInfo, data: response.value ?? new Uint8Array() };
}

/** The answers that a stream's definition asks for, one after the other. */
class Answers {
  readonly #data: readonly Uint8Array[];
  readonly #delayMs: number;
  readonly #error: StreamResponseDefinition["error"];
  readonly #context: HandlerContext;
  #sent = 0;

  constructor(definition: StreamResponseDefinition | undefined, context: HandlerContext) {
    this.#data = definition?.responseData ?? [];
    this.#delayMs = definition?.responseDelayMs ?? 0;
    this.#error = definition?.error;
    this.#context = context;
    if (definition !== undefined) writeMetadata(definition, context);
  }

  get hasNext(): boolean {
    return this.#sent < this.#data.length;
  }

  /** `seen`: the requests that no answer has told of yet. */
  async next(seen: Any[]): Promise<Payload> {
    await delay(this.#delayMs, this.#context.signal);
    const data = this.#data[this.#sent++] ?? new Uint8Array();
    if (this.#sent === 1) return { data, requestInfo: describeRequest(seen, this.#context) };
    return seen.length === 0 ? { data } : { data, requestInfo: { requests: seen } };
  }

  /** Throws the error that the stream ends with, if it does. */
  end(seen: Any[]): void {
    if (this.#error === undefined) return;
    const requestInfo = this.#sent === 0 ? describeRequest(seen, this.#context) : undefined;
    throw toConnectError(this.#error, requestInfo);
  }
}
