import type { DescMethod } from "@bufbuild/protobuf";
import { createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { Logger } from "pino";
import { Health } from "../../../gen/grpc/health/v1/health_pb.ts";
import { GRPCInferenceService } from "../../../gen/inference/inference_pb.ts";
import { ModelRuntime } from "../../../gen/mmesh/model-runtime_pb.ts";
import { type ErrorKind, RuntimeError } from "../../base/errors.ts";
import type { AccessSettings, Right } from "../../config/access-settings.ts";
import { isLoopback } from "../port/loopback.ts";
import type { Peer } from "../port/peer.ts";
import { BearerTokens } from "./bearer-tokens.ts";

/** The client, as far as it can be known before the body is read. */
export interface Client {
  /** Undefined if the connection was closed before the call was examined. */
  readonly peer: Peer | undefined;
  /** The header with this name, as received. */
  readonly authorization: string | undefined;
}

export const peerKey = createContextKey<Peer | undefined>(undefined, { description: "peer" });

/** Why a client was refused. */
export type RefusalReason =
  | "not_local"
  | "no_credential"
  | "unknown_token"
  | "token_in_the_open"
  | "not_permitted";

export interface RefusalCount {
  readonly right: Right;
  readonly reason: RefusalReason;
  readonly count: number;
}

interface Refusal {
  readonly kind: ErrorKind;
  readonly reason: RefusalReason;
  readonly text: string;
}

/** Decides which clients may make which kind of call. */
export class Access {
  readonly #settings: AccessSettings;
  readonly #lifecycleClients: ReadonlySet<string>;
  readonly #tokens: BearerTokens;
  readonly #takesCertificates: boolean;
  /** By right and reason. */
  readonly #refusals = new Map<string, RefusalCount>();

  /** `takesCertificates`: whether the port asks clients for certificates. */
  constructor(
    settings: AccessSettings,
    { takesCertificates, log }: { readonly takesCertificates: boolean; readonly log: Logger },
  ) {
    this.#settings = settings;
    this.#takesCertificates = takesCertificates;
    this.#lifecycleClients = new Set(settings.lifecycleClients);
    this.#tokens = new BearerTokens(settings, log);
  }

  /** Reads the token files. Rejects with "failed-precondition" if one cannot be used. */
  async open(): Promise<void> {
    await this.#tokens.open();
  }

  close(): void {
    this.#tokens.close();
  }

  /** How often clients were refused, and why, since the start. */
  get refusals(): readonly RefusalCount[] {
    return [...this.#refusals.values()];
  }

  /** Whether a token could grant the right to clients from anywhere. */
  takesTokensFor(right: Right): boolean {
    return this.#tokens.areUsed && this.#settings.rules[right] !== "any";
  }

  /** Whether every client has this right. */
  isOpen(right: Right): boolean {
    return this.#settings.rules[right] === "any";
  }

  may(right: Right, client: Client): boolean {
    return this.#refusalOf(right, client) === undefined;
  }

  /** Throws "unauthenticated" if the client is unknown, and "permission-denied" if it is known or a
   *  credential would not help; counts the refusal. `what` starts the message. Pages of other servers have
   *  been refused before (see browserGate). */
  check(right: Right, client: Client, what: string): void {
    const refusal = this.#refusalOf(right, client);
    if (refusal === undefined) return;
    const { kind, reason, text } = refusal;
    const key = `${right} ${reason}`;
    const count = (this.#refusals.get(key)?.count ?? 0) + 1;
    this.#refusals.set(key, { right, reason, count });
    throw new RuntimeError(kind, `${what} ${text}`);
  }

  #refusalOf(right: Right, { peer, authorization }: Client): Refusal | undefined {
    const rule = this.#settings.rules[right];
    if (rule === "any" || peer?.kind === "unix") return undefined;
    if (rule === "local" && peer !== undefined && isLoopback(peer.address)) return undefined;
    const names = peer?.certificateNames;
    if (names !== undefined && this.#isListed(right, names)) return undefined;
    const token = bearerIn(authorization);
    if (token === undefined) return this.#refusalWithoutToken(right, names);
    return this.#refusalOfToken(right, token, peer);
  }

  #isListed(right: Right, names: readonly string[]): boolean {
    return right !== "lifecycle" || names.some((name) => this.#lifecycleClients.has(name));
  }

  #refusalWithoutToken(right: Right, names: readonly string[] | undefined): Refusal {
    if (names !== undefined) {
      const text = `is not allowed for this client, whose certificate has ${names.join(", ") || "no name"}`;
      return { kind: "permission-denied", reason: "not_permitted", text };
    }
    // Do not ask for a credential where none would help.
    const credentials = [
      ...(this.#tokens.areUsed ? ["a token (authorization: Bearer)"] : []),
      ...(this.#takesCertificates && (right !== "lifecycle" || this.#lifecycleClients.size > 0)
        ? ["a client certificate"]
        : []),
    ];
    if (credentials.length === 0) {
      return { kind: "permission-denied", reason: "not_local", text: this.#localOnly(right) };
    }
    const text = `needs ${credentials.join(" or ")}`;
    return { kind: "unauthenticated", reason: "no_credential", text };
  }

  #localOnly(right: Right): string {
    return this.#settings.rules[right] === "local"
      ? "answers clients on this machine only"
      : "answers clients of the unix socket only";
  }

  #refusalOfToken(right: Right, token: string, peer: Peer | undefined): Refusal | undefined {
    if (!this.#tokens.areUsed) return this.#refusalWithoutToken(right, undefined);
    if (this.#settings.tokenTransport === "tls" && !isPrivate(peer)) {
      const text = "accepts tokens over TLS only: this one may have been read in transit";
      return { kind: "unauthenticated", reason: "token_in_the_open", text };
    }
    const given = this.#tokens.rightOf(token);
    if (given === undefined) {
      const text = "does not accept this token: it is unknown or was revoked";
      return { kind: "unauthenticated", reason: "unknown_token", text };
    }
    if (given === "lifecycle" || right !== "lifecycle") return undefined;
    const text = "is not allowed with this token";
    return { kind: "permission-denied", reason: "not_permitted", text };
  }
}

/** Whether no one else can read what this peer sends. */
function isPrivate(peer: Peer | undefined): boolean {
  if (peer === undefined) return false;
  return peer.kind === "unix" || peer.isTls || isLoopback(peer.address);
}

function bearerIn(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  return /^bearer +(\S+) *$/i.exec(authorization)?.[1];
}

export function clientIn({ values, requestHeader }: HandlerContext): Client {
  const authorization = requestHeader.get("authorization") ?? undefined;
  return { peer: values.get(peerKey), authorization };
}

const ownRights: ReadonlyMap<DescMethod, Right> = new Map<DescMethod, Right>([
  ...ModelRuntime.methods.map((method) => [method, "lifecycle"] as const),
  [GRPCInferenceService.method.repositoryModelLoad, "lifecycle"],
  [GRPCInferenceService.method.repositoryModelUnload, "lifecycle"],
  [GRPCInferenceService.method.serverLive, "health"],
  [GRPCInferenceService.method.serverReady, "health"],
  ...Health.methods.map((method) => [method, "health"] as const),
]);

/** The right that `method` requires. */
export function rightFor(method: DescMethod): Right {
  return ownRights.get(method) ?? "inference";
}
