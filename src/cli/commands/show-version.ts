import { RuntimeWatchService } from "../../../gen/modelport/v1/runtime_watch_pb.ts";
import { engineVersion, version } from "../../base/version.ts";
import type { RunCommand } from "../command.ts";
import { withServer } from "../connect/server-connection.ts";
import { exitCodes } from "../exit-code.ts";
import { printJson } from "../show/print-json.ts";
import { formatTable } from "../show/terminal-text.ts";

interface Versions {
  readonly modelport: string;
  readonly node: string;
  readonly engine: string;
}

export const run: RunCommand = async (args, terminal) => {
  const client: Versions = {
    modelport: version,
    node: process.versions.node,
    engine: engineVersion,
  };
  const isJson = args.text("output") === "json";
  if (!args.has("server")) {
    if (isJson) printJson(terminal, { client });
    else terminal.stdout.write(formatTable([describe("modelport", client)]));
    return exitCodes.ok;
  }
  return await withServer(args, async (connection) => {
    const { snapshot } = await connection.client(RuntimeWatchService).getSnapshot({});
    const { modelport = "", node = "", engine = "" } = snapshot?.runtime?.versions ?? {};
    const server: Versions = { modelport, node, engine };
    if (isJson) printJson(terminal, { client, server });
    else {
      terminal.stdout.write(
        formatTable([describe("this command", client), describe(connection.address.label, server)]),
      );
    }
    return exitCodes.ok;
  });
};

function describe(what: string, { modelport, node, engine }: Versions): string[] {
  return [what, modelport, `node ${node}`, engine];
}
