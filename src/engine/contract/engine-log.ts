/** Where the engine layer reports what no caller hears of. A pino logger is one. */
export interface EngineLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

export const silentLog: EngineLog = { info() {}, warn() {}, error() {} };
