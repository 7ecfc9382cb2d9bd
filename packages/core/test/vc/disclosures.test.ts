import assert from "node:assert/strict";
import { test } from "node:test";
import {
  disclosureDigest,
  makeDisclosure,
  presentSdJwt,
} from "@accredit/testkit";
import {
  GOOD_SD_JWT_VC,
  issuer,
  refused,
  sdJwtVc,
  verify,
  type Members,
} from "./credential-fixture.ts";

/** An SD-JWT VC of exactly these claims beside the good ones, with exactly these disclosures. */
async function minted(
  claims: Members,
  disclosures: readonly string[],
): Promise<string> {
  const jwt = await issuer.sign(
    { ...GOOD_SD_JWT_VC, ...claims },
    { typ: "dc+sd-jwt" },
  );
  return presentSdJwt(jwt, disclosures);
}

const text = (value: unknown) =>
  Buffer.from(
    typeof value === "string" ? value : JSON.stringify(value),
  ).toString("base64url");
const member = makeDisclosure("software_id", "agent");
const element = makeDisclosure(undefined, "ops@example.org");
const digest = disclosureDigest;
const outer = makeDisclosure("extra", { _sd: [digest(member)] });
const DECOY = digest("nothing");

test("[VC-11] a member, an element, and what is hidden inside what was hidden", async () => {
  const inner = makeDisclosure("kty", "EC");
  const nest = makeDisclosure("extra", {
    _sd: [digest(inner), DECOY],
    list: [{ "...": digest(element) }, { "...": digest("decoy") }, 1],
  });
  const { claims } = await verify(
    await minted({ _sd: [digest(nest)] }, [inner, element, nest]),
  );
  const { extra } = JSON.parse(JSON.stringify(claims)) as Members;
  assert.deepEqual(extra, { kty: "EC", list: ["ops@example.org", 1] });
});

for (const [algorithm, hash] of [
  ["sha-256", "sha-256"],
  ["sha-384", "sha-384"],
  ["sha-512", "sha-512"],
] as const) {
  test(`[VC-11] digests by ${algorithm}`, async () => {
    const token = await minted(
      { _sd_alg: algorithm, _sd: [digest(member, hash)] },
      [member],
    );
    const { claims } = await verify(token);
    assert.equal(claims["software_id"], "agent");
    assert.equal("_sd_alg" in claims, false);
  });
}

for (const algorithm of [
  "md5",
  "sha-1",
  "SHA-256",
  "sha256",
  "sha3-256",
  "",
  [],
  ["sha-256"],
  null,
  7,
  {},
]) {
  test(`[V08] refuses _sd_alg ${JSON.stringify(algorithm)}`, async () => {
    const claims = { _sd_alg: algorithm, _sd: [digest(member)] };
    await refused(await minted(claims, [member]), "disclosure_invalid");
    await refused(
      await minted({ _sd_alg: algorithm }, []),
      "disclosure_invalid",
    );
  });
}

test("[V07] refuses a disclosure that was edited after it was signed", async () => {
  const { issuerJwt, disclosures } = await sdJwtVc({}, { hidden: ["scope"] });
  const [, name, value] = JSON.parse(
    Buffer.from(disclosures[0] ?? "", "base64url").toString(),
  ) as [string, string, string];
  assert.deepEqual([name, value], ["scope", "read"]);
  for (const edited of [
    makeDisclosure("scope", "admin"),
    // The same values as written by somebody else.
    Buffer.from(
      Buffer.from(disclosures[0] ?? "", "base64url")
        .toString()
        .replace(",", ", "),
    ).toString("base64url"),
  ])
    await refused(presentSdJwt(issuerJwt, [edited]), "disclosure_invalid");
});

const value = (name: unknown) => text(["salt", name, "x"]);
const MALFORMED: readonly (readonly [name: string, disclosure: string])[] = [
  ["nothing", ""],
  ["no JSON", text("x")],
  ["an object", text({ 0: "salt", 1: "software_id", 2: "x", length: 3 })],
  ["one element", text(["salt"])],
  ["four elements", text(["salt", "software_id", "x", "y"])],
  ["no salt", text([7, "software_id", "x"])],
  ["an empty salt", text(["", "software_id", "x"])],
  ["a name that is a number", value(7)],
  ["a name that is null", value(null)],
  ["an empty name", value("")],
  ["the name _sd", value("_sd")],
  ["the name ...", value("...")],
  ["the name _sd_alg", value("_sd_alg")],
  ["the name __proto__", value("__proto__")],
  ["a repeated member inside", text('["salt","software_id",{"a":1,"a":2}]')],
  ["a number that is none", text('["salt","software_id",1e400]')],
  ["a byte order mark", text('\ufeff["salt","software_id","x"]')],
  ["text after it", text('["salt","software_id","x"]]')],
  [
    "depth",
    text(`["salt","software_id",${"[".repeat(1000)}${"]".repeat(1000)}]`),
  ],
  ["padding", `${value("software_id")}=`],
  [
    "base64 proper",
    Buffer.from('["s~?>","software_id","??>>"]')
      .toString("base64")
      .replace(/=*$/, ""),
  ],
  ["a space", `${value("software_id")} `],
  ["bits left over", text(["salt", "software_id", "xy"]).replace(/.$/, "h")],
  [
    "bytes that are no UTF-8",
    Buffer.from([0x5b, 0xff, 0x5d]).toString("base64url"),
  ],
];
for (const [name, disclosure] of MALFORMED) {
  test(`[VC-11] [V08] [J16] refuses a disclosure of ${name}`, async () => {
    for (const claims of [
      { _sd: [digest(disclosure)] },
      { contacts: [{ "...": digest(disclosure) }] },
      {},
    ])
      await refused(await minted(claims, [disclosure]), "disclosure_invalid");
  });
}

