import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pagePackages } from "./page-packages.ts";
import {
  isInstalled,
  type Lockfile,
  packageName,
  productionPackages,
} from "./production-packages.ts";

/** Licences that let us ship a package under Apache-2.0, given its notice. */
const allowedLicenses = new Set([
  "0BSD",
  "Apache-2.0",
  "BlueOak-1.0.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "ISC",
  "MIT",
]);

interface Notice {
  /** "name 1.2.3 (MIT)" */
  readonly title: string;
  readonly text: string;
}

/** The licences of every package that an install brings, and of those that are part of the page's bundle.
 *  Throws if one has a licence that nobody has looked at. */
export async function thirdPartyNotices(root: string, lockfile: Lockfile): Promise<string> {
  const paths = new Set([...productionPackages(lockfile).keys(), ...(await pagePackages(root))]);
  const notices = [...paths]
    .filter((path) => isInstalled(root, path))
    .sort()
    .map((path) => readNotice(root, path));
  // Many packages have the same text: it stands once, below all of their names.
  const byText = Map.groupBy(notices, ({ text }) => text);
  const blocks = [...byText].map(([text, group]) => {
    const titles = group.map(({ title }) => title).join("\n");
    return `${"-".repeat(78)}\n${titles}\n\n${text}\n`;
  });
  const intro =
    "Modelport depends on the packages below, or has parts of them in its page. Each is under its own licence:\n";
  return [intro, ...blocks].join("\n");
}

function readNotice(root: string, path: string): Notice {
  const folder = join(root, path);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    version: string;
    license?: string;
  };
  const title = `${packageName(path)} ${version} (${license?.replace(/[()]/g, "")})`;
  if (!isAllowed(license)) {
    throw new Error(`${title}: look at this licence, and add it to the allowed ones if it is`);
  }
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file));
  const texts = files.sort().map((file) => readFileSync(join(folder, file), "utf8").trim());
  const text =
    texts.length === 0
      ? `Its package has no text of the licence (${license}).`
      : texts.join("\n\n");
  return { title, text: text.replaceAll("\r\n", "\n") };
}

/** `license`: an SPDX expression without nesting. Of alternatives one has to be allowed. */
function isAllowed(license = ""): boolean {
  const parts = license.replace(/[()]/g, "").split(" AND ");
  return parts.every((part) => part.split(" OR ").some((name) => allowedLicenses.has(name)));
}
