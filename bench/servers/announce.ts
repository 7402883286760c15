/** Announces where this server listens, and ends the process when the bench closes its stdin or dies: a
 *  server must not outlive the run that started it. */
export function announce(port: number): void {
  process.stdout.write(`${JSON.stringify({ port })}\n`);
  process.stdin.resume().on("close", () => process.exit());
}
