import type { AnswerHead, CallStart, ObservedCall, PayloadTap } from "../observe/call-observer.ts";
import { Envelopes } from "./envelopes.ts";
import { CallFactsOfLog, type CallSettings } from "./logged-call.ts";
import { CopiedPayload, type PayloadCopy } from "./payload-copy.ts";
import type { Sampler } from "./sampler.ts";

/** A request that has no answer yet. */
interface Waiting {
  readonly number: number;
  readonly beganMs: number;
  /** Undefined: it was not picked, or there was no room. */
  readonly request: PayloadCopy | undefined;
  readonly isCompressed: boolean;
}

/** A stream of inferences: the answers come in the order of the requests. Each message is picked by itself, since a
 *  stream may never end. */
export class LoggedStream implements ObservedCall, PayloadTap {
  readonly #settings: CallSettings;
  readonly #facts: CallFactsOfLog;
  readonly #waiting: Waiting[] = [];
  readonly #requests: Envelopes;
  readonly #answers: Envelopes;
  #beganMs = 0;
  #number = 0;
  #head: AnswerHead | undefined;

  constructor(call: CallStart, settings: CallSettings, sampler: Sampler) {
    const { queue, maxBytes, headers, takesAnswers } = settings;
    this.#settings = settings;
    this.#facts = new CallFactsOfLog(call, headers);
    this.#requests = new Envelopes(
      () => {
        this.#beganMs = Date.now();
        if (!sampler.next()) return undefined;
        if (queue.hasRoom) return new CopiedPayload(queue, settings.takesRequests ? maxBytes : 0);
        this.#drop();
        return undefined;
      },
      (request, isCompressed) => this.#asked(request, isCompressed),
    );
    this.#answers = new Envelopes(
      () =>
        takesAnswers && this.#waiting[0]?.request !== undefined
          ? new CopiedPayload(queue, maxBytes)
          : undefined,
      (answer, isCompressed) => this.#answered(answer, isCompressed),
    );
  }

  get payload(): PayloadTap {
    return this;
  }

  model(id: string): void {
    this.#facts.model = id;
  }

  request(bytes: Uint8Array): void {
    this.#requests.push(bytes);
  }

  answer(bytes: Uint8Array): void {
    this.#answers.push(bytes);
  }

  head(head: AnswerHead): void {
    this.#head = head;
  }

  end(): void {
    this.#requests.abandon();
    this.#answers.abandon();
    for (const waiting of this.#waiting.splice(0)) this.#log(waiting, undefined, false);
  }

  #asked(request: PayloadCopy | undefined, isCompressed: boolean): void {
    this.#number++;
    const kept = request?.isDropped ? undefined : request;
    if (request?.isDropped) this.#drop();
    const [number, beganMs] = [this.#number, this.#beganMs];
    this.#waiting.push({ number, beganMs, request: kept, isCompressed });
  }

  #answered(answer: PayloadCopy | undefined, isCompressed: boolean): void {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) this.#log(waiting, answer, isCompressed);
    answer?.letGo();
  }

  #log(waiting: Waiting, answer: PayloadCopy | undefined, isCompressed: boolean): void {
    const { request } = waiting;
    if (request === undefined) return;
    const { queue, takesRequests } = this.#settings;
    const hasAnswer = answer !== undefined && !answer.isDropped;
    if (answer?.isDropped) queue.drop("queue_full", 1);
    const ofRequest = takesRequests
      ? this.#facts.requestHead(request.wholeBytes, waiting.isCompressed)
      : undefined;
    const ofAnswer = hasAnswer
      ? this.#facts.answerHead(this.#head, { sizeBytes: answer.wholeBytes, isCompressed })
      : undefined;
    if (ofRequest !== undefined || ofAnswer !== undefined) {
      const id = `${this.#facts.id}-${waiting.number}`;
      const call = this.#facts.record(
        { request: ofRequest, answer: ofAnswer },
        { id, beganMs: waiting.beganMs },
      );
      queue.add(call, request, hasAnswer ? answer : undefined);
    }
    request.letGo();
  }

  #drop(): void {
    const { queue, takesRequests, takesAnswers } = this.#settings;
    queue.drop("queue_full", Number(takesRequests) + Number(takesAnswers));
  }
}
