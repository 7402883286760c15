import type { CancelSignal } from "../../base/cancel-signal.ts";
import { RuntimeError } from "../../base/errors.ts";
import type { Engine, ModelPlace } from "../../engine/contract/engine.ts";
import type { Logger } from "../../observe/log.ts";
import type { SignatureVerdict } from "../../signing/contract/signature-verdict.ts";
import type { CheckedModel, ModelSigning } from "../../signing/model-signing.ts";

/** The generation whose signature is checked. */
export interface CheckedRecord {
  /** For messages. */
  readonly label: string;
  readonly signal: CancelSignal;
  readonly times: {
    measure<T>(phase: "verify", work: () => Promise<T>): Promise<T>;
    durationMs(phase: "verify"): number | undefined;
  };
  /** Set when it is known. */
  signature: SignatureVerdict | undefined;
}

/** Where the files to check come from. */
export interface PlaceOrigin {
  /** As `ModelSigning.check`. */
  readonly isOwn: boolean;
  /** The name of a signature beside the archive that they were unpacked from. */
  readonly archiveSignature?: string | undefined;
}

export interface CheckParts {
  readonly signing: Pick<ModelSigning, "check" | "count" | "isRequired">;
  readonly engine: Pick<Engine, "locate">;
  readonly log: Logger;
  /** What names the generation in the log. */
  readonly facts: object;
}

/** The check of one generation's signature, and the copy of the model that was checked: on its way, here, or gone. */
export class SignatureCheck {
  readonly #record: CheckedRecord;
  readonly #parts: CheckParts;
  readonly #checks: Promise<CheckedModel>[] = [];

  constructor(record: CheckedRecord, parts: CheckParts) {
    this.#record = record;
    this.#parts = parts;
  }

  /** Resolves with the place to load the model from: that of the copy if it is verified, otherwise `place`. Also gives
   *  the record its verdict. Rejects with the signal's reason; with
   *  "failed-precondition" if a signature is required and there is none that is trusted and fits, or the files are not
   *  those that were signed; or as `Engine.locate` and `ModelSigning.check`. */
  async place(place: ModelPlace, { isOwn, archiveSignature }: PlaceOrigin): Promise<ModelPlace> {
    const { signing, log, facts: generation } = this.#parts;
    const record = this.#record;
    const { verdict: found, copy } = await record.times.measure("verify", () =>
      this.#check(place, isOwn),
    );
    const verdict = withArchive(found, archiveSignature);
    record.signature = verdict;
    signing.count(verdict);
    const facts = { ...generation, verifyMs: record.times.durationMs("verify") };
    if (copy !== undefined) {
      const { fileCount, sizeBytes } = copy;
      log.info({ ...facts, signer: verdict.signer, fileCount, sizeBytes }, "model verified");
      return { ...place, path: copy.path, roots: [copy.root] };
    }
    if (signing.isRequired) {
      throw new RuntimeError(
        "failed-precondition",
        `model '${record.label}' is not verified, which MODEL_SIGNING requires: ${verdict.reason}`,
      );
    }
    log.warn({ ...facts, verdict: verdict.state, reason: verdict.reason }, "model not verified");
    return place;
  }

  /** Resolves when there is no copy any more, whatever became of the check. Never rejects. Call it when the signal has
   *  aborted or the check has ended. */
  async release(): Promise<void> {
    for (const check of this.#checks) {
      const checked = await check.catch(() => undefined);
      await checked?.release();
    }
  }

  async #check(place: ModelPlace, isOwn: boolean): Promise<Pick<CheckedModel, "verdict" | "copy">> {
    try {
      const checked = await this.#start(place, isOwn);
      if (checked.verdict.state !== "unsigned") return await this.#withoutStrays(checked, place);
      // The signature may be in the folder of the version that is served.
      const { file } = await this.#parts.engine.locate(place);
      if (file === place.path) return checked;
      return await this.#withoutStrays(await this.#start({ ...place, path: file }, isOwn), place);
    } catch (error) {
      const isOfModel =
        !(error instanceof RuntimeError) ||
        this.#record.signal.aborted ||
        error.kind === "failed-precondition" ||
        error.kind === "invalid-argument";
      if (isOfModel || this.#parts.signing.isRequired) throw error;
      return { verdict: refused(error.message), copy: undefined };
    }
  }

  /** Settings that are beside or above what was signed would have an effect without it: nobody has signed them. */
  async #withoutStrays(
    checked: CheckedModel,
    place: ModelPlace,
  ): Promise<Pick<CheckedModel, "verdict" | "copy">> {
    const { copy } = checked;
    if (copy === undefined) return checked;
    const { engine } = this.#parts;
    const named = await engine.locate(place);
    const copied = await engine.locate({ ...place, path: copy.path, roots: [copy.root] });
    const stray =
      (copied.settingsFile === undefined ? named.settingsFile : undefined) ??
      (copied.tritonConfig === undefined ? named.tritonConfig : undefined);
    if (stray === undefined) return checked;
    const reason = `the signature does not cover the model's settings in ${stray.name}: sign the folder that has them too`;
    return { verdict: refused(reason), copy: undefined };
  }

  #start({ path, name, roots }: ModelPlace, isOwn: boolean): Promise<CheckedModel> {
    const { signal } = this.#record;
    const check = this.#parts.signing.check({ path, name, roots }, { signal, isOwn });
    this.#checks.push(check);
    return check;
  }
}

/** A signature of the archive would need a check of its own, before anything of it is unpacked. */
function withArchive(verdict: SignatureVerdict, archiveSignature: string | undefined) {
  if (verdict.state !== "unsigned" || archiveSignature === undefined) return verdict;
  const reason =
    `${archiveSignature} signs the archive, and Modelport checks the files in it: ` +
    "sign the folder before it is packed, with model.sig inside, or unpack the archive and sign the folder";
  return { ...verdict, reason };
}

function refused(reason: string): SignatureVerdict {
  return { state: "refused", signer: "", reason };
}
