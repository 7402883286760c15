import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Served, startServed } from "../support/servers/served.ts";
import { waitFor } from "../support/wait-for.ts";
import { writeClientModels } from "./client-models.ts";
import { missingFor, runScript } from "./python-script.ts";

// Where Python is, and whether doing without it is an error.
const { MODELPORT_PYTHON, MODELPORT_REQUIRE_PYTHON } = process.env;
const python = MODELPORT_PYTHON || "python3";
const isRequired = MODELPORT_REQUIRE_PYTHON === "1";

/** Each script, what it imports, and the fewest cases that it can have: a script that ends early fails. */
const scripts = [
  { script: "triton_http.py", modules: ["numpy", "tritonclient.http.aio"], minCases: 20 },
  { script: "triton_grpc.py", modules: ["numpy", "tritonclient.grpc.aio"], minCases: 20 },
  { script: "kserve_sdk.py", modules: ["numpy", "kserve"], minCases: 16 },
  { script: "openapi_client.py", modules: ["openapi_python_client"], minCases: 6 },
  { script: "openai_sdk.py", modules: ["numpy", "openai"], minCases: 12 },
  { script: "cohere_sdk.py", modules: ["numpy", "cohere"], minCases: 11 },
  { script: "grpcio_stubs.py", modules: ["numpy", "grpc_tools.protoc"], minCases: 8 },
  {
    script: "caikit_client.py",
    modules: ["numpy", "caikit.interfaces.nlp.data_model", "grpc_reflection.v1alpha"],
    minCases: 9,
  },
];

// Importing all of that takes seconds. Where it must be there, the scripts find out.
const missing = isRequired
  ? []
  : await Promise.all(scripts.map(({ modules }) => missingFor(python, modules)));

describe("a server with the example models and one for each datatype", () => {
  let root: string;
  let served: Served | undefined;

  before(async () => {
    if (!isRequired && missing.every((reason) => reason !== undefined)) return;
    root = await mkdtemp(join(tmpdir(), "modelport-clients-"));
    await writeClientModels(root);
    served = await startServed(["--model-repository", root]);
    // It listens before it has loaded what it serves.
    await waitFor(() => served?.output().includes("identity-bytes") === true, 300_000);
  });

  after(async () => {
    await served?.stop();
    if (root !== undefined) await rm(root, { recursive: true, force: true });
  });

  for (const [number, { script, minCases }] of scripts.entries()) {
    it(`answers ${script} as it expects`, { skip: missing[number] ?? false }, async (t) => {
      assert(served !== undefined);
      const address = `127.0.0.1:${served.port}`;
      const run = await runScript(python, script, { address, timeoutMs: 400_000 });
      for (const { name, outcome, detail } of run.cases) {
        await t.test(name, { skip: outcome === "skipped" ? detail : false }, () => {
          assert.equal(outcome, "passed", detail);
        });
      }
      assert.equal(run.status, 0, run.stderr);
      assert(run.cases.length >= minCases, `only ${run.cases.length} cases ran\n${run.stderr}`);
    });
  }
});
