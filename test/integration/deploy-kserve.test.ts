import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { readConfig } from "../../src/config/config.ts";
import { settings } from "../../src/config/settings.ts";
import { modelFormats } from "../../src/engine/catalog.ts";
import { missingFor } from "../clients/python-script.ts";
import {
  buildManifests,
  type Container,
  environmentOfContainer,
  findKustomize,
  type Manifest,
  type ServingRuntime,
} from "../support/docs/kserve-manifests.ts";
import { brokenRules, portOf } from "../support/docs/kserve-rules.ts";
import { projectRoot } from "../support/servers/served.ts";
import { inTemporaryFolder } from "../tooling/temporary-folder.ts";

const run = promisify(execFile);
const root = join(projectRoot, "deploy/kserve");

// Whether doing without the tools is an error.
const { MODELPORT_PYTHON, MODELPORT_REQUIRE_PYTHON, MODELPORT_REQUIRE_KUSTOMIZE } = process.env;
const python = MODELPORT_PYTHON || "python3";

const kustomize = await findKustomize();
const lacking = kustomize === undefined ? "needs kubectl or kustomize" : false;
// What is for KServe's Standard mode has its own rules: see deploy-standard.test.ts.
const folders = globSync("**/kustomization.yaml", { cwd: root })
  .map(dirname)
  .filter((folder) => !/^(standard|agent)/.test(folder))
  .sort();
const built = new Map<string, Manifest[]>();
if (kustomize !== undefined) {
  for (const folder of folders) built.set(folder, await buildManifests(kustomize, folder));
}
const manifests = [...built.values()].flat();
const runtimes = [...built].flatMap(([folder, all]) =>
  all.filter(isRuntime).map((runtime) => ({ folder, runtime, ...theContainer(runtime) })),
);

function isRuntime(manifest: Manifest): manifest is ServingRuntime {
  return /^(Cluster)?ServingRuntime$/.test(manifest.kind);
}

function theContainer({ spec }: ServingRuntime): {
  container: Container;
  environment: Record<string, string>;
} {
  const [container] = spec.containers;
  assert.ok(container !== undefined && spec.containers.length === 1);
  return { container, environment: environmentOfContainer(container) };
}

it("there is a tool that builds kustomizations, where one has to be", () => {
  if (MODELPORT_REQUIRE_KUSTOMIZE === "1") assert.equal(lacking, false);
});

