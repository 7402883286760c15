import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { projectRoot } from "../support/servers/served.ts";
import type { ZooOptions } from "./zoo-options.ts";

const requirements = join(projectRoot, "test/zoo/requirements.txt");
const script = join(projectRoot, "test/zoo/make/make_zoo.py");

/** Has Python make the models with the answers of ONNX Runtime's own binding, below `options.work`. */
export async function makeZoo(options: ZooOptions): Promise<void> {
  const python = await findPython(join(options.work, "../venv"));
  await mkdir(options.work, { recursive: true });
  // -B: no __pycache__ in the tree.
  await run(python, [
    ...["-B", script, options.work, "--kinds", options.kinds.join(",")],
    ...["--only", options.only, "--packages", options.packages],
  ]);
}

async function findPython(environment: string): Promise<string> {
  // Where Python is, as for test/clients.
  const { MODELPORT_PYTHON } = process.env;
  if (MODELPORT_PYTHON) return MODELPORT_PYTHON;
  const python = join(environment, "bin/python");
  if (!existsSync(python)) await run("python3", ["-m", "venv", environment]);
  const quiet = ["--quiet", "--disable-pip-version-check"];
  await run(python, ["-m", "pip", "install", ...quiet, "--requirement", requirements]);
  return python;
}

function run(program: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      // Exporters go through sets of names: in another order, they write other models.
      env: { ...process.env, PYTHONHASHSEED: "0" },
      stdio: ["ignore", "inherit", "inherit"],
    });
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${program} ${args[0]} … ended with ${code ?? signal}`));
    });
  });
}
