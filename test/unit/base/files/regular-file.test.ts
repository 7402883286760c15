import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync } from "node:fs";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { readSmallFile } from "../../../../src/base/files/read-small-file.ts";
import { openRegularFileSync, readRegularFile } from "../../../../src/base/files/regular-file.ts";
import { readConfigFile } from "../../../../src/config/file-entries.ts";
import { checkTls } from "../../../../src/doctor/check-tls.ts";
import { sampleFile } from "../../../../src/engine/files/file-sample.ts";
import { scanOnnxFile } from "../../../../src/engine/onnx/graph/scan-file.ts";
import { createLogger } from "../../../../src/observe/log.ts";
import { BearerTokens } from "../../../../src/rpc/guard/bearer-tokens.ts";
import { RenewedFiles } from "../../../../src/rpc/port/renewed-files.ts";
import { StorageConfig } from "../../../../src/storage/config-folder.ts";
import { externalData } from "../../../support/models/layered-models.ts";

let directory: string;
let fifo: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "modelport-regular-"));
  fifo = join(directory, "fifo");
  execFileSync("mkfifo", [fifo]);
});
after(() => rm(directory, { recursive: true, force: true }));

const isFifo = { kind: "invalid-argument", message: /fifo is a FIFO, expected a regular file/ };

describe("a file that others may have written", () => {
  it("is read if it is a regular one, through links too", async () => {
    await writeFile(join(directory, "file"), "text");
    await symlink("file", join(directory, "link"));
    for (const name of ["file", "link"]) {
      assert.equal(String(await readRegularFile(join(directory, name))), "text");
      const { descriptor, sizeBytes } = openRegularFileSync(join(directory, name));
      closeSync(descriptor);
      assert.equal(sizeBytes, 4);
    }
  });

  it("keeps the system's word if it is not there", async () => {
    const missing = join(directory, "missing");
    await assert.rejects(readRegularFile(missing), { code: "ENOENT" });
    assert.throws(() => openRegularFileSync(missing), { code: "ENOENT" });
    await assert.rejects(readSmallFile(missing), { kind: "failed-precondition" });
  });

  it("is refused by the name of its type if it is anything else, without waiting for it", async () => {
    const socket = join(directory, "socket");
    const server = createServer().listen(socket);
    await symlink("fifo", join(directory, "link-to-fifo"));
    for (const [path, type] of [
      [fifo, "a FIFO"],
      [join(directory, "link-to-fifo"), "a FIFO"],
      [socket, "a socket"],
      ["/dev/zero", "a device"],
      [directory, "a directory"],
    ] as const) {
      const refusal = {
        kind: "invalid-argument",
        message: `${path} is ${type}, expected a regular file`,
      };
      await assert.rejects(readRegularFile(path), refusal);
      await assert.rejects(readSmallFile(path), refusal);
      assert.throws(() => openRegularFileSync(path), refusal);
    }
    server.close();
  });
});

describe("a FIFO is refused at once", () => {
  it("as a storage key", async () => {
    const location = { path: "m", storageKey: "fifo", parameters: {}, pathOfKey: undefined };
    await assert.rejects(new StorageConfig(directory).resolve(location), isFifo);
  });

  it("as a file of tokens, a certificate or a key", async () => {
    const log = createLogger("error");
    const tokens = new BearerTokens(
      { lifecycleTokensPath: undefined, inferenceTokensPath: fifo },
      log,
    );
    const refusal = { ...isFifo, kind: "failed-precondition" };
    await assert.rejects(tokens.open(), refusal);
    const files = new RenewedFiles({ paths: [fifo], use() {}, log });
    await assert.rejects(files.open(), refusal);
    const tls = { certPath: fifo, keyPath: fifo, clientCaPath: fifo } as never;
    const [finding] = await checkTls({ tls, allowedHosts: [] }, 0);
    assert.match(finding?.message ?? "", isFifo.message);
  });

  it("as a configuration file", async () => {
    const { problems } = await readConfigFile(fifo);
    assert.match(problems.join(), isFifo.message);
  });

  it("as a model or its weights", async () => {
    await assert.rejects(scanOnnxFile(fifo), isFifo);
    assert.equal(sampleFile(fifo), undefined);
    const model = await externalData(directory);
    await assert.rejects(
      scanOnnxFile(model, () => fifo),
      {
        kind: "invalid-argument",
        message: /fifo \(weights of .*\) is a FIFO, expected a regular file/,
      },
    );
  });
});
