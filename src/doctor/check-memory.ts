import { freemem, totalmem } from "node:os";
import type { Config, ConfigReading } from "../config/config.ts";
import { describeDivision } from "../config/memory-division.ts";
import { type Finding, judgeOf, sizeText } from "./finding.ts";

/** What the machine has. */
export interface MachineMemory {
  readonly totalBytes: number;
  readonly availableBytes: number;
  /** Of the cgroup; undefined where there is none. */
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

/** Whether what was set fits the machine. ModelMesh's own rules are those of the settings, and hold by now. */
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
    const advice = `set ${source.name} to what resources.limits.memory is, or raise that`;
    const message = `${source.name} is ${sizeText(setBytes)}, but ${roof} ${sizeText(roofBytes)}`;
    findings.push(judge("fail", message, `${advice}: the kernel ends processes that take more`));
  }
  if (source.kind === "default" && machine.limitBytes === undefined) {
    const advice = "set CONTAINER_MEM_REQ_BYTES, unless nothing else runs on this machine";
    findings.push(
      judge(
        "warn",
        `models may take all memory of the machine but ${sizeText(bufferBytes)}`,
        advice,
      ),
    );
  } else if (config.capacityBytes > machine.availableBytes && setBytes <= roofBytes) {
    const message = `models may take ${sizeText(config.capacityBytes)}, ${sizeText(machine.availableBytes)} are available now`;
    findings.push(
      judge("warn", message, "lower CONTAINER_MEM_REQ_BYTES, or end what else runs here"),
    );
  }
  if (findings.length > 0) return findings;
  return [judge("ok", describeDivision(config.memory))];
}
