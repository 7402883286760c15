import assert from "node:assert/strict";
import { fromBinary, fromJson, type JsonValue } from "@bufbuild/protobuf";
import {
  type ModelStreamInferResponse,
  ModelStreamInferResponseSchema,
} from "../../gen/inference/inference_pb.ts";
import {
  assertCallersFault,
  checkGrpcStatus,
  readWebTrailers,
  splitEnvelopes,
} from "../support/attacks/fuzz-answers.ts";
import {
  type CancelMoment,
  callFramed,
  cancelFramed,
  type FramedAnswer,
} from "../support/attacks/fuzz-http2.ts";
import {
  damagedMessage,
  validMessage,
  validRequests,
  wrongMessage,
} from "../support/attacks/fuzz-requests.ts";
import type { FuzzCase } from "../support/attacks/fuzz-run.ts";
import { type FuzzTarget, fuzzSuite } from "../support/attacks/fuzz-suite.ts";
import { mutateBytes, mutateJson, type Random } from "../support/attacks/mutate.ts";
import { grpcFrame } from "../support/clients/raw-http.ts";

const path = "/inference.GRPCInferenceService/ModelStreamInfer";

/** How one protocol frames a stream, and says how it ended. */
interface Protocol {
  readonly contentType: string;
  /** The answers, and whether the stream ended well. Fails unless any other end is the caller's fault. */
  read(answer: FramedAnswer): { ok: boolean; answers: ModelStreamInferResponse[] };
}

const grpc: Protocol = {
  contentType: "application/grpc",
  read({ headers, trailers, body }) {
    const { "grpc-status": status, "grpc-message": message } = { ...headers, ...trailers };
    return { ok: checkGrpcStatus(status, message), answers: readMessages(body) };
  },
};

const grpcWeb: Protocol = {
  contentType: "application/grpc-web+proto",
  read({ headers, body }) {
    const { messages, last } = splitAtEnd(body, 0x80);
    const ended = last === undefined ? {} : readWebTrailers(last);
    const { "grpc-status": status, "grpc-message": message } = { ...headers, ...ended };
    return { ok: checkGrpcStatus(status, message), answers: readMessages(messages) };
  },
};

const connect: Protocol = {
  contentType: "application/connect+proto",
  read({ body }) {
    const { messages, last } = splitAtEnd(body, 0x02);
    return { ok: checkConnectEnd(last?.bytes), answers: readMessages(messages) };
  },
};

const connectJson: Protocol = {
  contentType: "application/connect+json",
  read({ body }) {
    const { messages, last } = splitAtEnd(body, 0x02);
    const answers = splitEnvelopes(messages).map(({ bytes }) =>
      fromJson(ModelStreamInferResponseSchema, JSON.parse(bytes.toString()) as JsonValue),
    );
    return { ok: checkConnectEnd(last?.bytes), answers };
  },
};

fuzzSuite({
  what: "streams of requests mutated at random",
  cases: 2_400,
  kinds: {
    "gRPC, bytes of messages": kind(grpc, (random) => framesOf(random, damagedOrValid)),
    "gRPC, bytes of frames": kind(grpc, damagedFrames),
    "gRPC, fields": kind(grpc, (random) => framesOf(random, wrongMessage), checkAllAnswered),
    "gRPC, half-closed early": kind(grpc, halfClosedEarly),
    "gRPC, cancelled midway": cancelled(grpc),
    "gRPC-Web, bytes of frames": kind(grpcWeb, damagedFrames),
    "gRPC-Web, fields": kind(grpcWeb, (random) => framesOf(random, wrongMessage), checkAllAnswered),
    "Connect binary, bytes of frames": kind(connect, damagedFrames),
    "Connect binary, half-closed early": kind(connect, halfClosedEarly),
    "Connect binary, cancelled midway": cancelled(connect),
    "Connect JSON, bytes of messages": kind(connectJson, (random) =>
      framesOf(random, () => {
        const json = Buffer.from(JSON.stringify(random.pick(validRequests)));
        return random.below(2) === 0 ? json : mutateBytes(json, random);
      }),
    ),
    "Connect JSON, fields": kind(connectJson, (random) =>
      framesOf(random, () => {
        const request = random.pick(validRequests);
        const sent = random.below(2) === 0 ? request : mutateJson(request, random);
        return Buffer.from(JSON.stringify(sent));
      }),
    ),
  },
});

