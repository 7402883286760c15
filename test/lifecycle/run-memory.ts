import type { ClaimPlace, MemoryClaim } from "../../src/engine/run-memory/budget.ts";
import type { HostShare, RunGrant } from "../../src/engine/run-memory/host-share.ts";
import type { RunNeed } from "../../src/engine/run-memory/need.ts";

/** The memory of one run of a simulated host, as the runtime's own books give it. */
export class RunMemory implements MemoryClaim {
  isWanted = true;
  readonly #share: HostShare;
  readonly #need: RunNeed;
  readonly #onAdmitted: () => void;
  #grant: RunGrant | undefined;
  #place: ClaimPlace | undefined;

  constructor(
    share: HostShare,
    { bytes, onAdmitted }: { readonly bytes: number; readonly onAdmitted: () => void },
  ) {
    this.#share = share;
    this.#need = { runBytes: bytes, inputBytes: 0 };
    this.#onAdmitted = onAdmitted;
  }

  get isAdmitted(): boolean {
    return this.#grant !== undefined;
  }

  wake(): void {
    if (this.isAdmitted || !this.isWanted) return;
    this.#grant = this.#share.take(this.#need, this.#place);
    if (this.#grant !== undefined) this.#onAdmitted();
    else this.#place ??= this.#share.wait(this.#need, this);
  }

  /** It is over, or nobody waits for it any more. */
  end(): void {
    this.isWanted = false;
    if (this.#place !== undefined) this.#share.leave(this.#place);
    this.#grant?.end();
  }
}