const REFUSED: readonly (readonly [
  name: string,
  claims: Members,
  disclosures: readonly string[],
])[] = [
  ["a disclosure that nothing refers to", {}, [member]],
  [
    "a disclosure that stands twice",
    { _sd: [digest(member)] },
    [member, member],
  ],
  [
    "a digest that stands twice",
    { _sd: [digest(member), digest(member)] },
    [member],
  ],
  [
    "a decoy that stands twice",
    { _sd: [DECOY], contacts: [{ "...": DECOY }] },
    [],
  ],
  [
    "a digest here and in what is disclosed",
    { _sd: [digest(outer), digest(member)] },
    [outer, member],
  ],
  [
    "a member where an element belongs",
    { contacts: [{ "...": digest(member) }] },
    [member],
  ],
  ["an element where a member belongs", { _sd: [digest(element)] }, [element]],
  ["_sd that is text", { _sd: digest(member) }, [member]],
  [
    "_sd that is an object",
    { _sd: { 0: digest(member), length: 1 } },
    [member],
  ],
  ["_sd of numbers", { _sd: [7] }, []],
  ["_sd of something else than digests", { _sd: ["constructor"] }, []],
  [
    "a digest of another length",
    { _sd: [digest(member, "sha-512")] },
    [member],
  ],
  ["a digest that is not canonical", { _sd: [`${digest(member)}=`] }, [member]],
  [
    "an element's digest named after a property of objects",
    { contacts: [{ "...": "__proto__" }] },
    [],
  ],
  ["an element's digest that is empty", { contacts: [{ "...": "" }] }, []],
  [
    "an element's digest with company",
    { contacts: [{ "...": digest(element), x: 1 }] },
    [element],
  ],
  ["... outside of arrays", { x: { "...": digest(element) } }, [element]],
  ["... among the claims", { "...": digest(element) }, [element]],
  ["_sd_alg inside", { x: { _sd_alg: "sha-256" } }, []],
];
for (const [name, claims, disclosures] of REFUSED) {
  test(`[VC-11] [V08] refuses ${name}`, async () => {
    await refused(await minted(claims, disclosures), "disclosure_invalid");
  });
}

test("[V08] refuses a claim that two disclosures name, or one and the open", async () => {
  const twice = [
    makeDisclosure("software_id", "a"),
    makeDisclosure("software_id", "b"),
  ];
  await refused(
    await minted({ _sd: twice.map((each) => digest(each)) }, twice),
    "disclosure_invalid",
  );
  const admin = makeDisclosure("scope", "admin");
  await refused(
    await minted({ _sd: [digest(admin)] }, [admin]),
    "disclosure_invalid",
  );
});

test("[V08] refuses members named __proto__, wherever", async () => {
  const hidden = text('["salt","extra",{"__proto__":{"scope":"admin"}}]');
  await refused(
    await minted({ _sd: [digest(hidden)] }, [hidden]),
    "disclosure_invalid",
  );
  const open = JSON.parse('{"x":{"__proto__":{"scope":"admin"}}}') as Members;
  await refused(await minted(open, []), "disclosure_invalid");
});

test("[V08] refuses disclosures that nest without end, and takes many side by side", async () => {
  const chain: string[] = [];
  let claims: Members = {};
  for (let depth = 0; depth < 60; depth++) {
    const disclosure = makeDisclosure("x", claims);
    chain.push(disclosure);
    claims = { _sd: [digest(disclosure)] };
  }
  await refused(await minted(claims, chain), "disclosure_invalid");

  const flat = Array.from({ length: 120 }, (_, index) => text([`${index}`, 1]));
  const hashes = flat.map((each) => ({ "...": digest(each) }));
  const big = await minted({ x: hashes }, flat);
  assert.deepEqual(
    (await verify(big)).claims["x"],
    Array.from({ length: 120 }, () => 1),
  );
});

test("[VC-11] digests are looked at only once the signature holds", async () => {
  const { issuerJwt } = await sdJwtVc();
  const [header, payload] = issuerJwt.split(".");
  const forged = `${header}.${payload}.${"A".repeat(86)}`;
  await refused(presentSdJwt(forged, [member]), "signature_invalid");
});
