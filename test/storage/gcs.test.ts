import { Storage } from "@google-cloud/storage";
import { serverFiles, skipWithout, startServer } from "./storage-server.ts";
import { describeStore } from "./store-contract.ts";

describeStore("a pull from Google Cloud Storage", await skipWithout("gcs"), async () => {
  const { port, stop } = await startServer(serverFiles.gcs, (free) => [
    ...["-backend", "memory", "-scheme", "http", "-log-level", "error"],
    ...["-host", "127.0.0.1", "-port", String(free), "-public-host", `127.0.0.1:${free}`],
  ]);
  const storage = new Storage({ apiEndpoint: `http://127.0.0.1:${port}`, projectId: "test" });
  await storage.createBucket("models");
  return {
    port,
    config: (proxyPort) => ({
      type: "gcs",
      endpoint_url: `http://127.0.0.1:${proxyPort}`,
      bucket: "models",
    }),
    wrongConfig: () => undefined,
    noBucket: { bucket: "nobodys-models" },
    keys: "anything",
    put: async (key, bytes) => {
      await storage.bucket("models").file(key).save(bytes, { resumable: false });
    },
    stop,
  };
});
