import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SigningSettings } from "../config/signing/signing-settings.ts";
import type { Logger } from "../observe/log.ts";
import { ProcessFolder } from "../storage/process-folder.ts";
import { CopyFolders, type OwnFolder } from "./copy-folders.ts";
import { GuardedFolder } from "./guarded-folder.ts";
import { ModelSigning } from "./model-signing.ts";

/** Nothing is read or made before `open` and the first check. */
export function createSigning(settings: SigningSettings, log: Logger): ModelSigning {
  return new ModelSigning(settings, new CopyFolders(trustedFolder(settings)), log);
}

/** A new folder of this process that no other user can write to, for what is made of verified models. */
export function trustedFolder({ directory }: SigningSettings): OwnFolder {
  // The operator knows who may write there.
  if (directory !== undefined) return new ProcessFolder(directory);
  const user = process.getuid?.();
  const name = user === undefined ? "modelport-verified" : `modelport-verified-${user}`;
  return new GuardedFolder(new ProcessFolder(join(tmpdir(), name)));
}
