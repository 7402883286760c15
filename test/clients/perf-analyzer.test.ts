import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { addOne } from "../support/models/simple-models.ts";
import { type Served, startServed } from "../support/servers/served.ts";
import { waitFor } from "../support/wait-for.ts";

// Where NVIDIA's program is, and whether doing without it is an error. It needs glibc 2.38: docs/triton-clients.md.
const { MODELPORT_PERF_ANALYZER, MODELPORT_REQUIRE_PERF_ANALYZER } = process.env;
const program = MODELPORT_PERF_ANALYZER || "perf_analyzer";
const isRequired = MODELPORT_REQUIRE_PERF_ANALYZER === "1";

interface Ended {
  readonly status: number | string;
  readonly output: string;
}

function run(args: readonly string[], timeoutMs = 120_000): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { timeout: timeoutMs, killSignal: "SIGKILL" as const };
    execFile(program, args, options, (error, stdout, stderr) => {
      const status = error === null ? 0 : (error.code ?? error.signal ?? error.message);
      resolve({ status, output: `${stdout}${stderr}` });
    });
  });
}

const started = await run(["--version"], 20_000);
const missing =
  started.status === 0 && /Perf Analyzer/.test(started.output)
    ? undefined
    : `${program} does not start: ${started.output.trim().split("\n")[0] || started.status}`;

describe("perf_analyzer", () => {
  let root: string;
  let served: Served | undefined;

  before(async () => {
    if (missing !== undefined) return;
    root = await mkdtemp(join(tmpdir(), "modelport-perf-"));
    await mkdir(join(root, "versioned", "1"), { recursive: true });
    await writeFile(join(root, "versioned", "1", "model.onnx"), addOne());
    await writeFile(join(root, "plain.onnx"), addOne());
    served = await startServed(["--model-repository", root]);
    await waitFor(() => served?.output().includes("plain") === true, 60_000);
  });

  after(async () => {
    await served?.stop();
    if (root !== undefined) await rm(root, { recursive: true, force: true });
  });

  const skip = missing === undefined || isRequired ? false : missing;
  for (const wire of ["http", "grpc"]) {
    for (const [model, more] of [
      ["versioned", []],
      ["plain", ["-b", "4"]],
    ] as const) {
      it(`measures ${model} over ${wire}`, { skip }, async () => {
        assert.equal(missing, undefined);
        assert(served !== undefined);
        const report = join(root, `${model}-${wire}.csv`);
        const address = ["-i", wire, "-u", `127.0.0.1:${served.port}`];
        // One measurement of few requests, without waiting for a machine on which the next one is like it.
        const brief = ["--request-count", "50"];
        const args = ["-m", model, ...address, ...brief, ...more, "-f", report];
        const { status, output } = await run(args);
        assert.equal(status, 0, output);
        const [names, values] = (await readFile(report, "utf8")).trim().split(/\r?\n/);
        const row = new Map(
          (names ?? "").split(",").map((name, at) => [name, Number(values?.split(",")[at])]),
        );
        const of = (name: string) => row.get(name) ?? assert.fail(`${name} of ${names}`);
        assert.ok(of("Inferences/Second") > 0);
        // Microseconds for each request, which the program rounds down.
        for (const name of ["Queue", "Compute Input", "Compute Infer", "Compute Output"]) {
          assert.ok(of(`Server ${name}`) >= 0, name);
        }
        assert.ok(of("Server Compute Infer") + of("Server Compute Input") > 0, values);
      });
    }
  }
});
