import type { DescMethod } from "@bufbuild/protobuf";
import {
  Code,
  type ConnectError,
  type HandlerContext,
  type Interceptor,
  type StreamResponse,
} from "@connectrpc/connect";
import type { Level, Logger } from "pino";
import { ModelRuntime } from "../../../gen/mmesh/model-runtime_pb.ts";
import { abortable } from "../../base/abort.ts";
import { RuntimeError } from "../../base/errors.ts";
import { LogSampler } from "../../observe/log-sampler.ts";
import { toConnectError } from "../failures/error-codes.ts";
import { watchUnreadable } from "../failures/unreadable-message.ts";
import { type Access, type Caller, callerIn, rightFor } from "../guard/access.ts";
import { callFacts } from "../observe/call-facts.ts";
import type { CallFacts } from "../observe/call-observer.ts";
import { observedKey } from "../observe/observed-requests.ts";
import { isReset } from "../port/http2-reset.ts";

/** Throws what to answer, and logs it, if the caller may not make this call. */
export type CallGate = (method: DescMethod, caller: Caller) => void;

export function callGate(access: Access, log: Logger): CallGate {
  return (method, caller) => {
    const right = rightFor(method);
    if (access.may(right, caller)) return;
    const service = method.parent;
    const rpc = rpcOf({ service, method });
    try {
      access.check(
        right,
        caller,
        service.typeName === ModelRuntime.typeName ? service.typeName : rpc,
      );
    } catch (reason) {
      const error = toConnectError(reason);
      logFailure(log, rpc, error, { peer: caller.peer });
      throw error;
    }
  };
}

/** Looks at calls before Connect reads their body: asks `gate`, and sees to it that a message which cannot
 *  be read is the caller's fault. */
export function requestGate(gate: CallGate, log: Logger): (context: HandlerContext) => void {
  return (context) => {
    context.values.get(observedKey)?.follow(context);
    watchUnreadable(context, (error) => {
      const observed = context.values.get(observedKey)?.call;
      const ids = callFacts({ observed, header: context.requestHeader });
      logFailure(log, rpcOf(context), error, { ...ids });
    });
    gate(context.method, callerIn(context));
  };
}

/** Turns whatever a handler throws into the error of its kind, answers calls whose time is over even
 *  where the work behind them cannot be stopped, and writes one line for each failed call. */
export function failureInterceptor(log: Logger): Interceptor {
  return (next) => async (request) => {
    const startMs = performance.now();
    const message = request.stream ? undefined : request.message;
    const modelId = modelIdIn(message);
    const observed = request.contextValues.get(observedKey)?.call;
    if (modelId !== undefined) observed?.model?.(modelId);
    const fail = (reason: unknown) => {
      const ids = callFacts({ observed, header: request.header });
      return failCall(log, request, { message, startMs, ids }, reason);
    };
    try {
      const running =
        observed?.run === undefined ? next(request) : observed.run(() => next(request));
      const response = await abortable(running, request.signal);
      if (!response.stream) return response;
      return { ...response, message: mapFailure(response.message, fail) };
    } catch (reason) {
      throw fail(reason);
    }
  };
}

/** What to answer to a call of which its handler, or the wait for it, came to `reason`. Logs it. */
export function failCall(
  log: Logger,
  call: Rpc,
  {
    message,
    startMs,
    ids,
  }: {
    readonly message: object | undefined;
    readonly startMs: number;
    readonly ids: CallFacts | undefined;
  },
  reason: unknown,
): ConnectError {
  const error = toConnectError(reason);
  const durationMs = Math.round(performance.now() - startMs);
  logFailure(log, rpcOf(call), error, { modelId: modelIdIn(message), durationMs, ...ids });
  return error;
}

// The messages of a stream fail later than the call that made the stream.
async function* mapFailure(
  messages: StreamResponse["message"],
  fail: (reason: unknown) => ConnectError,
): StreamResponse["message"] {
  try {
    yield* messages;
  } catch (reason) {
    throw fail(reason);
  }
}

const levels: Partial<Record<Code, Level>> = {
  // The caller has gone; it is no news to anybody.
  [Code.Canceled]: "debug",
  [Code.Internal]: "error",
  [Code.Unknown]: "error",
  [Code.DataLoss]: "error",
  [Code.Unavailable]: "warn",
  [Code.ResourceExhausted]: "warn",
  [Code.Aborted]: "warn",
  [Code.PermissionDenied]: "warn",
  [Code.Unauthenticated]: "warn",
};

/** One for each server. */
const samplers = new WeakMap<Logger, LogSampler>();

function samplerOf(log: Logger): LogSampler {
  const known = samplers.get(log);
  if (known !== undefined) return known;
  const sampler = new LogSampler();
  samplers.set(log, sampler);
  return sampler;
}

/** Of which lines only some are written, since anybody may cause as many as they like. A kind must not hold
 *  what callers choose. */
function sampledKind(code: Code, rpc: string): string | undefined {
  if (code === Code.ResourceExhausted) return rpc;
  const isAccess = code === Code.Unauthenticated || code === Code.PermissionDenied;
  return isAccess ? Code[code] : undefined;
}

/** One line, of the level that fits the code; of refusals, some. `rpc` names what was called. */
export function logFailure(log: Logger, rpc: string, error: ConnectError, facts: object): void {
  // A client that resets its call may give any reason, but it is nothing that went wrong here.
  const level = isReset(error) ? "debug" : (levels[error.code] ?? "info");
  const kind = sampledKind(error.code, rpc);
  if (kind !== undefined) {
    const droppedCount = samplerOf(log).pass(kind);
    if (droppedCount === undefined) return;
    if (droppedCount > 0) log.warn({ rpc, droppedCount }, "log lines were dropped");
  }
  // A failure that nobody foresaw is a bug: its stack is worth the space.
  const err = error.cause instanceof RuntimeError ? undefined : error.cause;
  log[level](
    { rpc, code: Code[error.code], reason: error.rawMessage, ...facts, err },
    "call failed",
  );
}

interface Rpc {
  readonly service: { readonly typeName: string };
  readonly method: { readonly name: string };
}

/** As logs and refusals name a call. */
export function rpcOf(call: Rpc): string {
  return `${call.service.typeName}/${call.method.name}`;
}

/** The model that a message of a unary call names. */
export function modelIdIn(message: object | undefined): string | undefined {
  if (message === undefined) return undefined;
  if ("modelId" in message) return String(message.modelId);
  if ("modelName" in message) return String(message.modelName);
  return undefined;
}
