import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { ask, inferPath } from "../echo-servers.ts";
import { ModelClient } from "../load/model-client.ts";
import { inferFrame } from "../messages.ts";
import { mlp } from "../models.ts";
import type { Workbench } from "../workbench.ts";

// What the payload log costs calls: without it, with a sink that is dead, and with one that takes everything. The
// promise is 2 % of calls a second at most, with the dead one.

const streams = 64;
const rounds = { full: 8, quick: 1 };

export async function measurePayloadLog(bench: Workbench): Promise<void> {
  const { name, shape } = mlp;
  await bench.put(`${name}.onnx`, mlp.make());
  const request = inferFrame({ model: name, shape, form: "raw" });
  const bodyFile = await bench.put(`${name}.request`, request);
  const sink = http.createServer((asked, answer) => {
    asked.resume().on("end", () => answer.end());
  });
  sink.listen(0, "127.0.0.1");
  await once(sink, "listening");
  const { port: sinkPort } = sink.address() as AddressInfo;
  // A port that somebody just had, and nobody listens at.
  const closed = http.createServer().listen(0, "127.0.0.1");
  await once(closed, "listening");
  const { port: deadPort } = closed.address() as AddressInfo;
  closed.close();
  const url = (port: number) => ["--payload-log-url", `http://127.0.0.1:${port}/`];
  const servers = {
    off: await bench.startModelport([]),
    "dead sink": await bench.startModelport(url(deadPort)),
    "every call": await bench.startModelport([
      ...url(sinkPort),
      "--payload-log-batch-events",
      "500",
    ]),
    "one call in 100": await bench.startModelport([
      ...url(sinkPort),
      ...["--payload-log-sample", "0.01"],
    ]),
  };
  for (const { port } of Object.values(servers)) {
    const client = await ModelClient.open(port);
    await client.ready();
    await client.load(name, `${name}.onnx`);
    client.close();
    const answerBytes = (await ask(port, request)).byteLength;
    // Long enough for the queue of the dead sink to be full, which is its state from then on.
    await bench.warmUp({ port, path: inferPath, bodyFiles: [bodyFile], streams, answerBytes });
  }
  for (let round = 0; round < bench.choose(rounds); round++) {
    const perSecond: Record<string, number> = {};
    // Each is the first one in turn: what comes later in a round finds a warmer machine.
    const names = Object.keys(servers);
    const turned = names.map((_, at) => names[(at + round) % names.length] as keyof typeof servers);
    for (const server of turned) {
      bench.log(`payload log, ${server}`);
      const { port } = servers[server];
      const answerBytes = (await ask(port, request)).byteLength;
      const result = await bench.load({
        port,
        path: inferPath,
        bodyFiles: [bodyFile],
        streams,
        answerBytes,
      });
      perSecond[server] = result.perSecond;
      bench.measurements.add(`payload-log/${server}`, "/s", result.perSecond);
    }
    for (const server of names.slice(1)) {
      const ratio = (perSecond[server] ?? 0) / (perSecond["off"] ?? 1);
      bench.measurements.add(`payload-log/${server} by off`, "x", ratio);
    }
  }
  await Promise.all(Object.values(servers).map((server) => server.stop()));
  sink.closeAllConnections();
  sink.close();
}
