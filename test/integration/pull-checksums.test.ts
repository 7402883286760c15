import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, it } from "node:test";
import { createPuller, type PullerFixture } from "../support/fakes/puller-fixture.ts";

const model = Buffer.from("123456789".repeat(40_000));

/** The checksums of `model`, made by other implementations, in base64. */
const sums = { crc32c: "+BFDsg==", crc64nvme: "ky0+tDS+mu0=" };

/** Answers a request for the object: whole, and cut once it is half there; then the rest. */
class CutObject {
  /** Turns a bit of the next rest. */
  corruptsRest = true;
  rests = 0;
  whole = 0;

  send(request: IncomingMessage, response: ServerResponse, headers: Record<string, string>): void {
    const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    if (start === 0 && this.whole++ === 0) {
      response.writeHead(200, { ...headers, "content-length": model.length });
      response.write(model.subarray(0, model.length / 2), () => response.destroy());
      return;
    }
    const rest = Buffer.from(model.subarray(start));
    if (start > 0) {
      this.rests++;
      if (this.corruptsRest) rest[100] = (rest[100] ?? 0) ^ 1;
      this.corruptsRest = false;
    }
    const end = model.length - 1;
    const range = start > 0 ? { "content-range": `bytes ${start}-${end}/${model.length}` } : {};
    response.writeHead(start > 0 ? 206 : 200, {
      ...headers,
      "content-length": rest.length,
      ...range,
    });
    response.end(rest);
  }
}

describe("a resumed pull of an object without an MD5", { timeout: 120_000 }, () => {
  let fixture: PullerFixture;
  let server: Server | undefined;

  beforeEach(async () => {
    fixture = await createPuller();
  });

  afterEach(async () => {
    await fixture.close();
    server?.closeAllConnections();
    server?.close();
  });

  async function listen(
    answer: (request: IncomingMessage, url: URL, response: ServerResponse) => void,
  ): Promise<string> {
    server = createServer((request, response) =>
      answer(request, new URL(request.url ?? "/", "http://store"), response),
    );
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** Plays the part of S3 that a pull needs. */
  async function s3(object: CutObject, checksum: Record<string, string>): Promise<string> {
    return await listen((request, { searchParams }, response) => {
      if (searchParams.has("list-type")) {
        response.writeHead(200, { "content-type": "application/xml" });
        response.end(
          "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a.onnx</Key>" +
            `<Size>${model.length}</Size><ETag>"0-2"</ETag></Contents></ListBucketResult>`,
        );
        return;
      }
      // S3 sends the checksum of the whole object with the whole object alone.
      const sent = request.headers.range === undefined ? checksum : {};
      object.send(request, response, { etag: '"0-2"', ...sent });
    });
  }

  async function pulls(object: CutObject, config: object): Promise<void> {
    await fixture.configure("store", config);
    const pulled = await fixture.pull("a.onnx", { storage_key: "store" });
    assert.ok((await readFile(pulled.path)).equals(model), "the model is whole");
    assert.equal(object.corruptsRest, false);
    assert.equal(object.rests, 1);
    assert.equal(object.whole, 2);
  }

  for (const algorithm of ["crc64nvme", "crc32c"] as const) {
    it(`is verified with the ${algorithm} that S3 names`, async () => {
      const object = new CutObject();
      const endpoint_url = await s3(object, {
        [`x-amz-checksum-${algorithm}`]: sums[algorithm],
        "x-amz-checksum-type": "FULL_OBJECT",
      });
      const common = { type: "s3", endpoint_url, bucket: "models", anonymous: "true" };
      await pulls(object, common);
    });
  }

  it("is verified with the CRC32C that GCS lists", async () => {
    const object = new CutObject();
    const endpoint_url = await listen((request, { pathname }, response) => {
      if (!/\/o$/.test(pathname)) {
        object.send(request, response, { "content-type": "application/octet-stream" });
        return;
      }
      const facts = { name: "a.onnx", size: `${model.length}`, generation: "1" };
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ items: [{ ...facts, crc32c: sums.crc32c }] }));
    });
    await pulls(object, { type: "gcs", endpoint_url, bucket: "models" });
  });
});
