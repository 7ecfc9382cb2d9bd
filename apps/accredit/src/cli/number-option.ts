import { InvalidArgumentError } from "commander";

/** Reads how many rows an option asks for; a wrong one is a mistake in the use of the command. */
export function readCount(text: string): number {
  if (/^[1-9][0-9]{0,14}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("expected a whole number from 1");
}
