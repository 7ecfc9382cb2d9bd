import { once } from "node:events";
import { createServer } from "node:net";

/** Below 32768, from where systems hand out ports by themselves, to other tests at the same moment. */
const FIRST = 10_000;
const COUNT = 22_000;
/** Processes that run side by side have other numbers, and so begin in other places. */
const PER_PROCESS = 50;

let given = 0;

/** A TCP port that was free a moment ago. No port is given twice: whoever asks for two gets two. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + ((process.pid * PER_PROCESS + given++) % COUNT);
    const probe = createServer();
    try {
      probe.listen(port, "127.0.0.1");
      await once(probe, "listening");
      await new Promise((resolve) => probe.close(resolve));
      return port;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    }
  }
}
