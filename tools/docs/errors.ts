import { DCR_ERRORS } from "@accredit/core/errors";
import { WIRE_ERRORS } from "@accredit/server";

/** `docs/errors.md`: every reason code, what it means and what the caller sees. */
export function errorsDocument(): string {
  const rows = Object.entries(DCR_ERRORS).map(([code, meaning]) => {
    const { status, error } = WIRE_ERRORS[code as keyof typeof DCR_ERRORS];
    return `| \`${code}\` | ${meaning} | ${status} \`${error}\` |`;
  });
  return `# Errors

<!-- Made by \`npm run docs\` from core/errors.ts and server/wire/errors.ts. -->

Every refusal has one reason code. It stands in the audit trail and in the server's log under the request's
id, which the response carries as \`X-Request-Id\`. The caller sees the HTTP status, the OAuth \`error\` and an
\`error_description\` that says what was expected and what came.

At the token, introspection and revocation endpoints whatever is wrong with the credential is
\`401 invalid_client\` with one text for all reasons; the log has the code.

| code | meaning | on the wire |
| --- | --- | --- |
${rows.join("\n")}
`;
}
