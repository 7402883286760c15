import assert from "node:assert/strict";
import { globSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { readConfig } from "../../src/config/config.ts";
import { findFormat, modelFormats } from "../../src/engine/catalog.ts";
import { isOfKServe, schemaProblems } from "../support/docs/crd-schema.ts";
import { buildManifests, findKustomize, type Manifest } from "../support/docs/kserve-manifests.ts";
import { type StandardRuntime, standardRules } from "../support/docs/kserve-standard-rules.ts";
import { projectRoot } from "../support/servers/served.ts";

const root = join(projectRoot, "deploy/kserve");
const kustomize = await findKustomize();
const lacking = kustomize === undefined ? "needs kubectl or kustomize" : false;
const built = new Map<string, Manifest[]>();
if (kustomize !== undefined) {
  const folders = globSync("**/kustomization.yaml", { cwd: root }).map(dirname).sort();
  for (const folder of folders) built.set(folder, await buildManifests(kustomize, folder));
}
const manifests = [...built.values()].flat();
const inFolders = (pattern: RegExp) =>
  [...built].flatMap(([folder, all]) => (pattern.test(folder) ? all : []));
const standard = inFolders(/^(standard|agent)/);
const runtimes = standard.filter(
  ({ kind }) => kind === "ClusterServingRuntime",
) as StandardRuntime[];

it("there is a tool that builds kustomizations, where one has to be", () => {
  if (process.env["MODELPORT_REQUIRE_KUSTOMIZE"] === "1") assert.equal(lacking, false);
});

describe("the manifests of deploy/kserve", { skip: lacking }, () => {
  it("are as KServe's CustomResourceDefinitions want them", () => {
    const own = manifests.filter(isOfKServe);
    const kinds = new Set(own.map(({ kind }) => kind));
    assert.deepEqual([...kinds].sort(), [
      "ClusterServingRuntime",
      "InferenceService",
      "ServingRuntime",
      "TrainedModel",
    ]);
    assert.deepEqual(own.flatMap(schemaProblems), []);
  });

  it("would be refused with other fields and types", () => {
    const [runtime = assert.fail("no runtime")] = runtimes;
    const [container] = runtime.spec.containers;
    const wrong: [change: object, problem: RegExp][] = [
      [{ multiModell: true }, /spec\.multiModell: no such field/],
      [{ multiModel: "true" }, /spec\.multiModel: no boolean/],
      [{ containers: undefined }, /spec\.containers: no list/],
      [{ containers: [{ ...container, imagePullPolicy: 1 }] }, /imagePullPolicy: no string/],
      [{ containers: [{ ...container, args: "x" }] }, /containers\[0\]\.args: no list/],
      [{ containers: [{ ...container, ports: [{ name: "x" }] }] }, /lacks containerPort/],
      [
        { containers: [{ ...container, resources: { limits: { memory: "1 GiB" } } }] },
        /memory: '1 GiB'/,
      ],
      [{ supportedModelFormats: [{ version: "1" }] }, /supportedModelFormats\[0\]: lacks name/],
    ];
    for (const [change, problem] of wrong) {
      const changed = { ...runtime, spec: { ...runtime.spec, ...change } };
      assert.match(schemaProblems(changed).join("\n"), problem);
    }
    assert.match(schemaProblems({ ...runtime, kind: "Runtime" }).join(), /has no Runtime/);
  });
});

describe("the serving runtimes for KServe's Standard mode", { skip: lacking }, () => {
  it("are one for tables, one for texts, and one for the agent", () => {
    const names = runtimes.map(({ metadata }) => metadata.name);
    assert.deepEqual(names, [
      "kserve-modelport-agent",
      "kserve-modelport",
      "kserve-modelport-text",
    ]);
  });

  it("keep KServe's rules", () => {
    for (const runtime of runtimes)
      assert.deepEqual(standardRules(runtime), [], runtime.metadata.name);
  });

  it("would be refused with what breaks them", () => {
    const [runtime = assert.fail("no runtime")] = runtimes;
    const { spec } = runtime;
    const [container = assert.fail("no container")] = spec.containers;
    const probe = { exec: { command: ["true"] } };
    const wrong: [change: object, rule: RegExp][] = [
      [{ multiModel: true }, /multiModel/],
      [{ protocolVersions: ["v2"] }, /protocolVersions/],
      [{ containers: [{ ...container, name: "modelport" }] }, /kserve-container/],
      [{ containers: [{ ...container, readinessProbe: probe }] }, /readinessProbe/],
      [{ containers: [{ ...container, ports: [] }] }, /port/],
      [
        { containers: [{ ...container, volumeMounts: [{ name: "x", mountPath: "/mnt/models" }] }] },
        /\/mnt\/models/,
      ],
    ];
    for (const [change, rule] of wrong) {
      const changed = { ...runtime, spec: { ...spec, ...change } } as StandardRuntime;
      assert.match(standardRules(changed).join("\n"), rule);
    }
  });

  it("start with their arguments, where the probes and KServe's agent look for the server", () => {
    for (const { metadata, spec } of runtimes) {
      const [container = assert.fail("no container")] = spec.containers;
      const args = container.args.map((arg) => arg.replace("{{.Name}}", "iris"));
      const environment = Object.fromEntries(
        container.env.map(({ name, value }) => [name, value ?? ""]),
      );
      const config = readConfig(args, environment);
      assert.equal(config.host, "0.0.0.0", metadata.name);
      assert.equal(config.port, 8080, metadata.name);
      assert.equal(config.access.rules.lifecycle, "local", metadata.name);
      const isAgents = metadata.name === "kserve-modelport-agent";
      const named = isAgents ? [] : [{ name: "iris", path: "/mnt/models" }];
      assert.deepEqual(config.namedModels, named, metadata.name);
      assert.equal(config.modelRepository, isAgents ? "/mnt/models" : undefined, metadata.name);
    }
  });

  it("take formats that there are, and every one of them", () => {
    const taken = runtimes.flatMap(({ spec }) =>
      spec.supportedModelFormats.map(({ name }) => name),
    );
    for (const name of taken) assert.ok(findFormat(name) !== undefined, name);
    const known = new Set(taken.map((name) => findFormat(name)?.name));
    assert.deepEqual(known, new Set(modelFormats.map(({ name }) => name)));
  });
});

describe("the examples for KServe's Standard mode", { skip: lacking }, () => {
  interface Service extends Manifest {
    readonly spec: {
      readonly predictor: {
        readonly model: {
          readonly modelFormat: { readonly name: string; readonly version?: string };
          readonly runtime?: string;
          readonly protocolVersion: string;
          readonly storageUri?: string;
          readonly ports?: readonly { readonly name: string }[];
          readonly resources?: { readonly limits: { readonly memory: string } };
        };
      };
    };
  }
  const services = standard.filter(({ kind }) => kind === "InferenceService") as Service[];

  it("are in Standard mode, and find a runtime for their format and protocol", () => {
    assert.ok(services.length >= 6);
    for (const { metadata, spec } of services) {
      const mode = metadata.annotations?.["serving.kserve.io/deploymentMode"];
      assert.equal(mode, "Standard", metadata.name);
      const { modelFormat, runtime, protocolVersion } = spec.predictor.model;
      const fits = runtimes.filter(
        ({ metadata: { name }, spec: { supportedModelFormats, protocolVersions } }) => {
          const hasFormat = supportedModelFormats.some(
            (each) =>
              each.name === modelFormat.name &&
              [undefined, each.version].includes(modelFormat.version) &&
              (runtime !== undefined || each.autoSelect === true),
          );
          return (
            hasFormat &&
            protocolVersions.includes(protocolVersion) &&
            [undefined, name].includes(runtime)
          );
        },
      );
      assert.equal(fits.length, 1, metadata.name);
    }
  });

  it("name the port by the protocol", () => {
    for (const { spec } of services) {
      const { protocolVersion, ports } = spec.predictor.model;
      assert.equal(ports?.[0]?.name === "h2c", protocolVersion === "grpc-v2");
    }
  });

  it("give the agent's pod no model, a format that has an agent, and memory for its models", () => {
    const models = standard.filter(({ kind }) => kind === "TrainedModel") as (Manifest & {
      readonly spec: { readonly inferenceService: string };
    })[];
    assert.ok(models.length >= 2);
    for (const { spec } of models) {
      const pod = services.find(({ metadata }) => metadata.name === spec.inferenceService);
      const { runtime, storageUri, modelFormat, resources } =
        pod?.spec.predictor.model ?? assert.fail();
      assert.equal(runtime, "kserve-modelport-agent");
      assert.equal(storageUri, undefined);
      assert.notEqual(modelFormat.name, "huggingface");
      assert.ok(resources?.limits.memory);
    }
  });
});
