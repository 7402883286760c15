import { freemem, totalmem } from "node:os";
import { formatBytes } from "../clients/figures.ts";
import type { Config, ConfigReading } from "../config/config.ts";
import { describeDivision } from "../config/memory-division.ts";
import { type Finding, judgeOf } from "./finding.ts";

/** The machine's memory. */
export interface MachineMemory {
  readonly totalBytes: number;
  readonly availableBytes: number;
  /** The cgroup's limit; undefined if there is none. */
  readonly limitBytes: number | undefined;
}

export function machineMemory(): MachineMemory {
  const limit = process.constrainedMemory();
  const totalBytes = totalmem();
  return {
    totalBytes,
    availableBytes: freemem(),
    limitBytes: limit > 0 && limit < totalBytes ? limit : undefined,
  };
}

/** Whether the memory settings fit the machine. The settings check has already enforced ModelMesh's own rules. */
export function checkMemory(
  config: Config,
  values: ConfigReading["values"],
  machine: MachineMemory = machineMemory(),
): Finding[] {
  const judge = judgeOf("memory");
  const { value, source } = values["container-memory"];
  const setBytes = Number(value);
  const bufferBytes = setBytes - config.capacityBytes;
  const findings: Finding[] = [];
  const roofBytes = machine.limitBytes ?? machine.totalBytes;
  const roof =
    machine.limitBytes === undefined ? "this machine has" : "the cgroup allows this container";
  if (setBytes > roofBytes) {
    const advice = `set ${source.name} to resources.limits.memory, or raise that limit`;
    const message = `${source.name} is ${formatBytes(setBytes)}, but ${roof} ${formatBytes(roofBytes)}`;
    findings.push(judge("fail", message, `${advice}: the kernel kills processes that take more`));
  }
  if (source.kind === "default" && machine.limitBytes === undefined) {
    const advice = "set CONTAINER_MEM_REQ_BYTES, unless nothing else runs on this machine";
    findings.push(
      judge(
        "warn",
        `models may take all of the machine's memory but ${formatBytes(bufferBytes)}`,
        advice,
      ),
    );
  } else if (config.capacityBytes > machine.availableBytes && setBytes <= roofBytes) {
    const message = `models may take ${formatBytes(config.capacityBytes)}, ${formatBytes(machine.availableBytes)} are available now`;
    findings.push(
      judge(
        "warn",
        message,
        "lower CONTAINER_MEM_REQ_BYTES, or stop other programs on this machine",
      ),
    );
  }
  if (findings.length > 0) return findings;
  return [judge("ok", describeDivision(config.memory))];
}
