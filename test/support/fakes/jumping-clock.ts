// Preloaded into the program (`--import`): its wall clock jumps by up to a day, back and forth, as where a machine
// wakes up, or somebody sets it. What Node's timers and `performance.now` go by is the monotonic clock.

const dayMs = 24 * 60 * 60 * 1000;
const jumpsMs = [dayMs, -dayMs, 3_600_000, -60_000, 0];
const betweenJumpsMs = 37;

const RealDate = Date;
let jumps = 0;
const nowMs = () => RealDate.now() + (jumpsMs[jumps % jumpsMs.length] ?? 0);

globalThis.Date = class extends RealDate {
  constructor(...parts: []) {
    if (parts.length === 0) super(nowMs());
    else super(...parts);
  }

  static override now(): number {
    return nowMs();
  }
} as DateConstructor;

setInterval(() => {
  jumps += 1;
}, betweenJumpsMs).unref();
