import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import * as fc from "fast-check";
import { DcrError } from "@accredit/core/errors";
import { readClientCertField } from "../src/http/client-certificate-field.ts";
import { readXfcc } from "../src/http/client-certificate-xfcc.ts";

const LEAF = Buffer.from(Array.from({ length: 120 }, (_, index) => index));
const ISSUER = Buffer.from("another certificate, as far as a header knows");
const field = (der: Buffer) => `:${der.toString("base64")}:`;
const pem = (...certificates: readonly Buffer[]) =>
  certificates
    .map((der) => {
      const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
      return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
    })
    .join("");
const encoded = (...certificates: readonly Buffer[]) =>
  encodeURIComponent(pem(...certificates));
const HASH = createHash("sha256").update(LEAF).digest("hex");
const hex = (chain: readonly Uint8Array[] | undefined) =>
  chain?.map((der) => Buffer.from(der).toString("hex"));

const FIELDS: Readonly<
  Record<
    string,
    {
      readonly leaf?: readonly string[];
      readonly chain?: readonly string[];
      /** Undefined: refused; null: no certificate. */
      readonly is?: readonly Buffer[] | null;
    }
  >
> = {
  "nothing at all": { is: null },
  "a leaf": { leaf: [field(LEAF)], is: [LEAF] },
  "a leaf and its issuers": {
    leaf: [field(LEAF)],
    chain: [`${field(ISSUER)}, ${field(LEAF)}`],
    is: [LEAF, ISSUER, LEAF],
  },
  "a leaf and an empty list": { leaf: [field(LEAF)], chain: [""], is: [LEAF] },
  "two leaves on two lines": { leaf: [field(LEAF), field(ISSUER)] },
  "the same leaf twice": { leaf: [field(LEAF), field(LEAF)] },
  "two leaves on one line": { leaf: [`${field(LEAF)}, ${field(ISSUER)}`] },
  "a chain without leaf": { chain: [field(ISSUER)] },
  "two chains": {
    leaf: [field(LEAF)],
    chain: [field(ISSUER), field(ISSUER)],
  },
  "an empty leaf": { leaf: [""] },
  "an empty byte sequence": { leaf: ["::"] },
  "an empty item in the chain": {
    leaf: [field(LEAF)],
    chain: [`${field(ISSUER)}, `],
  },
  "base64 without colons": { leaf: [LEAF.toString("base64")] },
  base64url: { leaf: [":-_-_:"] },
  "base64 without padding": { leaf: [":QUI:"] },
  "bits after the end": { leaf: [":QUJ=:"] },
  "a parameter": { leaf: [`${field(LEAF)};a=1`] },
  "a space inside": { leaf: [": QUJD:"] },
  PEM: { leaf: [pem(LEAF).replaceAll("\n", " ")] },
  "URL-encoded PEM": { leaf: [encoded(LEAF)] },
  "seventeen issuers": {
    leaf: [field(LEAF)],
    chain: [Array.from({ length: 17 }, () => field(ISSUER)).join(", ")],
  },
};

for (const [name, { leaf = [], chain = [], is }] of Object.entries(FIELDS)) {
  test(`[SEC-09] [A17] Client-Cert: ${name}`, () => {
    const read = () => readClientCertField(leaf, chain);
    if (is === undefined)
      assert.throws(read, { code: "certificate_malformed" });
    else assert.deepEqual(hex(read()), is === null ? undefined : hex(is));
  });
}

const XFCC: Readonly<
  Record<
    string,
    {
      readonly lines: readonly string[];
      readonly is?: readonly Buffer[] | null;
    }
  >
