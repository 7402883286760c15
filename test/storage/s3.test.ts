import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { serverFiles, skipWithout, startServer } from "./storage-server.ts";
import { describeStore } from "./store-contract.ts";

const credentials = { accessKeyId: "modelport", secretAccessKey: "not-a-secret" };

describeStore("a pull from S3", await skipWithout("s3"), async () => {
  const folder = await mkdtemp(join(tmpdir(), "modelport-s3-"));
  const [objects, facts] = [join(folder, "objects"), join(folder, "facts")];
  await Promise.all([mkdir(objects), mkdir(facts)]);
  const { port, stop } = await startServer(serverFiles.s3, (free) => [
    ...["--access", credentials.accessKeyId, "--secret", credentials.secretAccessKey],
    // Keeps what it knows of the objects beside them: not every file system has extended attributes.
    ...["--port", `127.0.0.1:${free}`, "--quiet", "posix", "--sidecar", facts, objects],
  ]);
  const client = new S3Client({
    endpoint: `http://127.0.0.1:${port}`,
    region: "us-east-1",
    forcePathStyle: true,
    credentials,
  });
  await client.send(new CreateBucketCommand({ Bucket: "models" }));
  const config = (proxyPort: number) => ({
    type: "s3",
    access_key_id: credentials.accessKeyId,
    secret_access_key: credentials.secretAccessKey,
    endpoint_url: `http://127.0.0.1:${proxyPort}`,
    region: "us-east-1",
    default_bucket: "models",
  });
  return {
    port,
    config,
    wrongConfig: (proxyPort) => ({ ...config(proxyPort), secret_access_key: "guessed" }),
    noBucket: { bucket: "nobodys-models" },
    keys: "paths",
    put: async (Key, Body) => {
      await client.send(new PutObjectCommand({ Bucket: "models", Key, Body }));
    },
    stop: async () => {
      client.destroy();
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
});
