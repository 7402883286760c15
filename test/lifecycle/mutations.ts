/** A fault to plant: `from` must be there exactly once. */
export interface Mutation {
  readonly name: string;
  /** As seen from src/service. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** Each of these makes the runtime lie, leak or hang. The search in this folder must find every one. */
export const mutations: readonly Mutation[] = [
  {
    name: "skip the drain",
    file: "lifecycle/model-lifecycle.ts",
    from: "if (record.leases.count > 0) {",
    to: "if (record.leases.count < 0) {",
  },
  {
    name: "drain without end",
    file: "lifecycle/model-lifecycle.ts",
    from: 'await times.measure("drain", () => Promise.race([idle, late]));',
    to: "await idle;",
  },
  {
    name: "answer an unload early",
    file: "lifecycle/model-lifecycle.ts",
    from: "return record.gone.promise;",
    to: "return Promise.resolve();",
  },
  {
    name: "forget a model before its host has freed it",
    file: "lifecycle/model-lifecycle.ts",
    from: 'await times.measure("free", async () => {\n      await loaded?.unload();',
    to: 'this.#parts.registry.remove(record);\n    await times.measure("free", async () => {\n      await loaded?.unload();',
  },
  {
    name: "free the budget while a model is unloading",
    file: "lifecycle/model-state.ts",
    from: "return state.heldBytes;",
    to: "return 0;",
  },
  {
    name: "do not count what loads have reserved",
    file: "lifecycle/model-state.ts",
    from: "return state.reservedBytes;",
    to: "return 0;",
  },
  {
    name: "reserve half of the estimate",
    file: "lifecycle/model-lifecycle.ts",
    from: "record.reserve(reservedBytes)",
    to: "record.reserve(reservedBytes / 2)",
  },
  {
    name: "book what a reload has measured",
    file: "lifecycle/model-record.ts",
    from: "this.#sizeBytes ??= sizeBytes;",
    to: "this.#sizeBytes = sizeBytes;",
  },
  {
    name: "forget what was measured",
    file: "lifecycle/model-sizer.ts",
    from: "this.#measured.set(filesKey(request, source), { bytes, diskBytes, needsOwnHost });\n    this.#latest.set(placeKey(request, source), bytes);",
    to: "",
  },
  {
    name: "refuse what is not clear",
    file: "lifecycle/model-sizer.ts",
    from: "known?.bytes ?? source.leastBytes;",
    to: "known?.bytes ?? source.estimatedBytes;",
  },
  {
    name: "admit what does not fit",
    file: "lifecycle/memory-budget.ts",
    from: "if (bytes <= this.freeBytes)",
    to: "if (bytes <= this.capacityBytes)",
  },
  {
    name: "refuse what would fit after an unload",
    file: "lifecycle/memory-budget.ts",
    from: 'return this.#held.releasingCount > 0 ? "later" : "never";',
    to: 'return "never";',
  },
  {
    name: "count what a generation held before as well",
    file: "lifecycle/held-memory.ts",
    from: "if (before !== undefined) this.#count(before, -1);",
    to: "",
  },
  {
    name: "allow one load too many",
    file: "lifecycle/load-queue.ts",
    from: "this.#running >= this.#concurrency",
    to: "this.#running > this.#concurrency",
  },
  {
    name: "give a load's place back twice",
    file: "lifecycle/load-queue.ts",
    from: "this.#running--;",
    to: "this.#running -= 2;",
  },
  {
    name: "do not decide again when a place comes free",
    file: "lifecycle/load-queue.ts",
    from: "this.#running--;\n      this.pump();",
    to: "this.#running--;",
  },
  {
    name: "give a stopped load's place back before its memory",
    file: "lifecycle/start-serving.ts",
    from: "await loaded.unload();\n    throw record.signal.reason;",
    to: "void loaded.unload();\n    throw record.signal.reason;",
  },
  {
    name: "leak the lease of a caller that left",
    file: "inference-run.ts",
    from: "release();\n  }\n}",
    to: "if (!signal.aborted) release();\n  }\n}",
  },
  {
    name: "take a loss for the newer copy's",
    file: "lifecycle/model-lifecycle.ts",
    from: 'if (record.loaded !== loaded || record.state.tag !== "ready") return;',
    to: 'if (record.state.tag !== "ready") return;',
  },
  {
    name: "serve a load that was stopped",
    file: "lifecycle/start-serving.ts",
    from: 'if (record.state.tag !== "loading" && record.state.tag !== "reloading") {',
    to: 'if (record.state.tag === "failed") {',
  },
  {
    name: "let a stopped load retire its predecessors",
    file: "lifecycle/model-lifecycle.ts",
    from: "await abortable(this.#sources.find(record), record.signal)",
    to: "await this.#sources.find(record)",
  },
  {
    name: "do not wait for older generations",
    file: "lifecycle/model-lifecycle.ts",
    from: "await abortable(Promise.all(replace()), record.signal);",
    to: "replace();",
  },
  {
    name: "do not tell the engine that a load is over",
    file: "lifecycle/model-record.ts",
    from: "this.#abort.abort(reason);",
    to: "",
  },
  {
    name: "do not load again after the death of a host",
    file: "lifecycle/model-lifecycle.ts",
    from: 'void this.#traced("reload", record, () => this.#reload(record));',
    to: ";",
  },
  {
    name: "do not notice the death of an idle host",
    file: "lifecycle/model-lifecycle.ts",
    from: "void loaded.lost.then((loss) => this.recover(record, loaded, loss));",
    to: "",
  },
  {
    name: "load without a time limit",
    file: "lifecycle/model-lifecycle.ts",
    from: "void this.retire(record, reason, 0);",
    to: "void reason;",
  },
  {
    name: "leave the timer of a load behind",
    file: "lifecycle/model-lifecycle.ts",
    from: "this.#settle(record, reason);\n    } finally {\n      clearTimeout(timer);\n    }\n  }\n\n  /** Ends",
    to: "this.#settle(record, reason);\n    } finally {\n      void timer;\n    }\n  }\n\n  /** Ends",
  },
  {
    name: "join loads of another path",
    file: "lifecycle/model-spec.ts",
    from: "a.path === b.path && ",
    to: "",
  },
  {
    name: "stop a load when the first of its callers leaves",
    file: "model-loads.ts",
    from: "if (record.waiterCount === 0 && record.isComing) {",
    to: "if (record.isComing) {",
  },
  {
    name: "go on with a load that nobody waits for",
    file: "model-loads.ts",
    from: "if (record.waiterCount === 0 && record.isComing) {",
    to: "if (record.waiterCount < 0) {",
  },
  {
    name: "unload the newest generation only",
    file: "model-loads.ts",
    from: "ids.flatMap((id) => this.#parts.registry.generations(id))",
    to: "ids.flatMap((id) => this.#parts.registry.generations(id).slice(-1))",
  },
  {
    name: "say not-found of a model that is on its way",
    file: "model-lookup.ts",
    from: "if (record?.isComing) throw notReady(record);",
    to: "",
  },
  {
    name: "admit inferences to a model that is draining",
    file: "lifecycle/model-record.ts",
    from: 'return this.#state.tag === "ready" || this.#state.tag === "reloading";',
    to: 'return this.#state.tag !== "queued" && this.#state.tag !== "loading";',
  },
  {
    name: "be ready before the purge is done",
    file: "model-manager.ts",
    from: "!(await this.#purge(old))",
    to: "!this.#purge(old)",
  },
  {
    name: "purge models of the local repository",
    file: "model-manager.ts",
    from: "[...this.#registry.all()].filter((record) => !record.pinned)",
    to: "[...this.#registry.all()]",
  },
  {
    name: "let an older load from the repository undo a newer one",
    file: "local-repository.ts",
    from: "if (this.#newest.get(entry.id) === turn) {",
    to: "if (turn > 0) {",
  },
  {
    name: "load after closing",
    file: "model-loads.ts",
    from: "phase.throwIfClosed();",
    to: "",
  },
  {
    name: "let runs take more than there is",
    file: "../engine/run-memory/budget.ts",
    from: "if (growth > this.totalBytes - this.#admittedBytes) return false;",
    to: "",
  },
  {
    name: "wake nobody who waits for memory",
    file: "../engine/run-memory/budget.ts",
    from: "this.#overtaking.delete(grant);\n    if (this.#waiting.size > 0) this.#wakeAll();",
    to: "this.#overtaking.delete(grant);",
  },
  {
    name: "keep the memory of runs whose host is gone",
    file: "../engine/run-memory/host-share.ts",
    from: "for (const grant of [...this.#runs.keys()]) this.#end(grant, 0);",
    to: "this.#runs.clear();",
  },
  {
    name: "give models what runs may take",
    file: "../config/memory-division.ts",
    from: "models: Math.max(0, container - buffer),",
    to: "models: Math.max(0, container - buffer + runs),",
  },
  {
    name: "forget the calls in the division",
    file: "../config/memory-division.ts",
    from: "wishes.buffer ?? serverOf(wishes) + hosts + runs + payloads;",
    to: "wishes.buffer ?? serverBytes + hosts + runs;",
  },
];
