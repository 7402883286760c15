import { accessSync, constants } from "node:fs";

const usualPaths = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/** Path of a Chromium on this machine, or undefined. `preferred`: where the user says that it is. */
export function findChromium(preferred: string | undefined): string | undefined {
  // A path that the user gave is used or missed, never silently replaced by another browser.
  const paths = preferred ? [preferred] : usualPaths;
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
