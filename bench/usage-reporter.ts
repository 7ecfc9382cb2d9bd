/**
 * Loaded into every server under test before its own code (`--import`), so that all are measured by the
 * same few lines: answers "usage" on the IPC channel with the processor time used so far, in
 * microseconds, all threads of the process together.
 */
process.on("message", (message) => {
  if (message === "usage") {
    const { user, system } = process.cpuUsage();
    process.send?.({ kind: "usage", cpuMicroseconds: user + system });
  }
});
// The channel alone does not keep the server alive, and the server does not outlive the benchmark.
process.channel?.unref();
process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));
