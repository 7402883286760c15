import { once } from "node:events";
import type { Served } from "../support/servers/served.ts";

const answerLimitMs = 30_000;

/** Bytes of the server's live objects and buffers: what is left after a full garbage collection, which
 *  this asks for through the debugger. The server must run with `--inspect=127.0.0.1:0`. */
export async function liveBytes(served: Served): Promise<number> {
  return await withDebugger(served, async (socket) => {
    await ask(socket, "HeapProfiler.collectGarbage");
    const usage = await ask(socket, "Runtime.getHeapUsage");
    return Number(usage["usedSize"] ?? 0) + Number(usage["backingStorageSize"] ?? 0);
  });
}

/** What `expression` comes to in the server, by the debugger; a value of JSON. The server must run as for `liveBytes`. */
export async function evaluateIn(served: Served, expression: string): Promise<unknown> {
  return await withDebugger(served, async (socket) => {
    const answer = await ask(socket, "Runtime.evaluate", { expression, returnByValue: true });
    const { result, exceptionDetails } = answer as {
      readonly result: { readonly value?: unknown };
      readonly exceptionDetails?: unknown;
    };
    if (exceptionDetails !== undefined) throw new Error(`the server cannot evaluate ${expression}`);
    return result.value;
  });
}

async function withDebugger<Value>(
  served: Served,
  work: (socket: WebSocket) => Promise<Value>,
): Promise<Value> {
  const [url] = /ws:\/\/127\.0\.0\.1:\d+\/\S+/.exec(served.complaints()) ?? [];
  if (url === undefined) throw new Error("the server has no debugger");
  const socket = new WebSocket(url);
  try {
    await once(socket, "open");
    return await work(socket);
  } finally {
    socket.close();
  }
}

async function ask(
  socket: WebSocket,
  method: string,
  params: Readonly<Record<string, unknown>> = {},
): Promise<Record<string, unknown>> {
  const signal = AbortSignal.timeout(answerLimitMs);
  const answered = once(socket, "message", { signal });
  socket.send(JSON.stringify({ id: 1, method, params }));
  const [event] = (await answered) as [{ data: string }];
  const { result, error } = JSON.parse(event.data) as {
    result?: Record<string, unknown>;
    error?: { message: string };
  };
  if (result === undefined) throw new Error(`${method}: ${error?.message}`);
  return result;
}
