// Whether the ingress sends every route of docs/API.md to its role: a real nginx in front of five servers that only say who they are.
//
//   node routes.mjs split|usher DIR     split.conf as `usher up --split` fills it in, or usher.conf with DIR's certificate

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import tls from "node:tls";
import { read, roles, routes } from "./table.mjs";
import { check, done } from "./told.mjs";

const [kind, dir] = process.argv.slice(2);
const ROLES = roles();
const WAIT_MS = 10_000;
const NGINX = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"].find(existsSync) ?? "nginx";
/** What the gateway serves besides its API. */
const PAGES = ["/", "/e/evt_1", "/q/sal_1", "/find", "/report/sal_1", "/promoter", "/operator", "/assets/queue-0123456789.js"];
/** What looks like another role's path and is not. */
const STRANGERS = ["/v1/sales/sal_1/admissions", "/v1/events/evt_1/bookings/x", "/v1/events/evt_1/seat-maps", "/v1/bookingsx", "/v1/live", "/v1/nothing"];
const tlsOptions = { rejectUnauthorized: false, servername: "localhost" };

// --- the roles' stand-ins ---------------------------------------------------------------------------------------------------

async function standIn(role) {
  const server = http.createServer((request, response) => {
    let bytes = 0;
    request.on("data", (chunk) => (bytes += chunk.length));
    request.on("end", () => {
      const cached = PAGES.includes(request.url) ? { "cache-control": "public, max-age=60" } : {};
      response.writeHead(200, { "content-type": "application/json", ...cached });
      response.end(JSON.stringify({ role, method: request.method, url: request.url, headers: request.headers, bytes }));
    });
  });
  server.on("upgrade", (request, socket) => {
    socket.on("error", () => {});
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Role: ${role}\r\nX-Host: ${request.headers.host}\r\n\r\n`);
    socket.pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { role, server, port: server.address().port, stop: () => new Promise((gone) => (server.close(gone), server.closeAllConnections())) };
}

async function sparePort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

// --- nginx ------------------------------------------------------------------------------------------------------------------

function splitConf(listen, ports) {
  const filled = { user: process.getuid() === 0 ? "user root root;" : "", dir, listen: `127.0.0.1:${listen}` };
  for (const role of ROLES) filled[role] = `127.0.0.1:${ports[role]}`;
  return read("deploy/nginx/split.conf").replace(/\{\{([^}]+)\}\}/g, (hole, name) => filled[name] ?? hole);
}

/** usher.conf with this folder in place of the system's, and without what only a machine of its own can give. */
function usherConf(listen, plain, ports) {
  let upstreams = read("deploy/nginx/upstreams-systemd.conf");
  for (const role of ROLES) upstreams = upstreams.replace(new RegExp(`(upstream ${role.replace("-", "_")} \\{ server 127\\.0\\.0\\.1:)\\d+`), `$1${ports[role]}`);
  writeFileSync(`${dir}/upstreams.conf`, upstreams);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${dir}/${name};`).join(" ");
  return `daemon off;\n${process.getuid() === 0 ? "user root root;\n" : ""}` + read("deploy/nginx/usher.conf")
    .replace("http {\n", `http {\n    ${temporary}\n`)
    .replaceAll("/etc/nginx/usher/", `${dir}/`)
    .replace("/run/nginx.pid", `${dir}/nginx.pid`)
    .replace("/var/log/nginx/error.log", "stderr")
    .replace("/var/cache/usher-pages", `${dir}/pages`)
    .replace(/^ *listen \[::\].*\n/gm, "")
    .replace("listen 80 ", `listen 127.0.0.1:${plain} `)
    .replace("listen 443 ", `listen 127.0.0.1:${listen} `)
    .replace("worker_processes auto", "worker_processes 1")
    .replace(/^worker_rlimit_nofile.*\n/m, "")
    .replace(/worker_connections \d+/, "worker_connections 1000");
}

async function start(listen) {
  const nginx = spawn(NGINX, ["-p", dir, "-e", "stderr", "-c", `${dir}/nginx.conf`], { stdio: ["ignore", "ignore", openSync(`${dir}/error.log`, "w")] });
  const ended = once(nginx, "exit");
  // Whatever ends this process ends nginx.
  process.on("exit", () => nginx.kill("SIGTERM"));
  for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));
  for (const until = Date.now() + WAIT_MS; ; await sleep(20)) {
    const open = await new Promise((answer) => {
      const socket = net.connect(listen, "127.0.0.1", () => (socket.destroy(), answer(true))).on("error", () => answer(false));
    });
    if (open) break;
    if (nginx.exitCode !== null || Date.now() > until) throw new Error(`nginx does not start: ${readFileSync(`${dir}/error.log`, "utf8")}`);
  }
  return async () => {
    nginx.kill("SIGTERM");
    const [code] = await Promise.race([ended, sleep(WAIT_MS, [null], { ref: false })]);
    if (code === null) nginx.kill("SIGKILL");
    return code === 0 ? [] : [`nginx ended with ${code}`];
  };
}

