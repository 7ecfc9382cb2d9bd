/**
 * Follows the README as somebody who has never seen this: `npm start`, paste each command it prints into
 * another shell, look at what comes back, Ctrl-C. Fails where a word of it does not hold.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";

const START_MS = 30_000;
/** What each printed command must say, in the order they are printed. */
const EXPECTED = [
  /^registered spiffe:\/\//m,
  /^got a Bearer token/m,
  /\[template\]/,
  /^registered [0-9a-f-]{36} /m,
  /^got a Bearer token/m,
  /^revoked: dc\+sd-jwt credential/m,
  /^Development trust domain example.org/m,
];
/** The command whose client the sixth revokes: once more, and refused. */
const REFUSED = 4;

// The quick start of a fresh clone has no data yet.
rmSync("data/quickstart", { recursive: true, force: true });
const server = spawn("npm", ["start"], {
  stdio: ["ignore", "pipe", "inherit"],
  detached: true,
});
const exited = once(server, "exit");
let printed = "";
server.stdout.setEncoding("utf8").on("data", (text: string) => {
  printed += text;
  process.stdout.write(text);
});

try {
  await until(() => printed.includes("dev rotate"), START_MS);
  const commands = printed
    .split("\n")
    .filter((line) => line.trim().startsWith("npx "));
  if (commands.length !== EXPECTED.length) {
    throw new Error(
      `expected ${EXPECTED.length} commands to paste, got ${commands.length}`,
    );
  }
  for (const [index, command] of commands.entries()) {
    console.log(`$ ${command.trim()}`);
    const { status, stdout, stderr } = spawnSync(command.trim(), {
      shell: true,
      encoding: "utf8",
    });
    process.stdout.write(stdout + stderr);
    if (status !== 0 || EXPECTED[index]?.test(stdout) !== true) {
      throw new Error(
        `expected ${EXPECTED[index]} and exit code 0, got exit code ${status}`,
      );
    }
  }
  const again = spawnSync(commands[REFUSED]?.trim() ?? "", {
    shell: true,
    encoding: "utf8",
  });
  process.stdout.write(again.stdout + again.stderr);
  if (again.status !== 1 || !again.stderr.includes("invalid_client"))
    throw new Error("expected the revoked client to be refused");
} finally {
  // Ctrl-C reaches every process of the terminal's group, npm and the server alike.
  process.kill(-(server.pid ?? 0), "SIGINT");
}
await Promise.race([
  exited,
  sleep(10_000).then(() =>
    Promise.reject(new Error("Ctrl-C did not stop it in 10 s")),
  ),
]);
if (!printed.includes("stopping"))
  throw new Error("expected it to say that it stops");
console.log("newcomer: the README's path works");
process.exit(0);

async function until(condition: () => boolean, ms: number): Promise<void> {
  const deadline = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > deadline)
      throw new Error(`npm start was not ready within ${ms / 1000} s`);
    await sleep(50);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
