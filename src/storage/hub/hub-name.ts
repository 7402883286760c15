import { RuntimeError } from "../../base/errors.ts";

/** What the text behind `hf://` names. */
export interface HubName {
  /** "owner/model", or "model" for the oldest ones. */
  readonly repository: string;
  /** A branch, a tag, a commit or "refs/pr/1"; "" for the default branch. */
  readonly revision: string;
  /** A file or a folder of the repository; "" for all of it. */
  readonly path: string;
}

const maxBytes = 96;
const part = /^[\w-](?:[\w.-]*[\w-])?$/;

/** Reads "owner/model[@revision][/file]"; KServe's "owner/model:revision" means the same. Throws "invalid-argument".
 *  `what` names the model in messages. */
export function readHubName(text: string, what: string): HubName {
  const parts = text.replace(/\/+$/, "").split("/");
  const [first = "", second = ""] = parts;
  const isOld = parts.length === 1 || /[@:]/.test(first);
  const [model = "", mark = ""] = split(isOld ? first : second);
  const repository = isOld ? model : `${first}/${model}`;
  const rest = parts.slice(isOld ? 1 : 2);
  // The only revisions that have slashes.
  const isReference = mark === "refs" && /^(?:pr|convert)$/.test(rest[0] ?? "");
  const revision = isReference ? ["refs", ...rest.splice(0, 2)].join("/") : mark;
  checkRepository(repository, what);
  checkRevision(revision, what);
  return { repository, revision, path: rest.join("/") };
}

export function checkRepository(repository: string, what: string): void {
  const parts = repository.split("/");
  const isSound =
    parts.length <= 2 &&
    repository.length <= maxBytes &&
    parts.every((each) => part.test(each) && !each.includes("..") && !each.includes("--"));
  if (isSound) return;
  throw new RuntimeError(
    "invalid-argument",
    `${what}: '${repository.slice(0, 200)}' is not the name of a model on the hub, expected hf://owner/model[@revision][/file]`,
  );
}

export function checkRevision(revision: string, what: string): void {
  if (revision === "" || (/^[\w][\w./-]{0,199}$/.test(revision) && !revision.includes("..")))
    return;
  throw new RuntimeError(
    "invalid-argument",
    `${what}: '${revision.slice(0, 200)}' is not a revision of the hub, expected a branch, a tag or a commit`,
  );
}

function split(text: string): string[] {
  const at = text.search(/[@:]/);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
