// How a check is told: a line `ok …` or `FAILED …` each, which deploy/check.sh counts.

let failures = 0;

export function told(name, faults) {
  const list = (Array.isArray(faults) ? faults : [faults]).filter(Boolean);
  if (list.length === 0) return console.log(`ok     ${name}`);
  failures++;
  console.log(`FAILED ${name}`);
  for (const fault of list) console.log(`       ${fault}`);
}

/** Runs a check that throws or answers with faults. */
export async function check(name, run) {
  try {
    told(name, await run());
  } catch (error) {
    told(name, [error.message]);
  }
}

/** Ends the process with what was found. */
export function done() {
  process.exitCode = failures === 0 ? 0 : 1;
}
