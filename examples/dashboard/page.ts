// A dashboard of your own, from a server of your own: what runs in a Modelport, live, over gRPC-Web.

import { ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import {
  ModelStateSchema,
  type ModelStatus,
  RuntimeWatchService,
  type WatchResponse,
} from "../../gen/modelport/v1/runtime_watch_pb.ts";

const baseUrl = new URLSearchParams(location.search).get("server") ?? "http://localhost:8085";
const client = createClient(RuntimeWatchService, createGrpcWebTransport({ baseUrl }));

/** By generation, as they are now. */
const models = new Map<bigint, ModelStatus>();

/** A snapshot replaces what came before, and a delta changes it. */
function apply({ update }: WatchResponse): void {
  if (update.case === "snapshot") models.clear();
  for (const model of update.value?.models ?? []) models.set(model.generation, model);
  if (update.case === "delta") {
    for (const generation of update.value.removedGenerations) models.delete(generation);
  }
}

function show(): void {
  const rows = [...models.values()].map(({ id, state, heldBytes, traffic }) => {
    const row = document.createElement("tr");
    for (const text of [
      id,
      ModelStateSchema.value[state]?.localName ?? "unknown",
      `${heldBytes} bytes`,
      traffic?.requestsPerSecond.toFixed(1) ?? "",
      traffic?.p99Ms === undefined ? "" : `${traffic.p99Ms.toFixed(1)} ms`,
    ]) {
      row.insertCell().textContent = text;
    }
    return row;
  });
  document.getElementById("models")?.replaceChildren(...rows);
}

function say(text: string): void {
  const status = document.getElementById("status");
  if (status !== null) status.textContent = text;
}

for (;;) {
  try {
    for await (const message of client.watch({ minIntervalMs: 500 })) {
      apply(message);
      show();
      say("live");
    }
  } catch (error) {
    // The browser does not tell a script whether the server is away or refuses this page's origin.
    say(
      `${baseUrl} does not answer (${ConnectError.from(error).rawMessage}): ` +
        `it may not run, or not with --cors-origins ${location.origin}`,
    );
  }
  await new Promise((resolve) => setTimeout(resolve, 1000));
}
