import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ScrollArea } from "../parts/scroll-area.tsx";
import { type Call, type CallExample, callExamples } from "./call-examples.ts";

/** The same call for a shell and for programs, to copy. */
export function CallTabs({ call }: { call: Call }): JSX.Element {
  const examples = callExamples(call);
  const [title, setTitle] = useState<CallExample["title"]>("curl");
  const shown = examples.find((example) => example.title === title) ?? examples[0];
  return (
    <div class="calls">
      <div class="bar-of-tools">
        <h3>The same call</h3>
        <fieldset class="tabs" aria-label="Language">
          {examples.map((example) => (
            <button
              key={example.title}
              type="button"
              aria-pressed={example.title === title}
              onClick={() => setTitle(example.title)}
            >
              {example.title}
            </button>
          ))}
        </fieldset>
        <CopyButton text={shown?.text ?? ""} />
      </div>
      <ScrollArea label={`The call in ${title}`} class="code">
        <pre data-call={title}>{shown?.text}</pre>
      </ScrollArea>
    </div>
  );
}

function CopyButton({ text }: { text: string }): JSX.Element {
  const [word, setWord] = useState("Copy");
  const copy = async (): Promise<void> => {
    try {
      // Browsers provide it only on localhost and over TLS.
      await navigator.clipboard.writeText(text);
      setWord("Copied");
    } catch {
      setWord("Select and copy manually");
    }
    setTimeout(() => setWord("Copy"), 2000);
  };
  return (
    <button type="button" class="copy" onClick={() => void copy()}>
      <span role="status">{word}</span>
    </button>
  );
}
