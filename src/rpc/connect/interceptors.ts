import type { DescMethod } from "@bufbuild/protobuf";
import type {
  ConnectError,
  HandlerContext,
  Interceptor,
  StreamResponse,
} from "@connectrpc/connect";
import type { Logger } from "pino";
import { ModelRuntime } from "../../../gen/mmesh/model-runtime_pb.ts";
import { abortable } from "../../base/abort.ts";
import { toConnectError } from "../failures/error-codes.ts";
import { failCall, logFailure, modelIdIn, rpcOf } from "../failures/log-failure.ts";
import { type Access, type Client, clientIn, rightFor } from "../guard/access.ts";
import { callFacts } from "../observe/call-facts.ts";
import { observedKey } from "../observe/observed-requests.ts";
import { repairUnreadable } from "./repair-unreadable.ts";

/** Throws the error to send, and logs it, if the client may not make this call. */
export type CallGate = (method: DescMethod, client: Client) => void;

export function callGate(access: Access, log: Logger): CallGate {
  return (method, client) => {
    const right = rightFor(method);
    if (access.may(right, client)) return;
    const service = method.parent;
    const rpc = rpcOf({ service, method });
    try {
      access.check(
        right,
        client,
        service.typeName === ModelRuntime.typeName ? service.typeName : rpc,
      );
    } catch (reason) {
      const error = toConnectError(reason);
      logFailure(log, rpc, error, { peer: client.peer });
      throw error;
    }
  };
}

/** Inspects calls before Connect reads their body: runs `gate`, and makes an unreadable message the client's
 *  fault. */
export function requestGate(gate: CallGate, log: Logger): (context: HandlerContext) => void {
  return (context) => {
    context.values.get(observedKey)?.follow(context);
    repairUnreadable(context, (error) => {
      const observed = context.values.get(observedKey)?.call;
      const ids = callFacts({ observed, header: context.requestHeader });
      logFailure(log, rpcOf(context), error, { ...ids });
    });
    gate(context.method, clientIn(context));
  };
}

/** Turns whatever a handler throws into the error of its kind, responds to calls whose time is up even if the
 *  work behind them cannot be stopped, and logs one line per failed call. */
export function failureInterceptor(log: Logger): Interceptor {
  return (next) => async (request) => {
    const startMs = performance.now();
    const message = request.stream ? undefined : request.message;
    const modelId = modelIdIn(message);
    const observed = request.contextValues.get(observedKey)?.call;
    if (modelId !== undefined) observed?.model?.(modelId);
    const fail = (reason: unknown) => {
      const ids = callFacts({ observed, header: request.header });
      return failCall(log, request, { message, header: request.header, startMs, ids }, reason);
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

// A stream's messages fail later than the call that created the stream.
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