// --- asking -----------------------------------------------------------------------------------------------------------------

/** Over HTTP/1.1, in the clear or over TLS. */
function ask(method, path, { headers = {}, body, secure = kind === "usher", port } = {}) {
  return new Promise((answer, fail) => {
    const options = { host: "127.0.0.1", port, method, path, headers: { host: "tickets.example", ...headers }, agent: false, timeout: WAIT_MS, ...(secure ? tlsOptions : {}) };
    const request = (secure ? https : http).request(options, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => (text += chunk)).on("end", () => answer({ status: response.statusCode, headers: response.headers, text }));
    });
    request.on("error", fail).on("timeout", () => request.destroy(new Error(`${method} ${path}: no answer`)));
    request.end(body);
  });
}

/** Over HTTP/2, as browsers do. */
function ask2(session, method, path) {
  return new Promise((answer, fail) => {
    const stream = session.request({ ":method": method, ":path": path, ":authority": "tickets.example" });
    let head, text = "";
    stream.setTimeout(WAIT_MS, () => stream.destroy(new Error(`${method} ${path}: no answer`)));
    stream.on("response", (headers) => (head = headers)).setEncoding("utf8").on("data", (chunk) => (text += chunk));
    stream.on("end", () => answer({ status: head[":status"], headers: head, text })).on("error", fail).end();
  });
}

