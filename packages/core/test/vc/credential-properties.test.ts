import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DcrError } from "@accredit/core/errors";
import { detectCredentialKind } from "@accredit/core/vc";
import {
  disclosureDigest,
  makeDisclosure,
  presentSdJwt,
} from "@accredit/testkit";
import {
  CNF,
  GOOD_JWT_VC,
  GOOD_SD_JWT_VC,
  GOOD_VC_JWT,
  issuer,
  sdJwtVc,
  verify,
  type Members,
} from "./credential-fixture.ts";

/** The refusal, or nothing; whatever else is thrown fails the test. */
async function refusal(token: string): Promise<DcrError | undefined> {
  try {
    await verify(token);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof DcrError, String(error));
    return error;
  }
}

const FORMATS = [
  ["JWT", GOOD_JWT_VC],
  ["vc+jwt", GOOD_VC_JWT],
  ["dc+sd-jwt", GOOD_SD_JWT_VC],
] as const;
const mint = async (typ: string, claims: Members) => {
  const token = await issuer.sign(claims, { typ });
  return typ === "dc+sd-jwt" ? `${token}~` : token;
};

test("[DCR-TI-18] any text is a kind or a typed refusal", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string({ unit: "binary" }),
        fc
          .array(fc.base64String(), { maxLength: 6 })
          .map((parts) => parts.join(".")),
        fc
          .array(fc.base64String(), { maxLength: 6 })
          .map((parts) => parts.join("~")),
      ),
      async (text) => {
        assert.ok((await refusal(text)) instanceof DcrError);
        try {
          detectCredentialKind(text);
        } catch (error) {
          assert.ok(error instanceof DcrError);
        }
      },
    ),
    { numRuns: 300 },
  );
});

/** Values that a claim of any name might have, the structure of SD-JWT among them. */
const value = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom<unknown>(
    null,
    [],
    {},
    { _sd: ["x"] },
    { "...": "x" },
    [{ "...": "x" }],
    { id: "did:example:agent-7" },
    { jwk: {} },
    CNF,
  ),
);

test("[VC-08] any change of any member of any format ends in a credential or a typed refusal", async () => {
  const vcMembers = Object.keys(GOOD_JWT_VC["vc"] as Members);
  const names = [
    ...new Set(FORMATS.flatMap(([, claims]) => Object.keys(claims))),
    ..."jti id aud cnf status credentialStatus _sd _sd_alg aka_vcts vc vp issuanceDate expirationDate".split(
      " ",
    ),
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...FORMATS),
      fc.constantFrom(...names, ...vcMembers),
      fc.boolean(),
      value,
      async ([typ, good], name, inside, change) => {
        const vc = good["vc"] as Members | undefined;
        const claims =
          inside && vc !== undefined
            ? { ...good, vc: { ...vc, [name]: change } }
            : { ...good, [name]: change };
        await refusal(await mint(typ, claims));
      },
    ),
    { numRuns: 400 },
  );
});

test("[SEC-01] any one character of a credential changed is refused", async () => {
  const { issuerJwt, disclosures } = await sdJwtVc({}, { hidden: ["scope"] });
  const tokens = [
    await issuer.jwtVc(GOOD_JWT_VC),
    await issuer.vcJwt(GOOD_VC_JWT),
    presentSdJwt(issuerJwt, disclosures),
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...tokens),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.constantFrom(..."AZaz09-_.~= \n".split("")),
      async (token, where, character) => {
        const at = Math.floor(where * token.length);
        fc.pre(token[at] !== character);
        const changed = token.slice(0, at) + character + token.slice(at + 1);
        const error = await refusal(changed);
        assert.ok(error !== undefined, changed);
        for (const part of token
          .split(/[.~]/)
          .filter(({ length }) => length > 30))
          assert.ok(!error.message.includes(part), error.message);
      },
    ),
    { numRuns: 300 },
  );
});

test("[VC-11] disclosing more never takes a claim away or changes one", async () => {
  const names = ["client_name", "scope", "software_id", "contacts", "logo_uri"];
  const claims = {
    software_id: "x",
    contacts: ["a@example.org"],
    logo_uri: "https://x.example/l",
  };
  const { issuerJwt, disclosures } = await sdJwtVc(claims, { hidden: names });
  const all = { ...GOOD_SD_JWT_VC, ...claims } as Members;
  await fc.assert(
    fc.asyncProperty(
      fc.shuffledSubarray([...disclosures.keys()]),
      async (chosen) => {
        const token = presentSdJwt(
          issuerJwt,
          chosen.map((index) => disclosures[index] ?? ""),
        );
        const result = (await verify(token)).claims;
        const shown = new Set(chosen.map((index) => names[index]));
        for (const [name, expected] of Object.entries(all))
          assert.deepEqual(
            result[name],
            names.includes(name) && !shown.has(name) ? undefined : expected,
          );
      },
    ),
    { numRuns: 100 },
  );
});

test("[VC-11] what comes out of disclosures is what went in, however it nests", async () => {
  const digests: string[] = [];
  /** Hides some members and elements of a value, each behind its own disclosure. */
  const hide = (
    input: unknown,
    coins: readonly boolean[],
    at = { coin: 0 },
  ): unknown => {
    const toss = () => coins[at.coin++ % coins.length] === true;
    if (Array.isArray(input))
      return input.map((item) => {
        const inner = hide(item, coins, at);
        if (!toss()) return inner;
        const disclosure = makeDisclosure(undefined, inner);
        digests.push(disclosure);
        return { "...": disclosureDigest(disclosure) };
      });
    if (input === null || typeof input !== "object") return input;
    const open: Record<string, unknown> = {};
    const hidden: string[] = [];
    for (const [name, item] of Object.entries(input)) {
      const inner = hide(item, coins, at);
      if (!toss()) {
        open[name] = inner;
        continue;
      }
      const disclosure = makeDisclosure(name, inner);
      digests.push(disclosure);
      hidden.push(disclosureDigest(disclosure));
    }
    return hidden.length === 0 ? open : { ...open, _sd: hidden };
  };
  const name = fc
    .string({ minLength: 1, maxLength: 4 })
    .filter((text) => !["_sd", "...", "_sd_alg", "__proto__"].includes(text));
  const tree = fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 3 },
      fc.oneof(
        fc.integer(),
        fc.boolean(),
        fc.string({ maxLength: 8 }),
        fc.constant(null),
      ),
      fc.array(tie("node"), { maxLength: 3 }),
      fc.dictionary(name, tie("node"), { maxKeys: 3, noNullPrototype: true }),
    ),
  })).node;
  await fc.assert(
    fc.asyncProperty(
      tree,
      fc.array(fc.boolean(), { minLength: 1, maxLength: 8 }),
      async (input, coins) => {
        digests.length = 0;
        const extra = hide(input, coins);
        const { issuerJwt } = await sdJwtVc({ extra });
        const { claims } = await verify(
          presentSdJwt(issuerJwt, digests.toSorted()),
        );
        assert.equal(canonical(claims["extra"]), canonical(input));
      },
    ),
    { numRuns: 200 },
  );
});

/** JSON with members in order of their names. */
function canonical(input: unknown): string {
  return JSON.stringify(input, (_, item: unknown) =>
    item !== null && typeof item === "object" && !Array.isArray(item)
      ? Object.fromEntries(
          Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1)),
        )
      : item,
  );
}