describe("the serving runtimes of deploy/kserve", { skip: lacking }, () => {
  it("are there for namespaces and for clusters, with the storage helper and without", () => {
    assert.deepEqual(
      runtimes.map(({ folder }) => folder),
      ["base", ...globSync("overlays/*", { cwd: root }).sort()],
    );
    assert.ok(runtimes.some(({ runtime }) => runtime.kind === "ClusterServingRuntime"));
    const helpers = runtimes.map(({ runtime }) => runtime.spec.storageHelper?.disabled === true);
    assert.deepEqual(new Set(helpers), new Set([false, true]));
  });

  it("keep the rules of the controller", () => {
    for (const { folder, runtime } of runtimes) {
      assert.deepEqual(brokenRules(runtime), [], folder);
    }
  });

  it("have settings that exist and with which the runtime starts", () => {
    const known = Object.values(settings).map(({ env }) => env as string);
    for (const { folder, environment } of runtimes) {
      for (const name of Object.keys(environment)) {
        assert.ok(known.includes(name), `${folder}: ${name}`);
      }
      const config = readConfig([], environment);
      assert.ok(config.capacityBytes > 0 && config.modelRoots.includes("/models"), folder);
    }
  });

  it("listen where ModelMesh and the storage helper look for them, and nowhere else", () => {
    for (const { folder, runtime, environment } of runtimes) {
      const { host, port, unixSocket } = readConfig([], environment);
      const { grpcEndpoint, grpcDataEndpoint } = runtime.spec;
      assert.equal(portOf(grpcEndpoint), port, folder);
      const socketEndpoint = unixSocket === undefined ? grpcEndpoint : `unix:${unixSocket}`;
      assert.equal(grpcDataEndpoint, socketEndpoint, folder);
      assert.equal(host, "localhost", folder);
    }
  });

  it("show metrics where the monitor, the container and the policy say", () => {
    const monitored = built.get("overlays/monitored") ?? [];
    const { environment, container } =
      runtimes.find(({ folder }) => folder === "overlays/monitored") ?? assert.fail("no runtime");
    const { metrics } = readConfig([], environment);
    assert.equal(metrics.host, "0.0.0.0");
    assert.deepEqual(container.ports, [{ name: "metrics", containerPort: metrics.port }]);
    const [monitor, policy] = ["PodMonitor", "NetworkPolicy"].map((kind) =>
      JSON.stringify(monitored.find((each) => each.kind === kind)),
    );
    assert.match(monitor ?? "", /"port":"metrics"/);
    assert.match(policy ?? "", new RegExp(`"port":${metrics.port}\\b`));
    const others = runtimes.filter(({ folder }) => folder !== "overlays/monitored");
    for (const each of others)
      assert.equal(readConfig([], each.environment).metrics.port, undefined);
  });

  it("take the formats of the engines that there are", () => {
    const formats = modelFormats.map(({ name }) => name);
    const others = modelFormats.flatMap(({ aliases }) => aliases);
    for (const { folder, runtime } of runtimes) {
      const taken = runtime.spec.supportedModelFormats.map(({ name }) => name);
      assert.deepEqual(taken.slice(0, formats.length), formats, folder);
      const added = taken.slice(formats.length);
      assert.deepEqual(added, ["sentence-transformers", "caikit"], folder);
      for (const name of added) assert.ok(others.includes(name), `${folder}: ${name}`);
    }
  });

  it("need no root, no writable root file system and no capability", () => {
    for (const { folder, container } of runtimes) {
      const { securityContext: context } = container;
      assert.equal(context["runAsNonRoot"], true, folder);
      assert.equal(context["readOnlyRootFilesystem"], true, folder);
      assert.equal(context["allowPrivilegeEscalation"], false, folder);
      assert.deepEqual(context["capabilities"], { drop: ["ALL"] }, folder);
    }
  });

  it("probe with a program that is in the image", () => {
    for (const { folder, container } of runtimes) {
      for (const probe of [container.startupProbe, container.livenessProbe]) {
        const [program, script = ""] = probe?.exec.command ?? [];
        assert.equal(program, "node", folder);
        // The working directory of the image.
        assert.ok(existsSync(join(projectRoot, relative("/app", script))), script);
      }
    }
  });

  it("end nothing that lives, ready or not", () => {
    for (const { folder, container } of runtimes) {
      for (const probe of [container.startupProbe, container.livenessProbe]) {
        assert.equal(probe?.exec.command.at(-1), "live", folder);
      }
    }
  });

  it("would be refused with anything that belongs to the controller", () => {
    const [{ runtime } = assert.fail("no runtime")] = runtimes;
    const { spec } = runtime;
    const container = spec.containers[0] ?? assert.fail("no container");
    const withContainer = (change: object) => ({ containers: [{ ...container, ...change }] });
    const wrong: [change: object, rule: RegExp][] = [
      [{ multiModel: false }, /multiModel/],
      [{ builtInAdapter: { serverType: "triton" } }, /built-in/],
      [{ supportedModelFormats: [{ name: "onnx" }] }, /format/],
      [{ protocolVersions: ["v2"] }, /grpc-v2/],
      [{ grpcEndpoint: "8085" }, /is not an endpoint/],
      [{ grpcDataEndpoint: "port:8033" }, /taken/],
      [{ volumes: [{ name: "domain-socket" }] }, /volume domain-socket/],
      [withContainer({ name: "puller" }), /name is reserved/],
      [withContainer({ name: "mm-runtime" }), /name is reserved/],
      [withContainer({ readinessProbe: container.livenessProbe }), /readinessProbe/],
      [withContainer({ lifecycle: {} }), /lifecycle/],
      [withContainer({ ports: [{ containerPort: 8085 }] }), /port 8085/],
      [withContainer({ ports: [{ containerPort: 11_890 }] }), /port 11890/],
      [withContainer({ ports: [{ containerPort: 9000, name: "http" }] }), /port name http/],
      [withContainer({ volumeMounts: [{ name: "storage-config", mountPath: "/x" }] }), /mount of/],
      [withContainer({ volumeMounts: [{ name: "nothing", mountPath: "/x" }] }), /no volume/],
      [withContainer({ resources: { requests: { memory: "1Gi" }, limits: {} } }), /memory/],
    ];
    for (const [change, rule] of wrong) {
      const changed = { ...runtime, spec: { ...spec, ...change } } as ServingRuntime;
      assert.match(brokenRules(changed).join("\n"), rule);
    }
  });
});

