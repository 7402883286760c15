import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { missingFor, runPython, runScript } from "../clients/python-script.ts";
import { freePorts } from "../support/servers/free-ports.ts";
import { projectRoot, type Served, startServed } from "../support/servers/served.ts";
import { waitFor } from "../support/wait-for.ts";
import { type PeerServer, startPeer } from "./servers/start-peer.ts";

// A Python with KServe's package and the libraries, one with MLServer, its runtimes and the libraries, and whether doing
// without them is an error. bench/peers/set-up.sh makes both.
const { MODELPORT_KSERVE_PYTHON, MODELPORT_MLSERVER_PYTHON, MODELPORT_REQUIRE_TREE_SERVERS } =
  process.env;
const peers = join(projectRoot, "bench/peers");
const kservePython = MODELPORT_KSERVE_PYTHON || join(peers, ".venv-kserve/bin/python");
const mlserverPython = MODELPORT_MLSERVER_PYTHON || join(peers, ".venv/bin/python");
const isRequired = MODELPORT_REQUIRE_TREE_SERVERS === "1";

const libraries = ["lightgbm", "sklearn", "xgboost", "joblib", "pandas"];
const mlserverModules = ["mlserver_lightgbm", "mlserver_sklearn", "mlserver_xgboost", "requests"];
// Importing all of that takes seconds.
const missing = isRequired
  ? undefined
  : ((await missingFor(kservePython, ["kserve", ...libraries])) ??
    (await missingFor(mlserverPython, ["tritonclient.http", ...mlserverModules, ...libraries])));
const skip = missing ?? false;

/** The models as each server takes them. */
interface Written {
  readonly kserve: readonly string[];
  readonly mlserver: readonly string[];
}

const timeoutMs = 400_000;

describe("clients of the servers that people use for these models", { skip }, () => {
  const scriptFolder = join(import.meta.dirname, "servers");
  let folder: string;
  let written: Written;
  let modelport: Served | undefined;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "modelport-tree-servers-"));
    const run = await runPython(mlserverPython, [join(scriptFolder, "write_models.py"), folder], {
      timeoutMs,
    });
    assert.equal(run.status, 0, run.stderr);
    written = JSON.parse(run.stdout.trim().split("\n").at(-1) ?? "") as Written;
    modelport = await startServed(["--model-repository", folder, "--load-timeout", "390000"]);
    // It listens before it has loaded what it serves.
    await waitFor(() => modelport?.output().includes("Try it") === true, timeoutMs);
    assert.doesNotMatch(modelport.output(), /not loaded/);
  });

  after(async () => {
    await modelport?.stop();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  async function startKserve(httpPort: number, grpcPort: number): Promise<PeerServer> {
    const script = join(peers, "kserve_trees.py");
    return await startPeer({
      command: kservePython,
      args: [script, String(httpPort), String(grpcPort), ...written.kserve],
      httpPort,
      models: written.mlserver.map((name) => `kserve-${name}`),
    });
  }

  async function startMlServer(httpPort: number, grpcPort: number): Promise<PeerServer> {
    const [metricsPort] = await freePorts(1);
    const ports = { http_port: httpPort, grpc_port: grpcPort, metrics_port: metricsPort };
    const settings = { ...ports, host: "127.0.0.1", debug: false, parallel_workers: 0 };
    await writeFile(join(folder, "settings.json"), JSON.stringify(settings));
    const program = "from mlserver.cli import main; main()";
    return await startPeer({
      command: mlserverPython,
      args: ["-c", program, "start", folder],
      httpPort,
      models: written.mlserver,
    });
  }

  for (const { server, start, python, scripts } of [
    {
      server: "KServe's servers",
      start: startKserve,
      python: kservePython,
      scripts: { "kserve_clients.py": 12 },
    },
    {
      server: "MLServer",
      start: startMlServer,
      python: mlserverPython,
      // Two clients of gRPC do not go into one process.
      scripts: { "mlserver_clients.py": 9, "triton_clients.py": 2 },
    },
  ]) {
    it(`get the answers of ${server}`, async (t) => {
      const [httpPort = 0, grpcPort = 0] = await freePorts(2);
      const peer = await start(httpPort, grpcPort);
      try {
        for (const [script, minCases] of Object.entries(scripts)) {
          const run = await runScript(python, join(scriptFolder, script), {
            address: `127.0.0.1:${modelport?.port}`,
            others: [`127.0.0.1:${httpPort}`, `127.0.0.1:${grpcPort}`],
            timeoutMs,
          });
          for (const { name, outcome, detail } of run.cases) {
            await t.test(name, () => assert.equal(outcome, "passed", detail));
          }
          assert.equal(run.status, 0, run.stderr);
          assert(run.cases.length >= minCases, `only ${run.cases.length} cases ran\n${run.stderr}`);
        }
      } finally {
        await peer.stop();
      }
    });
  }
});
