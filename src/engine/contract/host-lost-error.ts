import { RuntimeError } from "../../base/errors.ts";

/** What part a model, or one of its runs, had in the end of its host. "caused": the host was executing it and
 *  crashed, or had to be killed because it did not end. "suspected": the host was executing it when something
 *  else killed it, such as the OOM killer or an operator. "crowded": the host was executing it and was killed
 *  because all runs together took too much memory; by itself it may fit. "bystander": it waited, or was
 *  idle. */
export type PartInLoss = "caused" | "suspected" | "crowded" | "bystander";

/** A model's host died. */
export class HostLostError extends RuntimeError {
  readonly part: PartInLoss;

  constructor(part: PartInLoss, loss: RuntimeError) {
    super("host-lost", loss.message, { cause: loss });
    this.part = part;
  }
}
