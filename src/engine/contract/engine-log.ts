/** Receives what the engine layer reports outside of any call. A pino logger is one. */
export interface EngineLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

export const silentLog: EngineLog = { info() {}, warn() {}, error() {} };
