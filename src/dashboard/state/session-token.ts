import { type Signal, signal } from "@preact/signals";

const key = "modelport.token";

/** What the user has entered to be known by, for as long as this tab is open; undefined without. */
export const sessionToken: Signal<string | undefined> = signal(stored());

/** Undefined forgets it. */
export function keepToken(token: string | undefined): void {
  sessionToken.value = token;
  try {
    if (token === undefined) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, token);
  } catch {
    // A browser that stores nothing for this page: the token goes with the next reload.
  }
}

function stored(): string | undefined {
  try {
    return sessionStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}
