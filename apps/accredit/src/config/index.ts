export { checkFiles } from "./files.ts";
export { loadConfig } from "./load.ts";
export { parseConfig } from "./parse.ts";
export { ConfigError } from "./problem.ts";
export type { ConfigProblem } from "./problem.ts";
export { configJsonSchema, configReference } from "./reference.ts";
export type { ConfigKey } from "./reference.ts";
export type { Config, LogLevel } from "./types.ts";
