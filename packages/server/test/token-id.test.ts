import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClientStore, makeProposal } from "@accredit/testkit";
import type { IssuedToken } from "../src/authorization-server/issued-tokens.ts";
import {
  isOfRegistration,
  tiedTokenId,
} from "../src/authorization-server/token-id.ts";

const NOW = 1_750_000_000;

async function registered(auditId: string) {
  const store = new FakeClientStore();
  const { client } = await store.register(makeProposal({ auditId, now: NOW }));
  return client;
}

const tokenOf = (tokenId: string, issuedAt = NOW): IssuedToken => ({
  tokenId,
  clientId: "c",
  subject: "c",
  instance: undefined,
  certificate: undefined,
  audience: "a",
  scope: undefined,
  issuedAt,
  expiresAt: NOW + 600,
});

test("[MGMT-06] a token is of the registration that it was issued under, whatever the clocks say", async () => {
  const [one, other] = [await registered("one"), await registered("other")];
  const tokenId = tiedTokenId("random-text_1", one);
  for (const issuedAt of [NOW - 3600, NOW, NOW + 3600]) {
    assert.equal(isOfRegistration(tokenOf(tokenId, issuedAt), one), true);
    assert.equal(isOfRegistration(tokenOf(tokenId, issuedAt), other), false);
  }
  for (const changed of [`${tokenId}.`, `x${tokenId}`, tokenId.slice(0, -1)])
    assert.equal(isOfRegistration(tokenOf(changed), one), false, changed);
  assert.equal(tokenId.includes("one"), false);
});

test("[MGMT-06] a client from before registrations had names keeps its tokens, and loses them with its registration", async () => {
  const client = await registered("one");
  const old = { ...client, registrationId: null };
  const tied = tokenOf(tiedTokenId("r", old), NOW + 60);
  assert.equal(isOfRegistration(tied, old), true);
  assert.equal(isOfRegistration(tied, client), false);
  // Issued by a release whose ids were not tied to anything.
  assert.equal(isOfRegistration(tokenOf("r", NOW), old), true);
  assert.equal(isOfRegistration(tokenOf("r", NOW), client), true);
  assert.equal(isOfRegistration(tokenOf("r", NOW - 1), client), false);
});
