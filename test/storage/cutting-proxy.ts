import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Passes connections on to a server, and cuts those that have brought so many bytes. */
export class CuttingProxy {
  /** Connections from clients that are open. */
  readonly sockets = new Set<Socket>();
  /** Bytes from the server after which a connection is cut; taken one by one by those that get as far. */
  cuts: number[] = [];
  /** Whether connections are refused: no sooner made than ended. */
  isDown = false;
  /** Connections that were refused. */
  refusals = 0;
  readonly #server: Server;

  constructor(targetPort: number) {
    this.#server = createServer((client) => {
      this.sockets.add(client);
      client.on("close", () => this.sockets.delete(client));
      client.on("error", () => {});
      if (this.isDown) {
        this.refusals++;
        client.destroy();
        return;
      }
      const target = connect(targetPort, "127.0.0.1");
      target.on("error", () => client.destroy());
      target.on("close", () => client.destroy());
      client.on("close", () => target.destroy());
      client.pipe(target);
      let bytes = 0;
      target.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        const limit = this.cuts[0];
        if (limit !== undefined && bytes > limit) {
          this.cuts.shift();
          // What is still on its way is lost with it.
          client.resetAndDestroy();
        } else if (!client.write(chunk)) {
          target.pause();
          client.once("drain", () => target.resume());
        }
      });
    });
  }

  async listen(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}
