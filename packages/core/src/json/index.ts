export { parseStrictJson } from "./strict-json.ts";
export type {
  JsonObject,
  JsonValue,
  RootNumberListener,
  StrictJsonLimits,
} from "./strict-json.ts";
