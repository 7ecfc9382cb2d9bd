import { runCommand } from "../run-commands.ts";
import type { Case, Cases, Difference, Verdict } from "./case.ts";
import {
  EXPLANATIONS,
  explanationOf,
  type Explanation,
} from "./explanations.ts";
import { jwtSvidCases } from "./jwt-svids.ts";
import { seededRandom } from "./random.ts";
import { spiffeIdCases } from "./spiffe-ids.ts";
import { x509SvidCases } from "./x509-svids.ts";

/** Whose cases have a difference for every explanation. */
export const DEFAULT_SEED = 1;
/** How many cases of each kind. */
const COUNTS = { "spiffe-id": 8000, "jwt-svid": 3000, "x509-svid": 900 };
/** A generator whose cases one side accepts or refuses nearly all of shows nothing. */
const LEAST_SHARE = 0.03;
const SHOWN = 12;
const SHOWN_BYTES = 3000;

/**
 * Lets go-spiffe judge what we judge.
 *
 * @param verdicts the built Go program
 * @param seed of the cases
 * @returns what was compared, and how many differences each explanation stands for
 * @throws {Error} where a difference has no explanation, with the default seed where an explanation has no
 *   difference, or where a kind of case shows nothing
 */
export async function compareWithGoSpiffe(
  verdicts: string,
  seed: number,
): Promise<readonly string[]> {
  const lines = [`seed ${seed}`];
  const problems: string[] = [];
  const applied = new Map<Explanation, number>();
  const random = seededRandom(seed);
  for (const [kind, cases] of [
    ["spiffe-id", spiffeIdCases(random, COUNTS["spiffe-id"])],
    ["jwt-svid", await jwtSvidCases(random, COUNTS["jwt-svid"])],
    ["x509-svid", await x509SvidCases(random, COUNTS["x509-svid"])],
  ] as const) {
    const differences = await differencesIn(cases, verdicts, (summary) => {
      lines.push(`${kind}: ${summary.text}`);
      if (!summary.isBalanced)
        problems.push(`${kind}: too few cases that both accept or refuse`);
    });
    for (const difference of differences) {
      const known = explanationOf(difference);
      if (known === undefined) problems.push(describe(difference));
      else applied.set(known, (applied.get(known) ?? 0) + 1);
    }
  }
  for (const explanation of EXPLANATIONS) {
    const count = applied.get(explanation) ?? 0;
    lines.push(`  ${count} × ${explanation.kind}: ${explanation.name}`);
    if (count === 0 && seed === DEFAULT_SEED)
      problems.push(`an explanation without a difference: ${explanation.name}`);
  }
  if (problems.length === 0) return lines;
  const more = problems.length - SHOWN;
  throw new Error(
    [
      ...lines,
      ...problems.slice(0, SHOWN),
      ...(more > 0 ? [`and ${more} more`] : []),
    ].join("\n"),
  );
}

async function differencesIn(
  { trust, cases }: Cases,
  verdicts: string,
  tell: (summary: { text: string; isBalanced: boolean }) => void,
): Promise<readonly Difference[]> {
  const differences: Difference[] = [];
  const answers = await ask(verdicts, trust, cases);
  let [accepted, refused] = [0, 0];
  for (const [index, about] of cases.entries()) {
    const theirs = answers[index];
    if (theirs === undefined)
      throw new Error("expected an answer to each case");
    const ours = await about.judge();
    if (ours.accepted && theirs.accepted && ours.id === theirs.id) accepted++;
    else if (!ours.accepted && !theirs.accepted) refused++;
    else differences.push({ about, ours, theirs });
  }
  tell({
    text: `${cases.length} cases, ${accepted} accepted by both, ${refused} refused by both, ${differences.length} different`,
    isBalanced: Math.min(accepted, refused) > cases.length * LEAST_SHARE,
  });
  return differences;
}

async function ask(
  verdicts: string,
  trust: Cases["trust"],
  cases: readonly Case[],
): Promise<readonly Verdict[]> {
  const input = [...trust, ...cases.map(({ question }) => question)]
    .map((question) => JSON.stringify(question))
    .join("\n");
  const { status, stdout, stderr } = await runCommand(verdicts, [], { input });
  if (status !== 0) throw new Error(`the Go program failed: ${stderr}`);
  const answers = stdout
    .trim()
    .split("\n")
    .map((line): Verdict => {
      const { id, error } = JSON.parse(line) as { id?: string; error?: string };
      return error === undefined
        ? { accepted: true, id: id ?? "" }
        : { accepted: false, reason: error };
    });
  const refused = answers
    .slice(0, trust.length)
    .find((answer) => !answer.accepted);
  if (refused !== undefined)
    throw new Error(
      `go-spiffe does not take a bundle: ${JSON.stringify(refused)}`,
    );
  return answers.slice(trust.length);
}

function describe({ about, ours, theirs }: Difference): string {
  return [
    `unexplained: ${about.changes.join("; ")}`,
    `ours: ${JSON.stringify(ours)}`,
    `go-spiffe: ${JSON.stringify(theirs)}`,
    JSON.stringify(about.question).slice(0, SHOWN_BYTES),
  ].join("\n  ");
}
