import { RuntimeError } from "../errors.ts";

/** Whose it is to load and unload: two owners would undo each other's work. With the setting "auto" that is
 *  anybody's until ModelMesh has called. */
export class LifecycleOwner {
  readonly #setting: "auto" | "repository" | "modelmesh";
  readonly #onTakeOver: () => void;
  #meshHasCalled = false;

  /** `onTakeOver` is called once, when ModelMesh's first call changes the owner. */
  constructor(setting: "auto" | "repository" | "modelmesh", onTakeOver: () => void) {
    this.#setting = setting;
    this.#onTakeOver = onTakeOver;
  }

  get current(): "unclaimed" | "repository" | "modelmesh" {
    if (this.#setting !== "auto") return this.#setting;
    return this.#meshHasCalled ? "modelmesh" : "unclaimed";
  }

  /** ModelMesh has asked for the status of this runtime. */
  noteMesh(): void {
    if (this.#meshHasCalled) return;
    this.#meshHasCalled = true;
    if (this.#setting === "auto") this.#onTakeOver();
  }

  /** Throws "failed-precondition" if models of the repository are not to be loaded and unloaded here. */
  refuseIfMeshOwns(): void {
    if (this.current !== "modelmesh") return;
    throw new RuntimeError(
      "failed-precondition",
      "ModelMesh owns the lifecycle of models here: load and unload through it",
    );
  }
}
