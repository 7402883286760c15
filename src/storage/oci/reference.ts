import { RuntimeError } from "../../base/errors.ts";

/** What names an image or an artifact. */
export interface Reference {
  /** As it was written, such as "registry.example:5000" or "docker.io". */
  readonly registry: string;
  readonly repository: string;
  /** A tag, or a digest if there is one. */
  readonly version: string;
}

const host = String.raw`(?:[\w-]+(?:\.[\w-]+)*|\[[\da-fA-F:]+\])(?::\d{1,5})?`;
const name = String.raw`[a-z\d]+(?:(?:[._]|__|-+)[a-z\d]+)*(?:/[a-z\d]+(?:(?:[._]|__|-+)[a-z\d]+)*)*`;
const pattern = new RegExp(
  `^(${host})/(${name})(?::([\\w][\\w.-]{0,127}))?(?:@(sha256:[\\da-f]{64}|sha512:[\\da-f]{128}))?$`,
);

/** Reads "registry/repository[:tag][@digest]". The tag is "latest" if there is neither. Throws "invalid-argument". */
export function readReference(text: string): Reference {
  const [, registry = "", repository = "", tag = "latest", digest] = pattern.exec(text) ?? [];
  const isHost = /[.:]|^localhost$/.test(registry);
  if (!isHost) {
    throw new RuntimeError(
      "invalid-argument",
      `'${text.slice(0, 300)}' does not name an image, expected oci://registry/repository[:tag][@digest], with the registry's full host name`,
    );
  }
  const isOfficial = registry === "docker.io" && !repository.includes("/");
  return {
    registry,
    repository: isOfficial ? `library/${repository}` : repository,
    version: digest ?? tag,
  };
}

/** Where the registry answers. On this machine, registries have no certificates. */
export function addressOf(registry: string): string {
  if (registry === "docker.io") return "https://registry-1.docker.io";
  const isHere = /^(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?$/.test(registry);
  return `${isHere ? "http" : "https"}://${registry}`;
}