interface InferenceService extends Manifest {
  readonly spec: {
    readonly predictor: {
      readonly model: {
        readonly modelFormat: { readonly name: string; readonly version?: string };
        readonly runtime?: string;
        readonly storage?: { readonly key: string; readonly path: string };
        readonly storageUri?: string;
      };
    };
  };
}

describe("the inference services of deploy/kserve", { skip: lacking }, () => {
  const services = manifests.filter(({ kind }) => kind === "InferenceService");
  const models = services.map((service) => (service as InferenceService).spec.predictor.model);
  const named = (kind: string) => manifests.filter((each) => each.kind === kind);

  it("are for ModelMesh, and show a storage key, a URI and a claim", () => {
    for (const { metadata } of services) {
      assert.equal(metadata.annotations?.["serving.kserve.io/deploymentMode"], "ModelMesh");
    }
    const schemes = models.map(({ storage, storageUri }) => storage?.key ?? storageUri ?? "");
    assert.deepEqual(schemes.map((each) => each.split(":")[0]).sort(), ["localMinIO", "pvc", "s3"]);
  });

  it("find a runtime for their format", () => {
    const names = runtimes.map(({ runtime }) => runtime.metadata.name);
    const formats = runtimes[0]?.runtime.spec.supportedModelFormats ?? [];
    for (const { runtime, modelFormat } of models) {
      if (runtime !== undefined) assert.ok(names.includes(runtime), runtime);
      const { name, version } = modelFormat;
      assert.ok(
        formats.some((each) => each.name === name && (version ?? each.version) === each.version),
        name,
      );
    }
  });

  it("name keys and claims that are there", () => {
    const [secret] = named("Secret") as (Manifest & { stringData: Record<string, string> })[];
    const claims = named("PersistentVolumeClaim").map(({ metadata }) => metadata.name);
    for (const { storage, storageUri = "" } of models) {
      if (storage !== undefined) {
        const entry: unknown = JSON.parse(secret?.stringData[storage.key] ?? "null");
        assert.equal(Object(entry).type, "s3");
      }
      const claim = /^pvc:\/\/([^/]+)\//.exec(storageUri)?.[1];
      if (claim !== undefined) assert.ok(claims.includes(claim), claim);
    }
  });
});

describe("the manifests of deploy/kserve", { skip: lacking }, async () => {
  const reason = await missingFor(python, ["kserve", "kubernetes"]);
  const skip = reason === undefined || MODELPORT_REQUIRE_PYTHON === "1" ? false : reason;
  const compare = (objects: readonly object[]) =>
    inTemporaryFolder(async (folder) => {
      const file = join(folder, "manifests.json");
      await writeFile(file, JSON.stringify(objects));
      const script = join(projectRoot, "test/clients/kserve_manifests.py");
      const { stdout } = await run(python, ["-B", script, file], { timeout: 60_000 });
      return stdout.split("\n").filter((line) => line !== "");
    });

  it("have the fields and types of KServe's own client", { skip }, async () => {
    // Of what Prometheus' operator adds to Kubernetes these clients know nothing.
    const own = manifests.filter(
      ({ apiVersion }) => !apiVersion.startsWith("monitoring.coreos.com/"),
    );
    assert.ok(own.length > 8);
    assert.deepEqual(await compare(own), []);
  });

  it("would not pass with others", { skip }, async () => {
    const [{ runtime } = assert.fail("no runtime")] = runtimes;
    const { spec } = runtime;
    const [container] = spec.containers;
    const wrong: [change: object, problem: RegExp][] = [
      [{ multiModell: true }, /spec\.multiModell: .* no such field/],
      [{ multiModel: "true" }, /spec\.multiModel: 'true' is no bool/],
      [{ containers: [{ ...container, image: 1 }] }, /containers\[0\]\.image: 1 is no str/],
      [
        { containers: [{ ...container, name: undefined }] },
        /containers\[0\]: .* name Field required/,
      ],
      [{ containers: [{ ...container, args: "x" }] }, /containers\[0\]\.args: no list/],
    ];
    const changed = wrong.map(([change]) => ({ ...runtime, spec: { ...spec, ...change } }));
    const problems = (await compare(changed)).join("\n");
    for (const [, problem] of wrong) assert.match(problems, problem);
  });
});
