import assert from "node:assert/strict";
import { test } from "node:test";
import {
  jwtVc,
  refused,
  sdJwtText,
  vcJwt,
  verify,
  withVc,
  type Members,
} from "./credential-fixture.ts";

const LIST = "https://issuer.example/status/1";
const ENTRY = {
  id: `${LIST}#7`,
  type: "BitstringStatusListEntry",
  statusPurpose: "revocation",
  statusListIndex: "7",
  statusListCredential: LIST,
};
const REFERENCE = {
  kind: "bitstring",
  listUrl: LIST,
  index: 7,
  purpose: "revocation",
  size: 1,
};
const TOKEN = { status_list: { idx: 3, uri: LIST } };
const TOKEN_REFERENCE = { kind: "token_status_list", listUrl: LIST, index: 3 };

const withStatus = async (credentialStatus: unknown) => [
  await jwtVc(withVc({ credentialStatus })),
  await vcJwt({ credentialStatus }),
];

for (const [name, credentialStatus, expected] of [
  ["one entry", ENTRY, [REFERENCE]],
  [
    "entries in an array",
    [ENTRY, { ...ENTRY, statusListIndex: "0" }],
    [REFERENCE, { ...REFERENCE, index: 0 }],
  ],
  [
    "StatusList2021",
    { ...ENTRY, type: "StatusList2021Entry" },
    [{ ...REFERENCE, kind: "status_list_2021" }],
  ],
  [
    "two bits",
    { ...ENTRY, statusSize: 2, statusMessage: [{}, {}, {}, {}] },
    [{ ...REFERENCE, size: 2 }],
  ],
  [
    "another mechanism",
    { id: "x", type: "CredentialStatusList2017" },
    [{ kind: "unknown", type: "CredentialStatusList2017" }],
  ],
  [
    "a suspension",
    { ...ENTRY, id: undefined, statusPurpose: "suspension" },
    [{ ...REFERENCE, purpose: "suspension" }],
  ],
  [
    "an index beyond 32 bits",
    { ...ENTRY, statusListIndex: "9007199254740991" },
    [{ ...REFERENCE, index: Number.MAX_SAFE_INTEGER }],
  ],
] as const) {
  test(`[STAT-07] [AMB-09] tells of ${name}`, async () => {
    for (const token of await withStatus(credentialStatus))
      assert.deepEqual((await verify(token)).status, expected);
  });
}

test("[STAT-02] [AMB-09] tells of the status claim, in every format", async () => {
  for (const token of [
    await sdJwtText({ status: TOKEN }),
    await jwtVc({ status: TOKEN }),
    await vcJwt({ status: TOKEN }),
  ])
    assert.deepEqual((await verify(token)).status, [TOKEN_REFERENCE]);
  const both = await vcJwt({
    credentialStatus: ENTRY,
    status: { ...TOKEN, other: {} },
  });
  assert.deepEqual((await verify(both)).status, [
    REFERENCE,
    TOKEN_REFERENCE,
    { kind: "unknown", type: "other" },
  ]);
});

for (const index of [
  "-1",
  "1.5",
  "1e3",
  "0x10",
  " 5",
  "5 ",
  "٥",
  "",
  "007",
  "9007199254740992",
  "99999999999999999999",
  7,
  null,
  [],
  {},
  true,
  undefined,
]) {
  test(`[STAT-07] [V17] refuses statusListIndex ${JSON.stringify(index)}`, async () => {
    for (const token of await withStatus({ ...ENTRY, statusListIndex: index }))
      await refused(token, "claims_invalid");
  });
}
for (const idx of ["5", -1, 1.5, 2 ** 53, null, undefined, [], true]) {
  test(`[STAT-02] [V17] refuses idx ${JSON.stringify(idx)}`, async () => {
    const status = { status_list: { idx, uri: LIST } };
    await refused(await sdJwtText({ status }), "claims_invalid");
  });
}

for (const [name, change] of [
  ["no list", { statusListCredential: undefined }],
  ["a list that is no URL", { statusListCredential: "status" }],
  ["a list that is an object", { statusListCredential: {} }],
  ["a list with a space", { statusListCredential: `${LIST} ` }],
  ["no purpose", { statusPurpose: undefined }],
  ["purposes in an array", { statusPurpose: ["revocation"] }],
  ["no type", { type: undefined }],
  ["types in an array", { type: ["BitstringStatusListEntry"] }],
  ["the list's URL as its id", { id: LIST }],
  ["size 0", { statusSize: 0 }],
  ["size 1.5", { statusSize: 1.5 }],
  ["size as text", { statusSize: "1" }],
  ["size 33", { statusSize: 33 }],
  ["two bits and no messages", { statusSize: 2 }],
  ["two bits and three messages", { statusSize: 2, statusMessage: [1, 2, 3] }],
] as readonly (readonly [string, Members])[]) {
  test(`[STAT-07] refuses a status entry with ${name}`, async () => {
    for (const token of await withStatus({ ...ENTRY, ...change }))
      await refused(token, "claims_invalid");
  });
}

test("[STAT-12] refuses status that is no status, and too much of it", async () => {
  for (const value of ["x", 7, null, ["x"], [null], true])
    for (const token of await withStatus(value))
      await refused(token, "claims_invalid");
  for (const status of [
    "x",
    null,
    [],
    {},
    { status_list: "x" },
    { status_list: null },
  ])
    await refused(await sdJwtText({ status }), "claims_invalid");
  const many = Array.from({ length: 17 }, () => ENTRY);
  for (const token of await withStatus(many))
    await refused(token, "claims_invalid");
});

test("[STAT-10] an entry that tells of something else is no status where there has to be one", async () => {
  for (const statusPurpose of ["message", "refresh"])
    for (const token of await withStatus({ ...ENTRY, statusPurpose }))
      await refused(token, "claims_invalid", { status: "required" });
});

test("[AMB-09] whether there has to be one is the trust source's rule", async () => {
  const bare = [await jwtVc({}), await vcJwt({}), await sdJwtText()];
  for (const token of bare) {
    await verify(token, { status: "if_present" });
    await refused(token, "claims_invalid", { status: "required" });
  }
  for (const token of [
    ...(await withStatus(ENTRY)),
    await sdJwtText({ status: TOKEN }),
  ]) {
    assert.equal(
      (await verify(token, { status: "required" })).status.length,
      1,
    );
    // Kept all the same: the rule may be another one later.
    assert.equal((await verify(token, { status: "off" })).status.length, 1);
  }
});
