/**
 * Loaded before the server: every SIGUSR2 moves the clock of its process by the seconds that the file named in
 * LEAP_FILE holds at that moment. It starts wrong by the seconds in LEAP_AT_START. The monotonic clock goes on, as it
 * does on a machine whose time is set.
 */
import { readFileSync } from "node:fs";

const file = process.env["LEAP_FILE"] ?? "";
const real = Date.now.bind(Date);
let offset = Number(process.env["LEAP_AT_START"] ?? 0) * 1000;
process.on("SIGUSR2", () => {
  offset = Number(readFileSync(file, "utf8")) * 1000;
});
Date.now = () => real() + offset;
