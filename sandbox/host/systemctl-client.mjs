import { connect } from "node:net";

/**
 * `systemctl` of a sandbox's host: hands its arguments to the supervisor and prints the answer. Run in the host's
 * folder. Plain JavaScript without a dependency: a host's scripts call it dozens of times.
 */
let answer = "";
const socket = connect("control.sock", () => socket.end(JSON.stringify(process.argv.slice(2))));
socket.setEncoding("utf8").on("data", (text) => {
  answer += text;
});
socket.on("error", ({ code }) =>
  fail(`Failed to connect to bus: the host's supervisor does not run (${code})`),
);
socket.on("end", () => {
  if (answer === "") return fail("Failed to get an answer: the host's supervisor has ended");
  const { stdout, stderr, exitCode } = JSON.parse(answer);
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exitCode = exitCode;
});

/** @param {string} reason */
function fail(reason) {
  process.stderr.write(`${reason}\n`);
  process.exitCode = 1;
}
