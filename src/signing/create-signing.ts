import type { SigningSettings } from "../config/signing/signing-settings.ts";
import type { Logger } from "../observe/log.ts";
import { ProcessFolder } from "../storage/process-folder.ts";
import { CopyFolders, usualCopyDirectory } from "./copy-folders.ts";
import { ModelSigning } from "./model-signing.ts";

/** Nothing is read or made before `open` and the first check. */
export function createSigning(settings: SigningSettings, log: Logger): ModelSigning {
  const { directory } = settings;
  const usual = usualCopyDirectory();
  const folders =
    directory === undefined
      ? new CopyFolders(new ProcessFolder(usual), usual)
      : new CopyFolders(new ProcessFolder(directory));
  return new ModelSigning(settings, folders, log);
}
