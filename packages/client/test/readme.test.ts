import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

const read = (path: string): Promise<string> =>
  readFile(new URL(path, import.meta.url), "utf8");

for (const file of ["readme-example.ts", "readme-libraries.ts"]) {
  test(`the README shows ${file}, which compiles`, async () => {
    const readme = await read("../README.md");
    const code = await read(file);
    assert.ok(readme.includes(`\`\`\`ts\n${code}\`\`\``), file);
  });
}

test("the README names every error code, and no other", async () => {
  const readme = await read("../README.md");
  const source = await read("../src/error.ts");
  const codes = [...source.matchAll(/^ {2}\| "(\w+)"/gm)].map(
    ([, code]) => code,
  );
  const named = [...readme.matchAll(/^\| `(\w+)` +\|/gm)].map(
    ([, code]) => code,
  );
  assert.deepEqual(named, codes);
});
