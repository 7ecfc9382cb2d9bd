/**
 * Loaded before the server: every SIGUSR2 moves the clock of its process by the seconds that the file named in
 * LEAP_FILE holds at that moment. The monotonic clock goes on, as it does on a machine whose time is set.
 */
import { readFileSync } from "node:fs";

const file = process.env["LEAP_FILE"] ?? "";
const real = Date.now.bind(Date);
let offset = 0;
process.on("SIGUSR2", () => {
  offset = Number(readFileSync(file, "utf8")) * 1000;
});
Date.now = () => real() + offset;
