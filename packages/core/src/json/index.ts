export { parseStrictJson } from "./strict-json.ts";
export type { JsonObject, JsonValue, StrictJsonLimits } from "./strict-json.ts";
