import { Code } from "@connectrpc/connect";
import { Histogram } from "../../base/histogram.ts";
import type { CallObserver, CallProtocol, CallStart, ObservedCall } from "./call-observer.ts";

const durationBoundsMs = [
  0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000,
];
const codecBoundsMs = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250];

/** Codes as gRPC spells them; the index is the number. */
export const codeNames: readonly string[] = [
  "OK",
  "CANCELLED",
  ...Object.values(Code)
    .filter((code) => typeof code === "number" && code > Code.Canceled)
    .map((code) => spelled(Code[code as Code])),
];

/** The time that inferences take to read and to write. */
interface Codec {
  readonly decode: Histogram;
  readonly encode: Histogram;
}

/** The calls of one RPC by one protocol. One observer serves all of them, since it keeps nothing of a single
 *  call. */
export class CallSeries implements ObservedCall {
  readonly rpc: string;
  readonly protocol: CallProtocol;
  /** Completed calls, by code. */
  readonly ended = new Float64Array(codeNames.length);
  readonly duration = new Histogram(durationBoundsMs);
  /** Started calls. */
  begun = 0;

  constructor(rpc: string, protocol: CallProtocol) {
    this.rpc = rpc;
    this.protocol = protocol;
  }

  end(code: Code | undefined, durationMs: number): void {
    const at = code ?? 0;
    this.ended[at] = (this.ended[at] as number) + 1;
    this.duration.observe(durationMs);
  }
}

class InferenceSeries extends CallSeries {
  readonly #codec: Codec;

  constructor(rpc: string, protocol: CallProtocol, codec: Codec) {
    super(rpc, protocol);
    this.#codec = codec;
  }

  decoded(durationMs: number): void {
    this.#codec.decode.observe(durationMs);
  }

  encoded(durationMs: number): void {
    this.#codec.encode.observe(durationMs);
  }
}

/** Counts calls. A call costs one or two map lookups and a few additions, and allocates nothing. */
export class CallMetrics implements CallObserver {
  readonly decode = new Histogram(codecBoundsMs);
  readonly encode = new Histogram(codecBoundsMs);
  readonly #byProtocol: Readonly<Record<CallProtocol, Map<string, CallSeries>>> = {
    grpc: new Map(),
    "grpc-web": new Map(),
    connect: new Map(),
    rest: new Map(),
  };

  begin({ rpc, protocol }: CallStart): ObservedCall {
    const byRpc = this.#byProtocol[protocol];
    let series = byRpc.get(rpc);
    if (series === undefined) {
      series = isInference(rpc)
        ? new InferenceSeries(rpc, protocol, this)
        : new CallSeries(rpc, protocol);
      byRpc.set(rpc, series);
    }
    series.begun++;
    return series;
  }

  *series(): IterableIterator<CallSeries> {
    for (const byRpc of Object.values(this.#byProtocol)) yield* byRpc.values();
  }
}

/** The last part of the paths of inferences, over REST. */
const inferencePath = /^POST .*\/(?:infer|embeddings|rerank|embed|predict|similarity|tokenize)$/;

function isInference(rpc: string): boolean {
  return rpc.endsWith("/ModelInfer") || inferencePath.test(rpc);
}

/** "InvalidArgument" -> "INVALID_ARGUMENT". */
function spelled(name: string): string {
  return name.replace(/(?!^)[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}
