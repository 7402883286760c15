import type { Random } from "../support/attacks/mutate.ts";

/** What became of hostile requests. Their sum is what was sent. */
export interface Fates {
  /** Ended by the server: answered, refused or reset. */
  ended: number;
  /** Went down with a connection that the server closed, or that its client cut. */
  cut: number;
  /** The server neither ended them nor closed the connection. */
  hanging: number;
}

/** Who sends requests of one kind, over and over. */
export interface Attacker {
  /** Sends some requests and sees them through. */
  attack(random: Random): Promise<Fates>;
  close(): void;
}

export interface AttackKind {
  readonly name: string;
  /** Of a hundred requests, so many are of this kind. */
  readonly share: number;
  open(port: number): Attacker;
}

/** A busy server takes its time; this is about hangs. */
const patienceMs = 60_000;

/** Whether `work` came to its end in time. */
export async function inTime(work: Promise<unknown>, limitMs = patienceMs): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