> = {
  "nothing at all": { lines: [], is: null },
  "Cert in quotes": { lines: [`Cert="${encoded(LEAF)}"`], is: [LEAF] },
  "Cert without quotes": { lines: [`Cert=${encoded(LEAF)}`], is: [LEAF] },
  Chain: {
    lines: [`Chain="${encoded(LEAF, ISSUER)}"`],
    is: [LEAF, ISSUER],
  },
  "everything Envoy writes": {
    lines: [
      `By=spiffe://example.org/envoy;Hash=${HASH};Cert="${encoded(LEAF)}";Chain="${encoded(LEAF, ISSUER)}";Subject="CN=a,O=\\"b;c\\"";URI=spiffe://example.org/a;URI=spiffe://example.org/b;DNS=a.example`,
    ],
    is: [LEAF, ISSUER],
  },
  "URI alone": { lines: ["URI=spiffe://example.org/admin"], is: null },
  "Hash alone": { lines: [`Hash=${HASH}`], is: null },
  "Subject that holds a URI": {
    lines: ['Subject="x;URI=spiffe://example.org/admin"'],
    is: null,
  },
  "Subject that holds a Cert": {
    lines: [`Subject="x;Cert=${encoded(ISSUER)}";Cert="${encoded(LEAF)}"`],
    is: [LEAF],
  },
  "Subject that ends its quotes": {
    lines: [`Subject="x\\";Cert=${encoded(ISSUER)};y=\\""`],
    is: null,
  },
  "quotes that never end": { lines: [`Cert="${encoded(LEAF)}`] },
  "text after the quotes": { lines: [`Cert="${encoded(LEAF)}"x`] },
  "Cert twice": {
    lines: [`Cert="${encoded(LEAF)}";Cert="${encoded(ISSUER)}"`],
  },
  "Cert in two cases": {
    lines: [`Cert="${encoded(LEAF)}";cert="${encoded(ISSUER)}"`],
  },
  "Chain of another": {
    lines: [`Cert="${encoded(LEAF)}";Chain="${encoded(ISSUER)}"`],
  },
  "Hash of another": {
    lines: [`Hash=${"0".repeat(64)};Cert="${encoded(LEAF)}"`],
  },
  "two elements": {
    lines: [`Cert="${encoded(ISSUER)}",Cert="${encoded(LEAF)}"`],
  },
  "two lines": {
    lines: [`Cert="${encoded(ISSUER)}"`, `Cert="${encoded(LEAF)}"`],
  },
  "an empty element": { lines: [""] },
  "an element after a comma": { lines: [`,Cert="${encoded(LEAF)}"`] },
  "a closing semicolon": { lines: [`Cert="${encoded(LEAF)}";`] },
  "a space between": { lines: [`By=a; Cert="${encoded(LEAF)}"`] },
  "no name": { lines: [`="${encoded(LEAF)}"`] },
  "encoded twice": {
    lines: [`Cert="${encodeURIComponent(encoded(LEAF))}"`],
  },
  "not encoded": {
    lines: [`Cert="${pem(LEAF).replaceAll("\n", "%0A")}"`],
    is: [LEAF],
  },
  "two in Cert": { lines: [`Cert="${encoded(LEAF, ISSUER)}"`] },
  "text before the PEM": { lines: [`Cert="x${encoded(LEAF)}"`] },
  "text after the PEM": { lines: [`Cert="${encoded(LEAF)}x"`] },
  "a key's PEM": {
    lines: [
      `Cert="${encoded(LEAF).replaceAll("CERTIFICATE", "PRIVATE%20KEY")}"`,
    ],
  },
  "a bad escape": { lines: ['Cert="%zz"'] },
  "half a character": { lines: ['Cert="%C3"'] },
  "an empty Cert": { lines: ['Cert=""'] },
};

for (const [name, { lines, is }] of Object.entries(XFCC)) {
  test(`[SEC-09] [A20] X-Forwarded-Client-Cert: ${name}`, () => {
    const read = () => readXfcc(lines);
    if (is === undefined)
      assert.throws(read, { code: "certificate_malformed" });
    else assert.deepEqual(hex(read()), is === null ? undefined : hex(is));
  });
}

test("[SEC-09] whatever the headers say, it is certificates, none, or one refusal that quotes nothing", () => {
  const piece = fc.oneof(
    fc.string({ unit: "binary-ascii", maxLength: 12 }),
    fc.constantFrom(
      "Cert=",
      "Chain=",
      ";",
      ",",
      '"',
      "\\",
      ":",
      encoded(LEAF),
      field(LEAF),
      "%0A",
    ),
  );
  const line = fc.array(piece, { maxLength: 8 }).map((all) => all.join(""));
  const lines = fc.array(line, { maxLength: 3 });
  fc.assert(
    fc.property(lines, lines, (one, other) => {
      for (const read of [
        () => readXfcc(one),
        () => readClientCertField(one, other),
      ]) {
        try {
          read();
        } catch (error) {
          assert.ok(error instanceof DcrError);
          assert.equal(error.code, "certificate_malformed");
          assert.match(error.message, /^[A-Za-z0-9 ,';=-]+$/);
        }
      }
    }),
    { numRuns: 300 },
  );
});
