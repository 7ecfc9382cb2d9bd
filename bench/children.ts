import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";

const REPORTER = new URL("./usage-reporter.ts", import.meta.url).href;

/** How {@link startChild} starts a process. */
export interface ChildOptions {
  readonly args?: readonly string[];
  /** More arguments of Node itself. */
  readonly execArgv?: readonly string[];
  readonly cwd?: string;
  /** A file descriptor for what it prints; default: nothing is kept. */
  readonly stdout?: number;
}

/** A process that this benchmark started and will end. */
export interface Child {
  readonly process: ChildProcess;
  /** Sends a message and waits for the next message of a kind. */
  ask<Answer>(message: unknown, kind: string): Promise<Answer>;
  /** The next message of a kind; rejects if the process ends instead. */
  next<Answer>(kind: string): Promise<Answer>;
  /** Processor time used so far, all threads, in microseconds. */
  cpu(): Promise<number>;
  /** Ends it and waits for the end. */
  stop(): Promise<void>;
}

/** Starts one TypeScript file in its own process, with the usage reporter loaded. */
export function startChild(file: URL, options: ChildOptions = {}): Child {
  const child = fork(file, [...(options.args ?? [])], {
    execArgv: [
      "--conditions=source",
      "--disable-warning=ExperimentalWarning",
      `--import=${REPORTER}`,
      ...(options.execArgv ?? []),
    ],
    env: { ...process.env, NODE_ENV: "production" },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdio: ["ignore", options.stdout ?? "ignore", "inherit", "ipc"],
    serialization: "advanced",
  });

  const next = <Answer>(kind: string): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const onMessage = (message: unknown): void => {
        if (!isOfKind(message, kind)) return;
        child.off("message", onMessage).off("exit", onExit);
        resolve(message as Answer);
      };
      const onExit = (code: number | null): void => {
        child.off("message", onMessage);
        reject(new Error(`${nameOf(file)} ended with code ${code}`));
      };
      child.on("message", onMessage).once("exit", onExit);
    });
  const ask = <Answer>(message: unknown, kind: string): Promise<Answer> => {
    const answer = next<Answer>(kind);
    child.send(message as object);
    return answer;
  };

  return {
    process: child,
    ask,
    next,
    cpu: async () =>
      (await ask<{ cpuMicroseconds: number }>("usage", "usage"))
        .cpuMicroseconds,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      const cut = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await ended;
      clearTimeout(cut);
    },
  };
}

function isOfKind(message: unknown, kind: string): boolean {
  return (
    typeof message === "object" &&
    message !== null &&
    "kind" in message &&
    message.kind === kind
  );
}

function nameOf(file: URL): string {
  return file.pathname.split("/").at(-1) ?? "a process";
}
