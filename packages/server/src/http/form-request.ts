import type { IncomingMessage } from "node:http";
import { DcrError } from "@accredit/core/errors";
import { checkMediaType } from "./framing.ts";
import {
  parseFormParameters,
  type FormParameters,
} from "../wire/form-parameters.ts";

/**
 * The parameters of a form request. A query is refused: parameters there would reach access logs, and a
 * credential must never be in a URL (RFC 6749 section 2.3.1).
 *
 * @throws {DcrError} `request_malformed`, `media_type_unsupported`
 */
export function readFormRequest(
  request: IncomingMessage,
  body: Uint8Array,
): FormParameters {
  if (request.url?.includes("?") === true) {
    throw new DcrError(
      "request_malformed",
      "expected the parameters in the request body, got a query",
    );
  }
  checkMediaType(request, "application/x-www-form-urlencoded");
  return parseFormParameters(body);
}