interface StreamEnd {
  readonly chunks: readonly Uint8Array[];
  readonly ok: boolean;
  readonly answers: readonly ModelStreamInferResponse[];
}

/** One stream per case. It counts as accepted if it ended well and none of its requests failed. */
function kind(
  { contentType, read }: Protocol,
  make: (random: Random) => readonly Uint8Array[],
  check: (end: StreamEnd) => void = () => {},
) {
  return ({ session }: FuzzTarget): FuzzCase =>
    async (random) => {
      const chunks = make(random);
      const answer = await callFramed(session, { path, contentType, chunks });
      assert.equal(answer.headers[":status"], 200);
      const { ok, answers } = read(answer);
      check({ chunks, ok, answers });
      return answers.map(checkAnswer).every(Boolean) && ok;
    };
}

/** Accepted means that some answer had come before the end. */
function cancelled({ contentType }: Protocol) {
  return ({ session }: FuzzTarget): FuzzCase =>
    async (random) => {
      const chunks = framesOf(random, damagedOrValid);
      const moment = random.pick<CancelMoment>(["written", "response", "data"]);
      const body = await cancelFramed(session, { path, contentType, chunks }, moment);
      return body.length > 0;
    };
}

/** For a stream of sound messages, one in each chunk. */
function checkAllAnswered({ chunks, ok, answers }: StreamEnd): void {
  assert.ok(ok, "a request that fails does not end the stream");
  assert.equal(answers.length, chunks.length);
}

function framesOf(random: Random, make: (random: Random) => Uint8Array): Buffer[] {
  return Array.from({ length: 1 + random.below(5) }, () => grpcFrame(make(random)));
}

function damagedOrValid(random: Random): Uint8Array {
  return random.below(3) === 0 ? damagedMessage(random) : validMessage(random);
}

/** Some are sound: then it is the chunks alone that are odd. */
function damagedFrames(random: Random): Buffer[] {
  const whole = Buffer.concat(framesOf(random, validMessage));
  return chunksOf(random.below(4) === 0 ? whole : mutateBytes(whole, random), random);
}

/** Up to the end of a message, or to the middle of one. */
function halfClosedEarly(random: Random): Buffer[] {
  const whole = Buffer.concat(framesOf(random, validMessage));
  const ends = [0, ...splitEnvelopes(whole).map(({ bytes }) => bytes.length + 5)];
  const end =
    random.below(3) === 0
      ? sum(ends.slice(0, 1 + random.below(ends.length)))
      : random.below(whole.length);
  return chunksOf(whole.subarray(0, end), random);
}

/** The same bytes in one to four parts. */
function chunksOf(bytes: Buffer, random: Random): Buffer[] {
  const cuts = Array.from({ length: random.below(4) }, () => random.below(bytes.length + 1));
  const bounds = [0, ...cuts.sort((one, other) => one - other), bytes.length];
  return bounds.slice(1).map((end, at) => bytes.subarray(bounds[at], end));
}

/** An answer is a result or says what failed: never neither, nor what only the log may know. */
function checkAnswer({ errorMessage, inferResponse }: ModelStreamInferResponse): boolean {
  assert.ok(inferResponse !== undefined);
  if (errorMessage === "") {
    assert.ok(inferResponse.outputs.length > 0);
    return true;
  }
  assert.notEqual(errorMessage, "internal error");
  assert.equal(inferResponse.outputs.length, 0);
  return false;
}

/** The messages of a body, and the envelope that ends it, if there is one: the last, by its flag. */
function splitAtEnd(body: Buffer, endFlag: number) {
  const last = splitEnvelopes(body).at(-1);
  if (last === undefined || last.flags !== endFlag) return { messages: body, last: undefined };
  return { messages: body.subarray(0, body.length - last.bytes.length - 5), last };
}

function readMessages(body: Buffer): ModelStreamInferResponse[] {
  return splitEnvelopes(body).map(({ flags, bytes }) => {
    assert.equal(flags, 0);
    return fromBinary(ModelStreamInferResponseSchema, bytes);
  });
}

function checkConnectEnd(bytes: Buffer | undefined): boolean {
  assert.ok(bytes !== undefined, "the stream says how it ended");
  const { error } = JSON.parse(bytes.toString()) as { error?: { code?: string; message?: string } };
  if (error === undefined) return true;
  assertCallersFault(error.code, error.message);
  return false;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
