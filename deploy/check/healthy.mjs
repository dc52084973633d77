// Whether healthy.sh, the image's health check, tells ready from not ready from nobody there.

import { spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import { check, done } from "./told.mjs";

const SCRIPT = new URL("../healthy.sh", import.meta.url).pathname;
let answer = 200;
const asked = [];
const server = http.createServer((request, response) => {
  asked.push(request.url);
  response.writeHead(answer).end();
}).listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address();

async function healthy(args, env = {}) {
  const [code] = await once(spawn("bash", [SCRIPT, ...args], { env: { PATH: process.env.PATH, ...env }, stdio: "ignore" }), "exit");
  return code === 0;
}

await check("healthy.sh: 200 on the private listener is healthy", async () =>
  (await healthy([], { USHER_PRIVATE_LISTEN: `0.0.0.0:${port}` })) && asked.at(-1) === "/readyz" ? [] : `asked ${asked.at(-1)}`);
await check("healthy.sh: another port and path", async () => ((await healthy([`${port}`, "/livez"])) && asked.at(-1) === "/livez" ? [] : `asked ${asked.at(-1)}`));
answer = 503;
await check("healthy.sh: 503 is not healthy", async () => ((await healthy([`${port}`])) ? "it said healthy" : []));
server.close();
await once(server, "close");
await check("healthy.sh: nobody there is not healthy", async () => ((await healthy([`${port}`])) ? "it said healthy" : []));
done();
