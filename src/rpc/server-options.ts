import type { Logger } from "pino";
import type { AccessSettings } from "../config/access-settings.ts";
import type { Models } from "../service/contract/models.ts";
import type { RuntimeFeed } from "../service/contract/runtime-feed.ts";
import type { TextCalls } from "../service/contract/text.ts";
import type { MountedService } from "./connect/mounted-service.ts";
import type { BrowserRules } from "./guard/browser-rules.ts";
import type { MetricsParts } from "./metrics/scrape-route.ts";
import type { CallObserver } from "./observe/call-observer.ts";
import type { DebugOptions } from "./pages/debug.ts";
import type { Hosting } from "./platforms/hosting.ts";
import type { EndpointOptions } from "./port/endpoint.ts";
import type { Readiness } from "./services/health.ts";

export interface ServerOptions extends EndpointOptions {
  /** This program's version. */
  readonly version: string;
  /** Limit for one message, after decompression. */
  readonly readMaxBytes: number;
  /** Which clients may make which calls. Absent entries have their defaults. */
  readonly access?: Partial<AccessSettings>;
  /** Which pages may call besides its own, and the names by which browsers may know this server besides
   *  localhost and addresses; none if absent. */
  readonly browserRules?: BrowserRules;
  /** The output of scripts/build-dashboard.js; it may be missing. */
  readonly dashboardFolder?: string;
  /** No /debug page if absent, or without a feed to watch. */
  readonly debug?: DebugOptions;
  /** Returns free memory of this process's allocator to the system. Called after bursts of calls. */
  readonly trimMemory?: () => void;
  /** How long calls in flight may go on after `close`. */
  readonly closeGraceMs: number;
  /** Whether clients can use reflection, which is on by default. */
  readonly reflection?: boolean;
  /** The name that Caikit's inference service and its package have; "Nlp" by default. */
  readonly caikitDomain?: string;
  /** What platforms that host one model call. Absent: nothing of it is there. */
  readonly hosting?: Hosting;
  /** Whether unary gRPC calls take the fast path around Connect, which is on by default; tests and benchmarks
   *  compare the two. */
  readonly fastPath?: boolean | undefined;
}

/** What the wire side needs of the rest of the program. */
export interface ServerParts {
  readonly models: Models;
  /** Without it there are no wires for text models but the Open Inference Protocol. */
  readonly texts?: TextCalls | undefined;
  readonly readiness: Readiness;
  /** What the watch service shows; without it there is no such service. */
  readonly watch?: RuntimeFeed;
  readonly options: ServerOptions;
  readonly log: Logger;
  /** Receives every call. */
  readonly observer?: CallObserver | undefined;
  /** The content of GET /metrics, and who may read it; without it there is no such page. */
  readonly metrics?: MetricsParts | undefined;
  /** Services besides those of the runtime. */
  readonly services?: readonly MountedService[];
}
