import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { delimiter, dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { assertPrints, withoutFigures } from "../support/docs/markdown-examples.ts";
import { stepsIn } from "../support/docs/page-steps.ts";
import { freePort } from "../support/servers/free-ports.ts";
import { projectRoot } from "../support/servers/served.ts";

const run = promisify(execFile);
const mark = "@@ end of step";

describe("docs/operations.md", { timeout: 300_000 }, async () => {
  const page = await readFile(join(projectRoot, "docs/operations.md"), "utf8");
  const steps = stepsIn(page);
  let outputs: string[];
  /** Bytes of the traces that the collector of the page was sent. */
  let tracedBytes = 0;
  let collector: Server;

  before(async () => {
    collector = createServer((request, response) => {
      request.on("data", (piece: Buffer) => {
        if (request.url === "/v1/traces") tracedBytes += piece.byteLength;
      });
      request.on("end", () =>
        response.writeHead(200, { "content-type": "application/x-protobuf" }).end(),
      );
    }).listen(0, "127.0.0.1");
    await once(collector, "listening");
    const { port: collectorPort } = collector.address() as AddressInfo;
    const port = await freePort();
    const script = [
      "set -eo pipefail",
      // Whatever step fails, no server is left, and no folder.
      `trap 'jobs -p | xargs -r kill; wait; [[ $PWD == "${projectRoot.replace(/\/$/, "")}" ]] || rm -rf "$PWD"' EXIT`,
      ...steps.map(({ command }) => `${command}\necho '${mark}'`),
    ].join("\n");
    const here = script
      .replaceAll("localhost:8085", `localhost:${port}`)
      .replaceAll("localhost:4318", `127.0.0.1:${collectorPort}`);
    const path = [dirname(process.execPath), process.env["PATH"]].join(delimiter);
    const env = { ...process.env, PATH: path, ADAPTER_PORT: `${port}` };
    const { stdout } = await run("bash", ["-c", here], { cwd: projectRoot, env });
    outputs = stdout.split(`${mark}\n`);
  });
  after(() => {
    collector?.close();
  });

  it("has the way from a model's file to traces", () => {
    assert.equal(steps.length, 8);
    assert.equal(outputs.length, steps.length + 1);
  });

  for (const [at, { command, printed = "" }] of steps.entries()) {
    it(`is right about: ${command.split("\n")[0]}`, () => {
      assertPrints(withoutFigures(outputs[at] ?? ""), {
        command,
        printed: withoutFigures(printed),
        isJson: false,
      });
    });
  }

  it("sends traces to the collector that it names", () => assert.ok(tracedBytes > 100));
});

async function _freePort(): Promise<number> {
  const server = createServer().listen(0, "localhost");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
