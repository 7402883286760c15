import { BlobServiceClient } from "@azure/storage-blob";
import { serverFiles, skipWithout, startServer } from "./storage-server.ts";
import { describeStore } from "./store-contract.ts";

// The account that the server makes for whoever asks; its key is in its manual.
const account = "devstoreaccount1";
const key =
  "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

const connectionString = (port: number, accountKey = key) =>
  `DefaultEndpointsProtocol=http;AccountName=${account};AccountKey=${accountKey};` +
  `BlobEndpoint=http://127.0.0.1:${port}/${account};`;

describeStore("a pull from Azure Blob Storage", await skipWithout("azure"), async () => {
  const { port, stop } = await startServer(process.execPath, (free) => [
    ...[serverFiles.azure, "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"],
    ...["--silent", "--blobHost", "127.0.0.1", "--blobPort", String(free)],
  ]);
  const service = BlobServiceClient.fromConnectionString(connectionString(port));
  const container = service.getContainerClient("models");
  await container.create();
  const config = (proxyPort: number) => ({
    type: "azure",
    account_name: account,
    container: "models",
    connection_string: connectionString(proxyPort),
  });
  return {
    port,
    config,
    wrongConfig: (proxyPort) => ({
      ...config(proxyPort),
      connection_string: connectionString(proxyPort, Buffer.from("guessed").toString("base64")),
    }),
    noBucket: { container: "nobodys-models" },
    // Its URLs leave no room for folders of dots.
    keys: "names",
    put: async (name, bytes) => {
      await container.getBlockBlobClient(name).uploadData(bytes);
    },
    stop,
  };
});
