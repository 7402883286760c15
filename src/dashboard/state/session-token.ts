import { type Signal, signal } from "@preact/signals";

const key = "modelport.token";

/** The token that the user has entered, for as long as this tab is open; undefined without one. */
export const sessionToken: Signal<string | undefined> = signal(stored());

/** Undefined forgets it. */
export function keepToken(token: string | undefined): void {
  sessionToken.value = token;
  try {
    if (token === undefined) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, token);
  } catch {
    // The browser stores nothing for this page: the token is lost on the next reload.
  }
}

function stored(): string | undefined {
  try {
    return sessionStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}
