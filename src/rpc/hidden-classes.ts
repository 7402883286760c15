const kept: object[] = [];

/** Keeps `sample` for ever, for its hidden classes alone. V8 collects those of which no object lives, as when a
 *  server is idle for some seconds, and throws away with them all the code that it has compiled for them:
 *  what makes objects for a moment only would start anew, slowly, after each pause. */
export function keepHiddenClasses(sample: object): void {
  kept.push(sample);
}
