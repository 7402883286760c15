// Every script that people start (this program, the tests, the checks) asks here first whether it can
// run at all. Plain CommonJS in the words of Node 12: an old Node must be able to read the file that
// tells people that it is too old.

// biome-ignore lint/style/useNodejsImportProtocol: Node before 14.18 cannot require "node:fs".
const { existsSync } = require("fs");
// biome-ignore lint/style/useNodejsImportProtocol: as above.
const { join } = require("path");

const [NEEDED_MAJOR, NEEDED_MINOR] = [22, 18];

/** Ends the process with status 1 and one message if this Node, or a missing module, rules out a run. */
module.exports = function requireNode() {
  const problem = nodeProblem(process.versions.node) || modulesProblem();
  if (!problem) return;
  process.stderr.write(`modelport: ${problem}\n`);
  process.exit(1);
};

/** What is wrong with Node `version` ("20.1.0"), or undefined. */
function nodeProblem(version) {
  const [major, minor] = version.split(".").map(Number);
  if (major > NEEDED_MAJOR || (major === NEEDED_MAJOR && minor >= NEEDED_MINOR)) return undefined;
  return [
    `this is Node ${version}, but Node ${NEEDED_MAJOR}.${NEEDED_MINOR} or newer is needed.`,
    "In a checkout, `npm ci` installs Node 24 into node_modules, and npm's scripts use that one:",
    "  npm ci",
    "  npm start         serves the example models",
    "  npm run serve     serves with your own settings (after `--`)",
    "  npm test          runs the tests",
    "  npm run check     runs every other check",
  ].join("\n");
}

/** Which dependencies are not installed, or undefined. */
function modulesProblem() {
  const { dependencies } = require("../package.json");
  const missing = Object.keys(dependencies).filter(
    (name) => !module.paths.some((folder) => existsSync(join(folder, name, "package.json"))),
  );
  if (missing.length === 0) return undefined;
  return `modules are missing (${missing.join(", ")}): run \`npm ci\` first.`;
}
