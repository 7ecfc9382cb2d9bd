import assert from "node:assert/strict";
import { test } from "node:test";
import { AUTHORITY_KINDS } from "../../src/dev/authority-state.ts";
import { authorityStatus, rotate } from "../../src/dev/rotation.ts";
import { startDomain } from "./harness.ts";

for (const kind of AUTHORITY_KINDS) {
  test(`rotates ${kind} step by step: prepared, active, old, gone`, async (t) => {
    const { authorities } = await startDomain(t);
    const states = (): string =>
      authorityStatus(authorities, kind)
        .map(({ state }) => state)
        .join();
    const others = AUTHORITY_KINDS.filter((other) => other !== kind);
    const before = others.map((other) => authorityStatus(authorities, other));
    assert.equal(states(), "active");
    const kinds = [kind];
    for (const [steps, expected] of [
      [["retire"], "active"],
      [["prepare"], "active,prepared"],
      [["retire"], "active,prepared"],
      [["activate"], "old,active"],
      [["retire"], "active"],
      [undefined, "old,active"],
      [["retire", "activate", "prepare"], "active"],
    ] as const) {
      await rotate(authorities, { kinds, steps });
      assert.equal(states(), expected, String(steps));
    }
    assert.deepEqual(
      others.map((other) => authorityStatus(authorities, other)),
      before,
    );
  });
}

test("activates what is prepared, the newest of it, and nothing where nothing is", async (t) => {
  const { authorities } = await startDomain(t);
  const steps = ["activate"] as const;
  await assert.rejects(
    rotate(authorities, { steps }),
    /no jwt, x509, wit authority is prepared/,
  );
  await authorities.prepare("wit");
  const newest = await authorities.prepare("wit");
  await assert.rejects(
    rotate(authorities, { steps, kinds: ["wit", "jwt"] }),
    /no jwt authority is prepared/,
  );
  await rotate(authorities, { steps });
  assert.equal(authorities.active("wit").id, newest);
});
