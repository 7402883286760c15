import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { billOfMaterials } from "../../../scripts/bill-of-materials.ts";
import { readLockfile } from "../../../scripts/production-packages.ts";
import { inTemporaryFolder } from "../../tooling/temporary-folder.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../../..");

interface Component {
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly hashes: readonly { readonly alg: string; readonly content: string }[];
  readonly licenses: readonly unknown[];
}

describe("the image's bill of materials", () => {
  it("has what npm lists and what the page is made of, each with version, hash and licence", async () => {
    await inTemporaryFolder(async (folder) => {
      const listed = join(folder, "installed.cdx.json");
      const metadata = { component: { name: "app", version: "0.1.0" } };
      const fastify = { "bom-ref": "fastify@5.0.0", name: "fastify", version: "5.0.0" };
      await writeFile(
        listed,
        JSON.stringify({ bomFormat: "CycloneDX", metadata, components: [fastify] }),
      );
      const script = join(root, "scripts/write-image-bill.ts");
      const { stdout } = await run(process.execPath, [script, listed]);
      const bill = JSON.parse(stdout) as {
        metadata: { component: { name: string; version: string } };
        components: Component[];
      };
      assert.deepEqual(bill.metadata.component, { name: "modelport", version: "0.1.0" });
      const [first, ...bundled] = bill.components;
      assert.deepEqual(first, fastify);
      const names = bundled.map(({ name }) => name);
      for (const name of ["preact", "uplot", "@preact/signals", "@bufbuild/protobuf"]) {
        assert.ok(names.includes(name), `${name} is not in ${names}`);
      }
      const { packages } = readLockfile(root);
      for (const { name, version, purl, hashes, licenses } of bundled) {
        assert.equal(version, packages[`node_modules/${name}`]?.version);
        assert.equal(purl, `pkg:npm/${name.replace("@", "%40")}@${version}`);
        assert.match(hashes[0]?.content ?? "", /^[0-9a-f]{128}$/);
        assert.equal(licenses.length, 1);
      }
    });
  });

  it("lists nothing twice", () => {
    const preact = { "bom-ref": "preact@11.0.0", name: "preact", version: "11.0.0" };
    const listed = JSON.stringify({ metadata: { component: {} }, components: [preact] });
    assert.equal(billOfMaterials(listed, "modelport", [preact]).components.length, 1);
  });

  it("is made of the packages that are in the image, and lies beside the program", async () => {
    const dockerfile = await readFile(join(root, "Dockerfile"), "utf8");
    const [modules = "", dashboard = ""] = dockerfile.split(/^FROM .* AS /m).slice(1);
    const steps = [
      "npm ci --omit=dev",
      "npm pkg delete devDependencies",
      "npm install",
      "npm sbom",
    ];
    const order = steps.map((each) => modules.lastIndexOf(each));
    assert.ok(order.every((at) => at > 0));
    assert.deepEqual(
      order,
      order.toSorted((a, b) => a - b),
    );
    assert.match(
      dashboard,
      /write-image-bill\.ts dist\/installed\.cdx\.json > dist\/sbom\.cdx\.json/,
    );
    assert.match(dockerfile, /^COPY --from=dashboard \/app\/dist\/sbom\.cdx\.json \.\/$/m);
  });
});
