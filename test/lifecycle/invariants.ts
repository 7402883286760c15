import { capacityBytes, isSizeOf, trueBytesOf } from "./model-files.ts";
import { bookedBytes, type Watched } from "./record-watch.ts";
import { loadLimitMs, type World } from "./world.ts";

/** What holds in every moment, even between two promises of one event. */
export function checkBooks(world: World): void {
  const { engine, manager, violations } = world;
  const present = [...world.watch.present()];
  const bookedSum = present.reduce((sum, { record }) => sum + bookedBytes(record.state), 0);
  const { usedBytes } = manager;
  violations.expect(
    usedBytes === bookedSum,
    "used memory is the sum over the states",
    () => `${usedBytes} are used, the states make ${bookedSum}`,
  );
  violations.expect(
    usedBytes <= capacityBytes,
    "used memory stays within the capacity",
    () => `${usedBytes} of ${capacityBytes}`,
  );
  let loadsInFlight = 0;
  const inHosts = new Map<string, string>();
  for (const copy of engine.copies) {
    if (copy.phase === "gone" || copy.phase === "lost") continue;
    const watched = world.watch.of(copy.signal);
    if (watched === undefined) throw new Error("a copy of a generation that nobody has seen");
    const { record } = watched;
    if (!watched.hasBeenReady) loadsInFlight++;
    const other = inHosts.get(record.id);
    violations.expect(
      other === undefined,
      "one generation of a model is in a host at a time, and once only",
      () => `${other} and ${copy.name} both are`,
    );
    inHosts.set(record.id, copy.name);
    const booked = watched.station === "removed" ? 0 : bookedBytes(record.state);
    violations.expect(
      copy.heldBytes <= booked,
      "hosts hold no more than is booked",
      () => `${copy.name} (${watched.station}) holds ${copy.heldBytes}, ${booked} are booked`,
    );
  }
  violations.expect(
    engine.heldBytes <= usedBytes,
    "hosts hold no more than is booked",
    () => `${engine.heldBytes} are held, ${usedBytes} booked`,
  );
  const { containerBytes, runBudgetBytes, otherBytes } = world.container;
  violations.expect(
    engine.runBytes <= runBudgetBytes,
    "runs take no more than their budget",
    () => `${engine.runBytes} of ${runBudgetBytes}`,
  );
  const mostBytes = Math.max(capacityBytes, usedBytes) + Math.max(runBudgetBytes, engine.runBytes);
  violations.expect(
    // The unit is a fraction.
    mostBytes + otherBytes <= containerBytes + 1,
    "models, runs and everything else fit the container together",
    () => `${mostBytes} and ${otherBytes} in ${containerBytes}`,
  );
  const { loadingConcurrency } = world.setup;
  violations.expect(
    loadsInFlight <= loadingConcurrency,
    "no more loads are in flight than allowed",
    () => `${loadsInFlight} of ${loadingConcurrency}`,
  );
}

/** What holds when all promises have reacted to what has happened so far. */
export function checkCalm(world: World): void {
  const { callers, engine, manager, violations, clock } = world;
  checkBooks(world);
  for (const watched of world.watch.present()) checkGeneration(world, watched);
  for (const copy of engine.copies) {
    const { station = "removed" } = world.watch.of(copy.signal) ?? {};
    violations.expect(
      copy.phase !== "loading" || copy.signal.aborted || isLoadWanted(station),
      "a load that nobody wants is aborted",
      () => `${copy.name} is ${station} and goes on loading`,
    );
  }
  const inferCount = callers.openLabels.filter((label) => label.startsWith("infer ")).length;
  let leaseCount = 0;
  for (const { record } of world.watch.all) leaseCount += record.leases.count;
  violations.expect(
    leaseCount === inferCount && manager.leaseCount <= leaseCount,
    "there is one lease for each inference in flight",
    () => `${leaseCount} leases, ${inferCount} inferences`,
  );
  violations.expect(
    callers.overdueLabels.length === 0,
    "a call whose caller has left ends at once",
    () => callers.overdueLabels.join(", "),
  );
  // A load's own limit is no reason to wait: it is there to end waiting.
  const isIdle = world.works.count === 0 && clock.pendingDelaysMs.every((ms) => ms === loadLimitMs);
  violations.expect(
    !isIdle || callers.openCount === 0,
    "nobody waits for nothing",
    () => `${callers.openLabels.join(", ")} with nothing under way`,
  );
}

function checkGeneration(world: World, watched: Watched): void {
  const { engine, violations, clock } = world;
  const { record, name, drain } = watched;
  const { state } = record;
  if (state.tag === "ready") {
    const file = record.source?.file ?? "";
    violations.expect(
      isSizeOf(file, state.sizeBytes),
      "a model is booked with what it takes",
      () => `${name} has ${state.sizeBytes} booked and takes ${trueBytesOf(file)}`,
    );
    watched.toldBytes ??= state.sizeBytes;
    violations.expect(
      state.sizeBytes === watched.toldBytes,
      "a model is booked with what was told of it, whatever becomes of its host",
      () => `${name} has ${state.sizeBytes} booked, ${watched.toldBytes} were told`,
    );
    const copy = [...engine.copies].find((each) => each === record.loaded);
    violations.expect(
      copy !== undefined &&
        (copy.phase === "loaded" || (copy.phase === "lost" && !copy.isLossKnown)),
      "a model that is ready is in a host that lives, or is not known to be dead",
      () => `${name} is ${copy?.phase ?? "nowhere"}`,
    );
  }
  if (record.isComing) {
    violations.expect(
      watched.callers.size > 0 || record.pinned,
      "a load goes on only while somebody waits for it",
      () => `${name} is ${state.tag}`,
    );
  }
  if (record.isComing || state.tag === "reloading") {
    violations.expect(
      clock.nowMs <= watched.loadSinceMs + loadLimitMs,
      "loading has an end",
      () => `${name} is ${state.tag} since ${watched.loadSinceMs} ms, now ${clock.nowMs} ms`,
    );
  }
  if (state.tag === "draining" && drain !== undefined) {
    violations.expect(
      clock.nowMs <= drain.sinceMs + drain.limitMs,
      "draining has an end",
      () => `${name} drains since ${drain.sinceMs} ms, now ${clock.nowMs} ms`,
    );
  }
}

function isLoadWanted(station: Watched["station"]): boolean {
  return station === "loading" || station === "reloading";
}

/** What holds at the very end, when the runtime is closed. */
export function checkEmpty(world: World): void {
  const { callers, clock, engine, manager, violations } = world;
  const rule = "nothing is left in the end";
  violations.expect(callers.openCount === 0, "every call ends", () =>
    callers.openLabels.join(", "),
  );
  violations.expect(manager.usedBytes === 0, rule, () => `${manager.usedBytes} bytes`);
  violations.expect(engine.heldBytes === 0, rule, () => `${engine.heldBytes} bytes in hosts`);
  const { admittedBytes, waitingCount } = engine.runMemory;
  violations.expect(admittedBytes === 0, rule, () => `${admittedBytes} bytes for runs`);
  violations.expect(waitingCount === 0, rule, () => `${waitingCount} runs wait for memory`);
  violations.expect(manager.modelIds.length === 0, rule, () => manager.modelIds.join(", "));
  violations.expect(manager.leaseCount === 0, rule, () => `${manager.leaseCount} leases`);
  const timers = clock.pendingDelaysMs;
  violations.expect(timers.length === 0, rule, () => `timers of ${timers.join(", ")} ms`);
}
