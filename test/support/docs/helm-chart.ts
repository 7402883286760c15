import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { parseAllDocuments } from "yaml";
import { projectRoot } from "../servers/served.ts";
import type { Manifest } from "./kserve-manifests.ts";

const run = promisify(execFile);

export const chartFolder = join(projectRoot, "deploy/helm/modelport");

/** For a Helm that was built from its module: it does not know of which Kubernetes it is. */
const kubeVersion = "1.33.0";

const programs = ["helm", join(projectRoot, "node_modules/.cache/helm/helm")];

/** The program that renders charts here; undefined if there is none. */
export async function findHelm(): Promise<string | undefined> {
  for (const program of programs) {
    const works = run(program, ["version", "--short"]);
    if (await works.then(Boolean, () => false)) return program;
  }
  return undefined;
}

/** What `helm install web` would send to the namespace `models`. Throws with Helm's words if the values are refused. */
export async function renderChart(helm: string, ...args: string[]): Promise<Manifest[]> {
  const release = ["template", "web", chartFolder, "-n", "models", "--kube-version", kubeVersion];
  const { stdout } = await runHelm(helm, ...release, ...args);
  return parseAllDocuments(stdout).flatMap((document) => {
    for (const error of document.errors) throw error;
    const manifest = document.toJS() as Manifest | null;
    return manifest === null ? [] : [manifest];
  });
}

export function runHelm(
  helm: string,
  ...args: string[]
): Promise<{ stdout: string; stderr: string }> {
  return run(helm, args, { maxBuffer: 16 * 1024 ** 2 });
}
