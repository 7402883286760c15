import { randomUUID } from "node:crypto";
import type { Code } from "@connectrpc/connect";
import { requestIdIn } from "../observe/call-facts.ts";
import type { AnswerHead, CallStart, ObservedCall, PayloadTap } from "../observe/call-observer.ts";
import type { HeaderReader } from "../observe/header-reader.ts";
import type { CallRecord, PayloadHead, Pieces } from "./call-record.ts";
import { Envelopes } from "./envelopes.ts";
import type { EventQueue } from "./event-queue.ts";
import { CopiedPayload, type PayloadCopy, SharedPayload } from "./payload-copy.ts";

/** What calls need of their log. */
export interface CallSettings {
  readonly queue: EventQueue;
  readonly takesRequests: boolean;
  readonly takesAnswers: boolean;
  /** Of one payload. */
  readonly maxBytes: number;
  /** Of requests, to carry. */
  readonly headers: readonly string[];
}

/** What all events of a call have. */
export class CallFactsOfLog {
  readonly id: string;
  readonly beganMs: number = Date.now();
  model = "";
  readonly #call: Pick<CallRecord, "rpc" | "protocol" | "headers">;
  readonly #type: string;
  readonly #encoding: string;
  readonly #messageEncoding: string;
  readonly #jsonLength: string | undefined;

  constructor({ rpc, protocol, header }: CallStart, headers: readonly string[]) {
    this.id = idIn(header);
    this.#call = { rpc, protocol, headers: carried(header, headers) };
    this.#type = header.get("content-type") ?? "";
    this.#encoding = header.get("content-encoding") ?? "";
    this.#messageEncoding =
      header.get("grpc-encoding") ?? header.get("connect-content-encoding") ?? "";
    this.#jsonLength = header.get("inference-header-content-length") ?? undefined;
  }

  /** `isCompressed`: of a message in an envelope. */
  requestHead(sizeBytes: number, isCompressed?: boolean): PayloadHead {
    const encoding =
      isCompressed === undefined ? this.#encoding : isCompressed ? this.#messageEncoding : "";
    return { type: this.#type, encoding, jsonLength: this.#jsonLength, sizeBytes };
  }

  /** `answer`: undefined where the answer has no headers of its own, as on the fast path. */
  answerHead(
    answer: AnswerHead | undefined,
    { sizeBytes, isCompressed }: { readonly sizeBytes: number; readonly isCompressed?: boolean },
  ): PayloadHead {
    const read = (name: string) => answer?.header(name) ?? "";
    const ofMessage = read("grpc-encoding") || read("connect-content-encoding");
    const encoding =
      isCompressed === undefined ? read("content-encoding") : isCompressed ? ofMessage : "";
    return {
      type: answer === undefined ? this.#type : read("content-type"),
      encoding,
      jsonLength: read("inference-header-content-length") || undefined,
      sizeBytes,
    };
  }

  record(
    payloads: Pick<CallRecord, "request" | "answer">,
    ofMessage: { readonly id?: string; readonly beganMs?: number } = {},
  ): CallRecord {
    const { id, beganMs, model } = this;
    return { id, beganMs, endedMs: Date.now(), model, ...this.#call, ...payloads, ...ofMessage };
  }
}

/** A call with one payload in each direction. */
export class LoggedCall implements ObservedCall, PayloadTap {
  readonly #settings: CallSettings;
  readonly #facts: CallFactsOfLog;
  readonly #request: PayloadCopy;
  readonly #answer: PayloadCopy;
  readonly #requestEnvelopes: Envelopes | undefined;
  readonly #answerEnvelopes: Envelopes | undefined;
  #isRequestCompressed: boolean | undefined;
  #isAnswerCompressed: boolean | undefined;
  #head: AnswerHead | undefined;

  /** `hasEnvelopes`: messages come in them. */
  constructor(call: CallStart, settings: CallSettings, hasEnvelopes: boolean) {
    const { queue, maxBytes, headers } = settings;
    this.#settings = settings;
    this.#facts = new CallFactsOfLog(call, headers);
    this.#request = call.isBare ? new SharedPayload(maxBytes) : new CopiedPayload(queue, maxBytes);
    this.#answer = new SharedPayload(maxBytes);
    if (!hasEnvelopes) return;
    const { takesRequests, takesAnswers } = settings;
    this.#requestEnvelopes = new Envelopes(
      () => (takesRequests ? this.#request : undefined),
      (_, isCompressed) => {
        this.#isRequestCompressed = isCompressed;
      },
    );
    this.#answerEnvelopes = new Envelopes(
      () => (takesAnswers ? this.#answer : undefined),
      (_, isCompressed) => {
        this.#isAnswerCompressed = isCompressed;
      },
    );
  }

  get payload(): PayloadTap {
    return this;
  }

  model(id: string): void {
    this.#facts.model = id;
  }

  request(bytes: Uint8Array): void {
    if (!this.#settings.takesRequests) return;
    if (this.#requestEnvelopes === undefined) this.#request.add(bytes);
    else this.#requestEnvelopes.push(bytes);
  }

  answer(bytes: Uint8Array): void {
    if (!this.#settings.takesAnswers) return;
    if (this.#answerEnvelopes === undefined) this.#answer.add(bytes);
    else this.#answerEnvelopes.push(bytes);
  }

  head(head: AnswerHead): void {
    this.#head = head;
  }

  end(code: Code | undefined): void {
    const { queue, takesRequests } = this.#settings;
    const [request, answer] = [this.#request, this.#answer];
    // As KServe does: an answer counts if it is 200, whatever it says.
    const isOk = code === undefined && (this.#head === undefined || this.#head.status === 200);
    const hasAnswer = isOk && answer.wholeBytes > 0;
    // Nothing of a call was read that was refused.
    const hasRequest = takesRequests && (request.wholeBytes > 0 || (isOk && answer.wholeBytes > 0));
    if (request.isDropped) queue.drop("queue_full", Number(hasRequest) + Number(hasAnswer));
    else if (hasRequest || hasAnswer) {
      const ofRequest = hasRequest
        ? this.#facts.requestHead(request.wholeBytes, this.#isRequestCompressed)
        : undefined;
      const ofAnswer = hasAnswer
        ? this.#facts.answerHead(this.#head, {
            sizeBytes: answer.wholeBytes,
            ...(this.#isAnswerCompressed === undefined
              ? {}
              : { isCompressed: this.#isAnswerCompressed }),
          })
        : undefined;
      const call = this.#facts.record({ request: ofRequest, answer: ofAnswer });
      queue.add(call, request, hasAnswer ? answer : nothing);
    }
    request.letGo();
    answer.letGo();
  }
}

const nothing: Pieces = { pieces: [], sizeBytes: 0 };

/** KServe's own header first, so that a client can tell its events. */
function idIn(header: HeaderReader): string {
  const id = header.get("ce-id");
  if (id !== null && id !== "" && id.length <= 256) return id;
  return requestIdIn(header) ?? randomUUID();
}

function carried(header: HeaderReader, names: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of names) {
    const value = header.get(name);
    if (value !== null) found[name] = value;
  }
  return found;
}
