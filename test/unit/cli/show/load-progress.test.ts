import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import {
  ModelState,
  RuntimeWatchService,
  type WatchResponseSchema,
} from "../../../../gen/modelport/v1/runtime_watch_pb.ts";
import { readServerAddress } from "../../../../src/cli/connect/server-address.ts";
import type { ServerConnection } from "../../../../src/cli/connect/server-connection.ts";
import { LoadProgress } from "../../../../src/cli/show/load-progress.ts";
import { waitFor } from "../../../support/wait-for.ts";

type Message = MessageInitShape<typeof WatchResponseSchema>;

const times = { quietMs: 0, repeatMs: 60_000, tickMs: 1 };

describe("the progress of a load", () => {
  it("is a line for each state, where lines cannot be rewritten", async () => {
    const { server, send } = fakeServer();
    const output = collect({ isTTY: false });
    const progress = new LoadProgress(server, "m", output.stream, times);
    send(row(ModelState.QUEUED, 0n));
    await waitFor(() => output.text().includes("queued"));
    send(row(ModelState.LOADING, 3n * 1024n ** 2n));
    await waitFor(() => output.text().includes("loading ("));
    await progress.stop();
    const lines = output
      .text()
      .split("\n")
      .filter((line) => !line.includes("waiting"));
    assert.match(lines[0] ?? "", /^loading m: queued \(1 of at most 2 loads run\), \d+ s$/);
    assert.match(lines[1] ?? "", /^loading m: loading \(3 MiB predicted\), \d+ s$/);
    assert.deepEqual(lines.slice(2), [""]);
  });

  it("is one line that is rewritten and removed, on a terminal", async () => {
    const { server, send } = fakeServer();
    const output = collect({ isTTY: true, columns: 30 });
    const progress = new LoadProgress(server, "a-model-with-a-long-name", output.stream, times);
    send(row(ModelState.LOADING, 0n, "a-model-with-a-long-name"));
    await waitFor(() => output.text().includes("loading"));
    await progress.stop();
    assert.ok(!output.text().includes("\n"));
    const shown = output
      .text()
      .split("\r")
      .filter(Boolean)
      .map((line) => line.replace("\x1b[K", ""));
    assert.ok(
      shown.every((line) => line.length < 30),
      "no line is wrapped",
    );
    assert.equal(shown.at(-1), "");
  });

  it("says nothing of a load that is over soon, nor where there is nothing to watch", async () => {
    const { server } = fakeServer();
    const output = collect({ isTTY: true });
    const progress = new LoadProgress(server, "m", output.stream, { ...times, quietMs: 60_000 });
    await progress.stop();
    assert.equal(output.text(), "");
    const deaf = {
      ...server,
      client: () => {
        throw new Error("no such service");
      },
    };
    await new LoadProgress(deaf, "m", output.stream, times).stop();
  });
});

function row(state: ModelState, predictedBytes: bigint, id = "m"): Message {
  const runtime = { loadsRunning: 1, loadsLimit: 2 };
  const models = [{ id, generation: 1n, state, predictedBytes }];
  return { update: { case: "snapshot", value: { runtime, models } } };
}

/** A runtime of which nothing is there but its watch service, which says what `send` is given. */
function fakeServer(): { server: ServerConnection; send: (message: Message) => void } {
  const sent: Message[] = [];
  let wake = () => {};
  const transport = createRouterTransport(({ service }) => {
    service(RuntimeWatchService, {
      async *watch(_request, { signal }) {
        while (!signal.aborted) {
          const message = sent.shift();
          if (message !== undefined) yield message;
          else {
            await new Promise<void>((resolve) => {
              wake = resolve;
              signal.addEventListener("abort", () => resolve());
            });
          }
        }
      },
    });
  });
  const server: ServerConnection = {
    address: readServerAddress("localhost:1"),
    timeoutMs: undefined,
    client: (service) => createClient(service, transport),
  };
  const send = (message: Message) => {
    sent.push(message);
    wake();
  };
  return { server, send };
}

function collect(kind: { isTTY: boolean; columns?: number }) {
  let written = "";
  const write = (text: string) => {
    written += text;
    return true;
  };
  return { stream: { ...kind, write }, text: () => written };
}
