import type { ComponentChildren, JSX } from "preact";

/** A part of the page that scrolls by itself, also with the keyboard. */
export function ScrollArea(props: {
  readonly label: string;
  readonly class?: string;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: who has no mouse scrolls what has the focus.
    <section class={`scroll ${props.class ?? ""}`} tabIndex={0} aria-label={props.label}>
      {props.children}
    </section>
  );
}