/** Opens a WebSocket's way by hand and sends some bytes through it. */
function upgrade(port) {
  return new Promise((answer, fail) => {
    const socket = kind === "usher" ? tls.connect({ host: "127.0.0.1", port, ALPNProtocols: ["http/1.1"], ...tlsOptions }) : net.connect(port, "127.0.0.1");
    let text = "";
    socket.setTimeout(WAIT_MS, () => socket.destroy(new Error("no answer to the upgrade")));
    socket.on("error", fail).on("data", (chunk) => {
      text += chunk;
      if (text.includes("\r\n\r\n") && !text.includes("there and back")) socket.write("there and back");
      if (text.includes("there and back")) {
        socket.destroy();
        answer(text);
      }
    });
    socket.write("GET /v1/live/socket HTTP/1.1\r\nHost: tickets.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  });
}

// --- the checks -------------------------------------------------------------------------------------------------------------

const file = `${kind}.conf`;
mkdirSync(dir, { recursive: true });
const standIns = await Promise.all(ROLES.map(standIn));
const ports = Object.fromEntries(standIns.map(({ role, port }) => [role, port]));
const [listen, plain] = [await sparePort(), await sparePort()];
writeFileSync(`${dir}/nginx.conf`, kind === "split" ? splitConf(listen, ports) : usherConf(listen, plain, ports));

await check(`${file}: nginx -t`, () => {
  const tested = spawnSync(NGINX, ["-p", dir, "-e", "stderr", "-t", "-c", `${dir}/nginx.conf`], { encoding: "utf8" });
  if (tested.error) return tested.error.message;
  return tested.status === 0 && !/\[(warn|alert)\]/.test(tested.stderr) ? [] : tested.stderr.trim().split("\n");
});

let stop;
await check(`${file}: nginx starts`, async () => { stop = await start(listen); });

if (stop) {
  const session = kind === "usher" ? http2.connect(`https://127.0.0.1:${listen}`, tlsOptions) : null;
  session?.on("error", () => {});
  const get = (method, path) => (session ? ask2(session, method, path) : ask(method, path, { port: listen }));
  const goesTo = async (method, path, role) => {
    const answer = await get(method, path);
    if (answer.status !== 200) return `answered ${answer.status}: ${answer.text.slice(0, 200)}`;
    const seen = JSON.parse(answer.text);
    if (seen.role !== role || seen.method !== method || seen.url !== path) return `went to ${seen.role} as ${seen.method} ${seen.url}`;
  };
  for (const { method, path, role } of routes()) {
    const asked = path.replace(/\{[a-z]+\}/g, "0197c0de-0000-7000-8000-000000000000");
    await check(`${file}: ${method} ${path} → ${role}`, () => goesTo(method, asked, role));
  }
  for (const path of PAGES) await check(`${file}: GET ${path} → queue-gateway`, () => goesTo("GET", path, "queue-gateway"));
  for (const path of STRANGERS) await check(`${file}: GET ${path} → queue-gateway`, () => goesTo("GET", path, "queue-gateway"));

  await check(`${file}: a query reaches the role as it is`, () => goesTo("GET", "/v1/live/place?epoch=1&joins=2&pace=3&seats=4", "realtime"));
  await check(`${file}: a socket is upgraded at realtime, both ways, under the host that was asked`, async () => {
    const text = await upgrade(listen);
    return ["101 Switching", "X-Role: realtime", "X-Host: tickets.example"].filter((part) => !text.includes(part)).map((part) => `no ${part} in ${text}`);
  });
  await check(`${file}: the client's address is nginx's word, whatever the client claims`, async () => {
    const { text } = await ask("GET", "/v1/events", { port: listen, headers: { "x-forwarded-for": "203.0.113.9", forwarded: "for=203.0.113.9" } });
    const { headers } = JSON.parse(text);
    if (headers["x-forwarded-for"] !== "127.0.0.1") return `X-Forwarded-For is ${headers["x-forwarded-for"]}`;
    if (kind === "usher" && headers.forwarded) return `Forwarded is ${headers.forwarded}`;
    if (headers.host !== "tickets.example") return `Host is ${headers.host}`;
  });
  await check(`${file}: a seat map of 20 MB reaches inventory`, async () => {
    const body = Buffer.alloc(20_000_000, "x");
    const answer = await ask("PUT", "/v1/events/evt_1/seat-map", { port: listen, body, headers: { "content-length": body.length } });
    const seen = answer.status === 200 ? JSON.parse(answer.text) : {};
    return seen.bytes === body.length && seen.role === "inventory" ? [] : `answered ${answer.status} ${answer.text.slice(0, 200)}`;
  });

  if (kind === "usher") {
    await check(`${file}: larger bodies elsewhere are a problem 413`, async () => {
      const body = Buffer.alloc(2_000_000, "x");
      const { status, headers, text } = await ask("POST", "/v1/visitors", { port: listen, body, headers: { "content-length": body.length } });
      return status === 413 && headers["content-type"] === "application/problem+json" && JSON.parse(text).code === "too-large" ? [] : `${status} ${text}`;
    });
    await check(`${file}: HTTP/2 is spoken, and browsers are told to stay with TLS`, async () => {
      const answer = await get("GET", "/v1/events");
      if (session.alpnProtocol !== "h2") return `spoke ${session.alpnProtocol}`;
      return answer.headers["strict-transport-security"] ? [] : "no Strict-Transport-Security";
    });
    await check(`${file}: plain HTTP is sent to HTTPS`, async () => {
      const { status, headers } = await ask("GET", "/q/sal_1", { port: plain, secure: false });
      return status === 308 && headers.location === "https://tickets.example/q/sal_1" ? [] : `${status} ${headers.location}`;
    });
  }

  for (const { role, stop: stopOne } of standIns) {
    await stopOne();
    const path = routes().find((route) => route.role === role && route.method === "GET").path.replace(/\{[a-z]+\}/g, "x");
    await check(`${file}: while ${role} is away, a problem 503 with Retry-After`, async () => {
      const { status, headers, text } = await get("GET", path);
      return status === 503 && headers["retry-after"] && headers["content-type"] === "application/problem+json" && JSON.parse(text).code === "try-again" ? [] : `${status} ${text}`;
    });
  }
  if (kind === "usher") {
    await check(`${file}: pages stay while the gateway is away`, async () => {
      const { status } = await get("GET", "/q/sal_1");
      return status === 200 ? [] : `answered ${status}`;
    });
  }
  session?.destroy();
  await check(`${file}: nginx stops`, stop);
}

for (const { server } of standIns) if (server.listening) server.close(), server.closeAllConnections();
done();
