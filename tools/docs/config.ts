import { configReference } from "../../apps/accredit/src/config/index.ts";

/** `docs/config.md`: every key of the configuration file. */
export function configDocument(): string {
  const rows = configReference().map(
    ({ key, type, default: value, required, description }) => {
      const fallback = required
        ? "required"
        : value === undefined
          ? ""
          : `\`${value}\``;
      return `| \`${escape(key)}\` | ${escape(type)} | ${escape(fallback)} | ${escape(description)} |`;
    },
  );
  return `# Configuration

<!-- Made by \`npm run docs\` from the configuration's schema. -->

One file, YAML or JSON. Unknown keys are errors; relative paths are relative to the file. \`accredit config
check FILE\` lists every problem at once, each with its key, what came and what was expected;
\`accredit config schema\` prints the JSON Schema, also kept in [config.schema.json](config.schema.json).

In \`match.subject\`, \`*\` stands for exactly one path segment and a closing \`**\` for one or more; nothing
else is special. The first rule that matches decides; where none does, the registration is refused. An empty
or absent \`allow\` list allows nothing.

A template may hold \`{trust_domain}\`, \`{spiffe_id}\`, \`{path}\` and \`{path[N]}\`, the Nth path segment counted
from 0: for \`spiffe://example.org/ns/prod/agent/alice\`, \`{path[1]}\` is \`prod\` and \`{path[3]}\` is \`alice\`.

| key | type | default | meaning |
| --- | --- | --- | --- |
${rows.join("\n")}
`;
}

function escape(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
