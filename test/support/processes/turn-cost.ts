/** The CPU time of the event loop's turns in this thread. Unlike how late the loop is, it does not depend on what
 *  else the machine does. */
export class TurnCost {
  #worstMs = 0;
  #isOver = false;
  #before = process.threadCpuUsage();

  /** Looks at every turn from now on, and keeps the loop turning for that. */
  start(): void {
    this.#before = process.threadCpuUsage();
    this.#worstMs = 0;
    this.#isOver = false;
    this.#look();
  }

  /** Of the turn that took most, in milliseconds. */
  stop(): number {
    this.#isOver = true;
    return this.#worstMs;
  }

  #look(): void {
    setImmediate(() => {
      const { user, system } = process.threadCpuUsage(this.#before);
      this.#before = process.threadCpuUsage();
      this.#worstMs = Math.max(this.#worstMs, (user + system) / 1_000);
      if (!this.#isOver) this.#look();
    });
  }
}
