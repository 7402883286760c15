import type { Random } from "../support/attacks/mutate.ts";
import type { Client, Outcome } from "../support/clients/clients.ts";
import type { InferenceWay } from "../support/clients/inference-ways.ts";
import type { Answer, Ledger } from "./ledger.ts";
import type { Reference } from "./soak-models.ts";

export interface NamedClient {
  readonly name: string;
  readonly client: Client;
}

/** What all users of one soak share. */
export interface Soak {
  readonly port: number;
  readonly root: string;
  readonly maxMessageBytes: number;
  readonly ledger: Ledger;
  readonly references: readonly Reference[];
  /** ModelMesh: one grpc-js connection for everything. */
  readonly mesh: NamedClient;
  /** Every kind of client, one connection each. */
  readonly clients: readonly [NamedClient, ...NamedClient[]];
  readonly ways: readonly [InferenceWay, ...InferenceWay[]];
  /** Odd while a runtimeStatus may be unloading models, and another number after it. */
  purges: number;
  /** Model -> inferences that a caller saw succeed. */
  readonly successes: Map<string, number>;
}

/** One simulated user, who does one thing at a time. */
export interface SoakUser {
  readonly soak: Soak;
  /** Starts the ids of the models that nobody but this user touches. */
  readonly name: string;
  readonly random: Random;
}

/** Something that users do. Resolves when all of its requests have ended. */
export interface Activity {
  readonly name: string;
  /** How often it is picked, compared with others. */
  readonly weight: number;
  run(user: SoakUser): Promise<void>;
}

/** The answer to a call through one of the clients. `problemIn` looks at the message of an OK. */
export function toAnswer(
  outcome: Outcome,
  problemIn?: (message: unknown) => string | undefined,
): Answer {
  if (!outcome.ok) return { code: outcome.code, message: outcome.message };
  return { code: "OK", problem: problemIn?.(outcome.message) };
}

export function countSuccess({ successes }: Soak, model: string): void {
  successes.set(model, (successes.get(model) ?? 0) + 1);
}

/** Latencies of ModelMesh's connection are told apart from those of clients that start a process each. */
export function kindBy({ mesh }: Soak, { name }: NamedClient, kind: string): string {
  return name === mesh.name ? kind : `${kind}, other clients`;
}
