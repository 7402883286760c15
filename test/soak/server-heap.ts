import { once } from "node:events";
import type { Served } from "../support/served.ts";

const answerLimitMs = 30_000;

/** Bytes of the server's live objects and buffers: what is left after a full garbage collection, which
 *  this asks for through the debugger. The server must run with `--inspect=127.0.0.1:0`. */
export async function liveBytes(served: Served): Promise<number> {
  const [url] = /ws:\/\/127\.0\.0\.1:\d+\/\S+/.exec(served.complaints()) ?? [];
  if (url === undefined) throw new Error("the server has no debugger");
  const socket = new WebSocket(url);
  try {
    await once(socket, "open");
    await ask(socket, "HeapProfiler.collectGarbage");
    const usage = await ask(socket, "Runtime.getHeapUsage");
    return (usage["usedSize"] ?? 0) + (usage["backingStorageSize"] ?? 0);
  } finally {
    socket.close();
  }
}

async function ask(socket: WebSocket, method: string): Promise<Record<string, number>> {
  const signal = AbortSignal.timeout(answerLimitMs);
  const answered = once(socket, "message", { signal });
  socket.send(JSON.stringify({ id: 1, method }));
  const [event] = (await answered) as [{ data: string }];
  const { result, error } = JSON.parse(event.data) as {
    result?: Record<string, number>;
    error?: { message: string };
  };
  if (result === undefined) throw new Error(`${method}: ${error?.message}`);
  return result;
}
