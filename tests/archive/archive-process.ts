import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { verifyArchive } from "../../archive/verify-archive.ts";
import { runArchive } from "./archive-fixture.ts";
import { rolledOut } from "./rolled-out.ts";

/** A process of its own, to be weighed: archives a stack with that many deals and a large file, and verifies it. */
const stack = rolledOut(Number(process.argv[2]));
const piece = Buffer.alloc(1 << 20, "the log of a long day\n");
stack.report("large.log", "");
for (let count = 0; count < 400; count += 1) appendFileSync(join(stack.reports, "large.log"), piece);

const { path } = await runArchive(stack);
const { faults, records } = await verifyArchive(path);
const peakKib = process.resourceUsage().maxRSS;
process.stdout.write(JSON.stringify({ faults, records, peakKib }), () => process.exit(0));
