import { RuntimeError } from "../base/errors.ts";

/** Who controls loading and unloading. There is one owner, because two would undo each other's work. With the
 *  setting "auto" the owner is the repository if there is one; without one, any client may load and unload
 *  until ModelMesh first calls. */
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

  /** Calls `listener`, the only one, when ModelMesh's first call changes the owner: at most once. */
  onTakeOver(listener: () => void): void {
    this.#onTakeOver = listener;
  }

  get current(): "unclaimed" | "repository" | "modelmesh" {
    if (this.#setting !== "auto") return this.#setting;
    if (this.#hasRepository) return "repository";
    return this.#meshHasCalled ? "modelmesh" : "unclaimed";
  }

  /** ModelMesh has requested this runtime's status. */
  noteMesh(): void {
    const before = this.current;
    this.#meshHasCalled = true;
    if (this.current !== before) this.#onTakeOver();
  }

  /** Throws "failed-precondition" if clients may not load and unload models of the repository. */
  refuseIfMeshOwns(): void {
    // Without a repository there is nothing to refuse, and the client should get that error.
    if (this.current !== "modelmesh" || !this.#hasRepository) return;
    throw new RuntimeError(
      "failed-precondition",
      "clients may not load or unload models of the repository: ModelMesh owns the lifecycle " +
        "(LIFECYCLE_OWNER=modelmesh). Load and unload through ModelMesh, or start the runtime with LIFECYCLE_OWNER=repository",
    );
  }
}
