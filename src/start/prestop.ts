import { get } from "node:http";
import { describeError } from "../base/errors.ts";
import type { Logger } from "../observe/log.ts";

export interface PrestopOptions {
  /** Port of ModelMesh's pre-stop server on this machine. */
  readonly port: number;
  readonly timeoutMs: number;
  readonly log: Logger;
}

/** Waits until the ModelMesh beside us has ended: its pre-stop server answers only then, and it sends us
 *  requests until then. Nobody there, any failure and the end of the time mean to go on. Never rejects. */
export async function awaitPrestop({ port, timeoutMs, log }: PrestopOptions): Promise<void> {
  const startMs = performance.now();
  log.info({ port, timeoutMs }, "wait for ModelMesh started");
  const outcome = await new Promise<string>((resolve) => {
    // Not fetch, which gives up on an answer after five minutes of its own.
    const request = get({ host: "localhost", port, path: "/prestop", agent: false }, (response) => {
      response.resume();
      resolve(`HTTP ${response.statusCode}`);
    });
    request.on("error", (error) => resolve(describeError(error)));
    const timer = setTimeout(() => {
      resolve("timeout");
      request.destroy();
    }, timeoutMs);
    request.on("close", () => clearTimeout(timer));
  });
  const waitMs = Math.round(performance.now() - startMs);
  log.info({ outcome, waitMs }, "wait for ModelMesh finished");
}
