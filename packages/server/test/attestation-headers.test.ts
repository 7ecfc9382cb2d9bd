import assert from "node:assert/strict";
import { test } from "node:test";
import { readAttestationHeaders } from "../src/http/attestation-headers.ts";

const WIT = "OAuth-Client-Attestation";
const POP = "OAuth-Client-Attestation-PoP";
const read = (...rawHeaders: string[]) =>
  readAttestationHeaders({ rawHeaders }, { takesWit: true });

test("[CAUTH-09] the two headers, in whatever case and order, once each", () => {
  assert.equal(read("Host", "a"), undefined);
  assert.deepEqual(
    read(POP.toLowerCase(), "p.o.p", "Host", "a", WIT, "w.i.t"),
    {
      attestation: "w.i.t",
      proof: "p.o.p",
    },
  );
});

test("[CAUTH-09] where they are not taken, they are not looked at", () => {
  const taken = { takesWit: false };
  for (const rawHeaders of [
    [WIT, "w.i.t", POP, "p.o.p"],
    [WIT, "no token", WIT, ""],
  ])
    assert.equal(readAttestationHeaders({ rawHeaders }, taken), undefined);
});

for (const [name, headers] of Object.entries({
  "the attestation alone": [WIT, "w.i.t"],
  "the proof alone": [POP, "p.o.p"],
  "two attestations": [WIT, "w.i.t", WIT, "w.i.t", POP, "p.o.p"],
  "two proofs": [WIT, "w.i.t", POP, "p.o.p", POP, "p.o.q"],
  "two on one line": [WIT, "w.i.t, w.i.t", POP, "p.o.p"],
  "an empty one": [WIT, "", POP, "p.o.p"],
  "a scheme before it": [WIT, "Bearer w.i.t", POP, "p.o.p"],
  "a quoted one": [WIT, '"w.i.t"', POP, "p.o.p"],
  "look-alike names": ["OAuth_Client_Attestation", "w.i.t", POP, "p.o.p"],
})) {
  test(`[CAUTH-09] [SEC-09] attestation headers: ${name}`, () => {
    assert.throws(() => read(...headers), { code: "attestation_malformed" });
  });
}
