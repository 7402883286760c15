import { createContextKey } from "@connectrpc/connect";
import type { InferAnswer, InferMessage } from "../codec/infer-message.ts";
import { isLong } from "../codec/tensor-slices.ts";
import { callScope } from "../guard/call-memory.ts";

/** What a large call of ModelInfer is about, while Connect handles a small message in its place. */
export class InferExchange {
  /** What was sent, if that is not the message that Connect has. */
  asked: InferMessage | undefined;
  #answer: InferAnswer | undefined;

  /** What is to be sent, if that is not the message that Connect gets. */
  get answer(): InferAnswer | undefined {
    return this.#answer;
  }

  /** Whether `answer` is so large that it goes past Connect. Rejects with "resource_exhausted" if there is no room for it
   *  to wait for the client that reads it. */
  async takes(answer: InferAnswer): Promise<boolean> {
    if (!answer.outputs.some(isLong)) return false;
    const sizeBytes = answer.outputs.reduce((sum, { data }) => sum + data.length, 0);
    await callScope.getStore()?.account?.makeInTurn(sizeBytes);
    this.#answer = answer;
    return true;
  }
}

/** Undefined where all messages pass Connect, as in streams. */
export const exchangeKey = createContextKey<InferExchange | undefined>(undefined, {
  description: "large inference",
});
