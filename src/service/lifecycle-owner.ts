import { RuntimeError } from "../base/errors.ts";

/** Whose it is to load and unload: two owners would undo each other's work. With the setting "auto" that is
 *  the repository where there is one, and anybody's until ModelMesh has called where there is none. */
export class LifecycleOwner {
  readonly #setting: "auto" | "repository" | "modelmesh";
  readonly #hasRepository: boolean;
  #onTakeOver: () => void = () => {};
  #meshHasCalled = false;

  constructor(
    setting: "auto" | "repository" | "modelmesh",
    parts: { readonly hasRepository: boolean },
  ) {
    this.#setting = setting;
    this.#hasRepository = parts.hasRepository;
  }

  /** Calls `listener`, and no other, when ModelMesh's first call changes the owner: once at most. */
  onTakeOver(listener: () => void): void {
    this.#onTakeOver = listener;
  }

  get current(): "unclaimed" | "repository" | "modelmesh" {
    if (this.#setting !== "auto") return this.#setting;
    if (this.#hasRepository) return "repository";
    return this.#meshHasCalled ? "modelmesh" : "unclaimed";
  }

  /** ModelMesh has asked for the status of this runtime. */
  noteMesh(): void {
    const before = this.current;
    this.#meshHasCalled = true;
    if (this.current !== before) this.#onTakeOver();
  }

  /** Throws "failed-precondition" if models of the repository are not to be loaded and unloaded here. */
  refuseIfMeshOwns(): void {
    // Without a repository there is nothing to refuse, and that is what callers should hear.
    if (this.current !== "modelmesh" || !this.#hasRepository) return;
    throw new RuntimeError(
      "failed-precondition",
      "models of the repository are not loaded and unloaded by callers here: ModelMesh owns the lifecycle " +
        "(LIFECYCLE_OWNER=modelmesh). Load and unload through ModelMesh, or start the runtime with LIFECYCLE_OWNER=repository",
    );
  }
}
