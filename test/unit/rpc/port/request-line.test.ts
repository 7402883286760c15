import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { describe, it } from "node:test";
import { oneAtATime } from "../../../../src/rpc/port/request-line.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

const atOnce = (_: unknown, handle: () => void) => handle();

/** A connection that sends requests, whose handler answers each at once. */
function connect(name: string, handled: string[]) {
  const socket = { destroyed: false };
  const handle = oneAtATime((request, response) => {
    handled.push(`${name} ${request.url}`);
    response.emit("close");
  }, atOnce);
  return {
    socket,
    send(url: string) {
      const response = new EventEmitter() as unknown as ServerResponse;
      handle({ socket, url } as unknown as IncomingMessage, response);
    },
  };
}

describe("requests that are sent before earlier ones are answered", () => {
  it("are handled in order, and other connections come in between", async () => {
    const handled: string[] = [];
    const busy = connect("busy", handled);
    const slow = oneAtATime((request) => void handled.push(`busy ${request.url}`), atOnce);
    const first = new EventEmitter() as unknown as ServerResponse;
    slow({ socket: busy.socket, url: "1" } as unknown as IncomingMessage, first);
    for (const url of ["2", "3"]) busy.send(url);
    assert.deepEqual(handled, ["busy 1"]);
    first.emit("close");
    connect("other", handled).send("1");
    assert.deepEqual(handled, ["busy 1", "other 1"]);
    await turn();
    await turn();
    assert.deepEqual(handled, ["busy 1", "other 1", "busy 2", "busy 3"]);
  });

  it("are dropped when their connection is gone", async () => {
    const handled: string[] = [];
    const gone = connect("gone", handled);
    const first = new EventEmitter() as unknown as ServerResponse;
    const slow = oneAtATime(() => {}, atOnce);
    slow({ socket: gone.socket, url: "1" } as unknown as IncomingMessage, first);
    gone.send("2");
    gone.socket.destroyed = true;
    first.emit("close");
    await turn();
    assert.deepEqual(handled, []);
  });
});
