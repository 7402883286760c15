import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { usePage } from "../state/page-state.ts";
import { keepToken, sessionToken } from "../state/session-token.ts";
import { Dialog } from "./dialog.tsx";

/** Asks for a token if one would allow more; if there is one, offers to forget it. */
export function TokenButton(): JSX.Element | null {
  const { store, watch } = usePage();
  const [isOpen, setOpen] = useState(false);
  const use = (token: string | undefined): void => {
    keepToken(token);
    setOpen(false);
    watch.reconnect();
  };
  const isWanted =
    watch.isRefused.value || (store.takesTokens.value && !store.mayChangeModels.value);
  const hasToken = sessionToken.value !== undefined;
  return (
    <>
      {isWanted && (
        <button type="button" onClick={() => setOpen(true)}>
          Enter a token …
        </button>
      )}
      {hasToken && (
        <button type="button" onClick={() => use(undefined)}>
          Forget the token
        </button>
      )}
      {isOpen && <TokenDialog onEnter={use} onClose={() => setOpen(false)} />}
    </>
  );
}

function TokenDialog(props: {
  readonly onEnter: (token: string) => void;
  readonly onClose: () => void;
}): JSX.Element {
  const { onEnter, onClose } = props;
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    onEnter(String(form.get("token") ?? "").trim());
  };
  return (
    <Dialog title="Enter a token" onClose={onClose}>
      <form onSubmit={submit} class="form">
        <label>
          Token
          <input
            name="token"
            type="password"
            required={true}
            autocomplete="off"
            // A token that no header can carry would fail without a message.
            pattern="\s*[A-Za-z0-9\-._~+\/]+=*\s*"
            aria-describedby="token-hint"
          />
          <small id="token-hint" class="muted">
            Ask the operator for one. It is kept in this tab only, and lost when the tab is closed.
          </small>
        </label>
        <div class="buttons">
          <button type="submit" class="primary">
            Use it
          </button>
          <button type="button" onClick={onClose}>
            Close
          </button>
        </div>
      </form>
    </Dialog>
  );
}
