import { startChild } from "../children.ts";
import type { BenchKeys } from "../load/requests.ts";
import type { FromStages, Stage, StagesRequest } from "./protocol.ts";

const STAGES = new URL("./run-stages.ts", import.meta.url);

/** Measures the stages of a registration one by one, in a process of their own. */
export async function measureStages(
  directory: string,
  keys: BenchKeys,
  batches: number,
): Promise<readonly Stage[]> {
  const child = startChild(STAGES);
  try {
    const request: StagesRequest = {
      kind: "measure",
      directory,
      keys,
      batches,
    };
    const { stages } = await child.ask<FromStages>(request, "stages");
    return stages;
  } finally {
    await child.stop();
  }
}
