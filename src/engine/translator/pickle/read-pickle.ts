import { ByteReader } from "./byte-reader.ts";
import { PickleMachine, textProtocol } from "./pickle-machine.ts";
import { opcodes, protocolOpcode, refusedOpcodes, stopOpcode } from "./pickle-opcodes.ts";
import type { PythonValue } from "./python-value.ts";
import { refuse } from "./refuse.ts";

/** An opcode may make a value of some 100 bytes. A few hundred per estimator are usual. */
const maxOpcodes = 20_000_000;

/** Reads a pickle of protocol 2 to 5, with the arrays that joblib writes between opcodes, as data: nothing is
 *  imported or called, and a name that is not in the list of allowed ones ends the reading. Arrays are views of
 *  `bytes`. Iterative. Throws RuntimeError "invalid-argument". */
export function readPickle(bytes: Uint8Array): PythonValue {
  const reader = new ByteReader(bytes);
  let opcodesLeft = maxOpcodes;
  const run = (machine: PickleMachine): PythonValue => {
    if (reader.bytes[reader.position] !== protocolOpcode) textProtocol();
    for (;;) {
      if (--opcodesLeft < 0) {
        refuse(`the pickle has more than ${maxOpcodes} opcodes: no model that can be served does`);
      }
      const opcode = reader.byte();
      if (opcode === stopOpcode) return machine.stack.pop();
      const execute = opcodes.get(opcode) ?? unknownOpcode(opcode, reader.position - 1);
      execute(machine);
    }
  };
  // joblib writes arrays of objects as pickles within the pickle, which hold no others.
  return run(new PickleMachine(reader, () => run(new PickleMachine(reader, undefined))));
}

function unknownOpcode(opcode: number, at: number): never {
  const what = refusedOpcodes.get(opcode);
  if (what !== undefined) {
    return refuse(`the pickle refers to ${what} at byte ${at}: that is not a scikit-learn model`);
  }
  const code = `0x${opcode.toString(16).padStart(2, "0")}`;
  return refuse(
    `the pickle has an unknown opcode ${code} at byte ${at}: the file is damaged, or not a pickle of protocol 2 to 5`,
  );
}
