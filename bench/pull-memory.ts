// `node bench/pull-memory.ts`: memory and speed of this process while it pulls a model of 1 GiB over HTTP
// and, where test/storage/install-servers.sh has been run, from S3. The servers are separate processes.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { serverFiles, skipWithout, startServer } from "../test/storage/storage-server.ts";
import { createPuller, type PullerFixture } from "../test/support/fakes/puller-fixture.ts";

const MiB = 1024 * 1024;
const sizeBytes = 1024 * MiB;
const partBytes = 128 * MiB;

/** Sends the same `sizeBytes` bytes to every client, and prints its port. */
const httpServer = `
  const chunk = Buffer.alloc(65536, 7);
  const server = require("node:http").createServer(async (request, response) => {
    response.writeHead(200, { "content-length": ${sizeBytes}, etag: '"one"' });
    for (let sent = 0; sent < ${sizeBytes}; sent += chunk.length) {
      if (!response.write(chunk)) await new Promise((next) => response.once("drain", next));
    }
    response.end();
  });
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));
`;

async function overHttp(fixture: PullerFixture): Promise<void> {
  const server = spawn(process.execPath, ["--eval", httpServer], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [port] = (await once(server.stdout, "data")) as [Buffer];
    await measure("HTTP", fixture, `http://127.0.0.1:${Number(port)}/model.onnx`, {});
  } finally {
    server.kill();
  }
}

async function fromS3(fixture: PullerFixture): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "modelport-bench-s3-"));
  const [objects, facts] = [join(folder, "objects"), join(folder, "facts")];
  await Promise.all([mkdir(objects), mkdir(facts)]);
  const server = await startServer(serverFiles.s3, (port) => [
    ...["--access", "bench", "--secret", "bench", "--port", `127.0.0.1:${port}`, "--quiet"],
    ...["posix", "--sidecar", facts, objects],
  ]);
  const endpoint = `http://127.0.0.1:${server.port}`;
  const identity = { accessKeyId: "bench", secretAccessKey: "bench" };
  const client = new S3Client({
    endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: identity,
  });
  try {
    await client.send(new CreateBucketCommand({ Bucket: "models" }));
    const Body = Buffer.alloc(partBytes, 7);
    for (let part = 0; part < sizeBytes / partBytes; part++) {
      await client.send(new PutObjectCommand({ Bucket: "models", Key: `big/${part}`, Body }));
    }
    await fixture.configure("store", {
      ...{ type: "s3", bucket: "models", endpoint_url: endpoint },
      ...{ access_key_id: "bench", secret_access_key: "bench" },
    });
    await measure("S3, 8 files", fixture, "big", { storage_key: "store" });
  } finally {
    client.destroy();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(
  name: string,
  fixture: PullerFixture,
  path: string,
  key: object,
): Promise<void> {
  globalThis.gc?.();
  await sleep(500);
  const beforeBytes = process.memoryUsage.rss();
  let peakBytes = beforeBytes;
  const startMs = performance.now();
  const onProgress = () => {
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
  };
  const pulled = await fixture.pull(path, key, { onProgress });
  const seconds = (performance.now() - startMs) / 1000;
  await pulled.release();
  const inMiB = (bytes: number) => Math.round(bytes / MiB);
  process.stdout.write(
    `${name}: ${inMiB(pulled.sizeBytes)} MiB in ${seconds.toFixed(1)} s; resident memory ` +
      `${inMiB(beforeBytes)} MiB before, ${inMiB(peakBytes)} MiB at most\n`,
  );
}

const fixture = await createPuller();
try {
  await overHttp(fixture);
  const reason = await skipWithout("s3");
  if (reason === false) await fromS3(fixture);
  else process.stdout.write(`S3: ${reason}\n`);
} finally {
  await fixture.close();
}
