import assert from "node:assert/strict";
import { Socket } from "node:net";
import { describe, it } from "node:test";
import { CountedRequest } from "../../../../src/rpc/port/counted-request.ts";
import { readBody } from "../../../../src/rpc/rest/body.ts";

const reason = new Error("the requests under way hold too much memory");

/** Not by `once` of Node, which listens for errors, too: one that nobody hears would end the process. */
async function closed(request: CountedRequest): Promise<void> {
  await new Promise<void>((resolve) => request.once("close", () => resolve()));
}

describe("a request that is refused", () => {
  it("fails whoever reads it, and leaves the connection open", async () => {
    const socket = new Socket();
    const request = new CountedRequest(socket);
    const read = readBody(request, 1024);
    request.push(Buffer.from("some"));
    request.refuse(reason);
    await assert.rejects(read, /the client went away/);
    assert.equal(socket.destroyed, false);
  });

  it("ends without a word where nobody reads it", async () => {
    const request = new CountedRequest(new Socket());
    request.refuse(reason);
    await closed(request);
    assert.equal(request.push(Buffer.from("more")), true);
  });

  it("fails whoever comes to read it later", async () => {
    const request = new CountedRequest(new Socket());
    request.refuse(reason);
    await closed(request);
    await assert.rejects(readBody(request, 1024), /the client went away/);
  });
});
