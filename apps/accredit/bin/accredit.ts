#!/usr/bin/env -S node --conditions=source --disable-warning=ExperimentalWarning
import { main } from "../src/cli/main.ts";

process.exitCode = await main(process.argv.slice(2));
