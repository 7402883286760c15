import type { IncomingMessage } from "node:http";
import { finished, type Readable } from "node:stream";
import { getHeapSnapshot } from "node:v8";
import type { FastifyInstance } from "fastify";
import { RuntimeError } from "../../base/errors.ts";
import type { DebugEndpoints } from "../../config/debug-settings.ts";
import { type LogLevel, logLevels } from "../../config/log-levels.ts";
import { takeCpuProfile } from "../../observe/cpu-profile.ts";
import { changeLogLevel } from "../../observe/log.ts";
import { takeProcessFigures } from "../../observe/process-figures.ts";
import { redact } from "../../observe/redaction.ts";
import type { RuntimeFeed } from "../../service/contract/runtime-feed.ts";
import { addRestRoute, type RestParts, type RestReply, type RestRoute } from "../rest/add-route.ts";
import { readBody } from "../rest/body.ts";
import { parseJson } from "../rest/json.ts";
import { errorsView, hostsView, queuesView } from "./debug-views.ts";

export interface DebugOptions {
  readonly endpoints: DebugEndpoints;
  /** The effective settings, without secrets. */
  readonly settings: () => object;
}

export interface DebugParts extends RestParts {
  readonly feed: RuntimeFeed;
  readonly options: DebugOptions;
}

interface DebugRoute extends Pick<RestRoute, "methods" | "answer"> {
  readonly path: string;
  readonly about: string;
  /** Endpoints marked "all" show what clients sent, or take time from serving. */
  readonly needs: Exclude<DebugEndpoints, "off">;
}

const maxBodyBytes = 1024;
/** How long the event loop is measured. */
const measureMs = 500;
const maxProfileSeconds = 60;

/** Diagnostics for operators of a server that behaves oddly; only for clients that may load and unload. `scope`
 *  is a REST scope (see restScope) with the prefix /debug. */
export function debugEndpoints(scope: FastifyInstance, parts: DebugParts): void {
  const { endpoints } = parts.options;

  const routes = debugRoutes(parts).filter(
    ({ needs }) => needs === "figures" || endpoints === "all",
  );
  const index = routes.map(({ methods, path, about }) => ({
    path: `${scope.prefix}${path}`,
    methods,
    about,
  }));
  const all = [
    ...routes,
    { methods: ["GET"] as const, path: "/", answer: () => figures({ endpoints: index }) },
  ];
  for (const { methods, path, answer } of all) {
    addRestRoute(scope, { methods, paths: [path], right: "lifecycle", answer }, parts);
  }
}

function debugRoutes({ feed, options, log }: DebugParts): DebugRoute[] {
  const heavy = new OneAtATime();
  return [
    {
      methods: ["GET"],
      path: "/process",
      needs: "figures",
      about: `memory, event loop (measured for ${measureMs} ms), handles and open files of the server`,
      answer: async ({ signal }) => figures(await takeProcessFigures(measureMs, signal)),
    },
    {
      methods: ["GET"],
      path: "/hosts",
      needs: "figures",
      about: "engine hosts: their processes, memory and models",
      answer: () => figures(hostsView(feed)),
    },
    {
      methods: ["GET"],
      path: "/queues",
      needs: "figures",
      about: "waiting and running loads and inferences",
      answer: () => figures(queuesView(feed)),
    },
    {
      methods: ["GET"],
      path: "/errors",
      needs: "figures",
      about: "the latest errors of each model, and runtime events that have a reason",
      answer: () => figures(errorsView(feed)),
    },
    {
      methods: ["GET"],
      path: "/settings",
      needs: "figures",
      about: "the effective settings",
      answer: () => figures(options.settings()),
    },
    {
      methods: ["GET", "PUT"],
      path: "/log-level",
      needs: "figures",
      about: 'the minimum log level; PUT {"level": "debug"} changes it until the next start',
      answer: async ({ request }) => {
        if (request.method === "PUT") {
          changeLogLevel(log, readLevel(await readBody(request, maxBodyBytes)));
        }
        return figures({ level: log.level });
      },
    },
    {
      methods: ["POST"],
      path: "/heap-snapshot",
      needs: "all",
      about:
        "a snapshot of the server's heap for Chrome's developer tools; the server is blocked while it is taken",
      answer: () => heavy.stream(() => getHeapSnapshot()),
    },
    {
      methods: ["POST"],
      path: "/cpu-profile",
      needs: "all",
      about: `a CPU profile of the server over ?seconds= (default 5, at most ${maxProfileSeconds}) for Chrome's developer tools`,
      answer: (call) =>
        heavy.run(async () => {
          const durationMs = readSeconds(call.request) * 1_000;
          return figures(await takeCpuProfile(durationMs, call.signal));
        }),
    },
  ];
}

/** Snapshots and profiles run one at a time: two at once would show each other, and take twice the memory. */
class OneAtATime {
  #isBusy = false;

  async run(work: () => Promise<RestReply>): Promise<RestReply> {
    this.#enter();
    try {
      return await work();
    } finally {
      this.#isBusy = false;
    }
  }

  /** Stays busy until `open`'s stream was read or its reader has left. */
  stream(open: () => Readable): RestReply {
    this.#enter();
    let body: Readable;
    try {
      body = open();
    } catch (error) {
      this.#isBusy = false;
      throw error;
    }
    finished(body, () => {
      this.#isBusy = false;
    });
    return { headers: { "content-type": "application/json", ...unstored }, body };
  }

  #enter(): void {
    if (this.#isBusy) {
      throw new RuntimeError(
        "overloaded",
        "another profile or snapshot is being taken: try again later",
      );
    }
    this.#isBusy = true;
  }
}

const unstored = { "cache-control": "no-store" } as const;

function figures(value: object): RestReply {
  const body = Buffer.from(redact(JSON.stringify(value)));
  return { headers: { "content-type": "application/json", ...unstored }, body };
}

function readLevel(body: Uint8Array): LogLevel {
  const asked = parseJson(body, "the request");
  const name = typeof asked === "object" && asked !== null && "level" in asked && asked.level;
  const level = logLevels.find((each) => each === name);
  if (level !== undefined) return level;
  throw new RuntimeError(
    "invalid-argument",
    `the request must be a JSON object like {"level": "debug"}, with one of ${logLevels.join(", ")}`,
  );
}

function readSeconds({ url = "" }: IncomingMessage): number {
  const text = new URL(url, "http://localhost").searchParams.get("seconds") ?? "5";
  const seconds = /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (seconds > 0 && seconds <= maxProfileSeconds) return seconds;
  throw new RuntimeError(
    "invalid-argument",
    `seconds must be a number above 0, and at most ${maxProfileSeconds}`,
  );
}
