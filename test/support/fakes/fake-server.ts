import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { type Logger, pino } from "pino";
import type { CallObserver } from "../../../src/rpc/observe/call-observer.ts";
import type { EndpointAddress } from "../../../src/rpc/port/endpoint.ts";
import { buildServer, type Server } from "../../../src/rpc/server.ts";
import type { ServerOptions } from "../../../src/rpc/server-options.ts";
import type { TextCalls } from "../../../src/service/contract/text.ts";
import { projectRoot } from "../servers/served.ts";
import { FakeModels } from "./fake-models.ts";
import { type WatchFixture, watchFixture } from "./watch-fixture.ts";

export interface FakeServer {
  readonly server: Server;
  readonly models: FakeModels;
  /** What the watch service shows, which is not what `models` does. */
  readonly watched: WatchFixture;
  readonly address: EndpointAddress;
  /** Lines of the log, parsed, oldest first. */
  readonly logged: readonly Record<string, unknown>[];
}

export const testOptions: ServerOptions = {
  host: "localhost",
  port: 0,
  peekTimeoutMs: 10_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  version: "1.2.3",
  readMaxBytes: 1024 * 1024,
  closeGraceMs: 2_000,
  dashboardFolder: join(projectRoot, "dist/dashboard"),
};

/** Where to note what has to be undone at the end; a TestContext will do. */
export interface Cleanup {
  after(undo: () => Promise<void>): void;
}

/** The same for what a suite's `before` starts. Call it in the body of the suite: node:test runs an
 *  `after` that is registered within `before` as soon as that ends. All is undone, last first, even where
 *  some of it fails: a server left open would keep the process of the tests alive. */
export function suiteCleanup(): Cleanup {
  const undos: (() => Promise<void>)[] = [];
  after(async () => {
    const failures: unknown[] = [];
    for (const undo of undos.reverse()) await undo().catch((reason) => failures.push(reason));
    if (failures.length > 0) throw new AggregateError(failures, "not all could be undone");
  });
  return { after: (undo) => undos.push(undo) };
}

/** The wire layer over fake models, listening; closed when the test or suite ends. */
export async function startFakeServer(
  cleanup: Cleanup,
  {
    observer,
    texts,
    ...options
  }: Partial<ServerOptions> & {
    readonly observer?: CallObserver;
    readonly texts?: TextCalls;
  } = {},
): Promise<FakeServer> {
  const models = new FakeModels();
  const watched = watchFixture();
  const logged: Record<string, unknown>[] = [];
  const server = await buildServer({
    models,
    texts,
    readiness: models,
    watch: watched.watch,
    options: { ...testOptions, ...options },
    log: collectLog(logged),
    observer,
  });
  cleanup.after(() => server.close());
  const address = await server.listen();
  return { server, models, watched, address, logged };
}

/** A path for a unix socket, in a directory that is removed when the test ends. */
export async function temporarySocketPath(cleanup: Cleanup): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "modelport-"));
  cleanup.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, "mmesh", "grpc.sock");
}

function collectLog(lines: Record<string, unknown>[]): Logger {
  return pino({ level: "trace" }, { write: (line: string) => lines.push(JSON.parse(line)) });
}
