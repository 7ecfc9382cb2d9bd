import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DcrError } from "@accredit/core";
import { didWebUrl } from "@accredit/core/vc";

test("[KEYR-03] a did:web names one https URL", () => {
  for (const [did, url] of [
    ["did:web:issuer.example", "https://issuer.example/.well-known/did.json"],
    [
      "did:web:w3c-ccg.github.io",
      "https://w3c-ccg.github.io/.well-known/did.json",
    ],
    [
      "did:web:w3c-ccg.github.io:user:alice",
      "https://w3c-ccg.github.io/user/alice/did.json",
    ],
    [
      "did:web:example.com%3A3000:user:alice",
      "https://example.com:3000/user/alice/did.json",
    ],
    ["did:web:example.com%3A443", "https://example.com/.well-known/did.json"],
    [
      "did:web:xn--bcher-kva.example:A_b-c.d",
      "https://xn--bcher-kva.example/A_b-c.d/did.json",
    ],
    ["did:web:a.1b", "https://a.1b/.well-known/did.json"],
    ["did:web:example.com:...", "https://example.com/.../did.json"],
  ] as const)
    assert.equal(didWebUrl(did).href, url, did);
  assert.equal(
    didWebUrl("did:web:localhost%3A8443:i", { allowLocalhost: true }).href,
    "https://localhost:8443/i/did.json",
  );
});

const BAD = [
  "",
  "did:web",
  "did:web:",
  "did:web::a",
  "DID:web:a.example",
  "did:Web:a.example",
  "did:key:z6Mk",
  " did:web:a.example",
  "did:web:a.example\n",
  "did:web:a.example ",
  "did:web:127.0.0.1",
  "did:web:127.1",
  "did:web:2130706433",
  "did:web:0x7f.1",
  "did:web:0x7f000001",
  "did:web:017700000001",
  "did:web:0",
  "did:web:[::1]",
  "did:web:%5B::1%5D",
  "did:web:１27.0.0.1",
  "did:web:1.2.3.4%3A80",
  "did:web:localhost",
  "did:web:localhost%3A6379",
  "did:web:a.localhost",
  "did:web:localhost.",
  "did:web:evil.com%2F..%2F",
  "did:web:evil.com%2f",
  "did:web:a%40b",
  "did:web:a@b",
  "did:web:u:p@b",
  "did:web:a%3a80",
  "did:web:a%3A",
  "did:web:a%3A0",
  "did:web:a%3A080",
  "did:web:a%3A65536",
  "did:web:a%3A80%3A80",
  "did:web:a%3A+80",
  "did:web:ex.com:..:x",
  "did:web:ex.com:.",
  "did:web:ex.com::x",
  "did:web:ex.com:x:",
  "did:web:ex.com:%2e%2e",
  "did:web:ex.com:a/b",
  "did:web:ex.com:a?b",
  "did:web:ex.com#key",
  "did:web:ex.com:a#b",
  "did:web:ex.com:a%20b",
  "did:web:ex.com\\x",
  "did:web:EX.com",
  "did:web:bücher.example",
  "did:web:аpple.example",
  "did:web:a..b",
  "did:web:.a",
  "did:web:a.",
  "did:web:-a.b",
  "did:web:a_b.example",
  `did:web:${"a".repeat(64)}.example`,
  `did:web:${"a.".repeat(127)}aaa`,
  `did:web:a.example:${"b".repeat(2048)}`,
];

test("[KEYR-03] [F08] [F01] a did:web that could lead elsewhere is refused", () => {
  for (const did of BAD)
    assert.throws(
      () => didWebUrl(did),
      { name: "DcrError", code: "did_invalid" },
      did,
    );
  for (const did of [
    "did:web:127.0.0.1",
    "did:web:a.localhost",
    "did:web:[::1]",
  ])
    assert.throws(
      () => didWebUrl(did, { allowLocalhost: true }),
      { code: "did_invalid" },
      did,
    );
});

test("[F08] whatever is taken keeps its host, and stays below it", () => {
  const part = fc.oneof(
    fc.constantFrom(
      "a",
      "A",
      ".",
      "..",
      "%3A",
      "%2F",
      ":",
      "/",
      "@",
      "#",
      "?",
      "\\",
      "127",
      "0x7f",
      "localhost",
      "-",
      "é",
    ),
    fc.string({ maxLength: 3 }),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      const did = `did:web:${parts.join("")}`;
      let url: URL;
      try {
        url = didWebUrl(did);
      } catch (error) {
        assert.ok(error instanceof DcrError && error.code === "did_invalid");
        return;
      }
      const [host = "", ...path] = did.slice(8).split(":");
      assert.equal(url.protocol, "https:");
      assert.equal(url.hostname, host.split("%3A")[0]);
      assert.equal(url.username + url.password + url.search + url.hash, "");
      const where = path.length === 0 ? ".well-known" : path.join("/");
      assert.equal(url.pathname, `/${where}/did.json`);
    }),
    { numRuns: 2000 },
  );
});
