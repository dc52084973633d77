// Whether the files of deploy/ are well formed, and agree with each other and with the program.

import { existsSync, readdirSync } from "node:fs";
import { read, roles, routes } from "./table.mjs";
import { check, done } from "./told.mjs";
import { parse } from "./yaml.mjs";

const ROOT = new URL("../../", import.meta.url);
const at = (path) => new URL(path, ROOT);
const ROLES = roles();
const YAML = ["compose.yaml", ...readdirSync(at("deploy/prometheus/")).map((name) => `prometheus/${name}`)].map((name) => `deploy/${name}`);

/** The addresses that a role has in the units' settings: everything else must name the same ports. */
function portsOf(role) {
  const settings = read(`deploy/systemd/${role}.env`);
  const port = (name) => new RegExp(`^${name}='127\\.0\\.0\\.1:(\\d+)'$`, "m").exec(settings)?.[1];
  return { public: port("USHER_LISTEN"), private: port("USHER_PRIVATE_LISTEN") };
}

await check("docs/API.md and the program name the same roles", () => {
  const known = [...read("usher/src/roles.rs").matchAll(/Self::\w+ => "([a-z-]+)"/g)].map((found) => found[1]);
  if (routes().length < 30) return `only ${routes().length} routes were read from docs/API.md`;
  return same([...ROLES].sort(), known.sort());
});

for (const path of YAML) await check(`${path} is YAML`, () => void parse(read(path)));

await check("every role has ports of its own", () => {
  const all = ROLES.flatMap((role) => Object.values(portsOf(role)));
  if (all.includes(undefined)) return "a role's settings lack USHER_LISTEN or USHER_PRIVATE_LISTEN on 127.0.0.1";
  return new Set(all).size === all.length ? [] : "a port is given twice";
});

for (const [kind, host] of [["systemd", () => "127.0.0.1"], ["compose", (role) => role]]) {
  await check(`nginx reaches every role (upstreams-${kind}.conf)`, () => {
    const text = read(`deploy/nginx/upstreams-${kind}.conf`);
    return ROLES.filter((role) => !text.includes(`upstream ${role.replace("-", "_")} { server ${host(role)}:${portsOf(role).public};`));
  });
  await check(`Prometheus scrapes every role (targets-${kind}.yml)`, () => {
    const groups = parse(read(`deploy/prometheus/targets-${kind}.yml`));
    const found = groups.map((group) => `${group.labels.process} ${group.targets.join()}`);
    return same(found.sort(), ROLES.map((role) => `${role} ${host(role)}:${portsOf(role).private}`).sort());
  });
}

await check("every metric of the alerts exists", () => {
  const sources = ROLES.map((role) => `${role}/src/metrics.rs`).concat("crates/chassis/src/metrics.rs", "crates/store/src/feed.rs");
  const known = new Set(sources.flatMap((path) => [...read(path).matchAll(/"(usher_[a-z_]+)"/g)].map((found) => found[1])));
  const rules = parse(read("deploy/prometheus/alerts.yml")).groups.flatMap((group) => group.rules);
  const faults = [];
  for (const rule of rules) {
    for (const [name] of rule.expr.matchAll(/\busher_[a-z_]+/g)) {
      if (!known.has(name) && !known.has(name.replace(/_(bucket|count|sum)$/, ""))) faults.push(`${rule.alert}: ${name}`);
    }
    if (!["page", "look"].includes(rule.labels?.severity)) faults.push(`${rule.alert} has no severity`);
    if (!rule.annotations?.summary) faults.push(`${rule.alert} has no summary`);
  }
  const names = rules.map((rule) => rule.alert);
  return faults.concat(names.filter((name, nth) => names.indexOf(name) !== nth).map((name) => `${name} is there twice`));
});

const compose = parse(read("deploy/compose.yaml"));
const services = Object.entries(compose.services);

await check("compose runs every role, on its ports", () =>
  ROLES.filter((role) => {
    const service = compose.services[role];
    const ports = portsOf(role);
    return !service || service.command.join(" ") !== `--role ${role}`
      || service.environment.USHER_LISTEN !== `0.0.0.0:${ports.public}` || service.environment.USHER_PRIVATE_LISTEN !== `0.0.0.0:${ports.private}`;
  }));

await check("every service of compose has a health check", () =>
  services.filter(([name, service]) => !service.healthcheck?.test && name !== "migrate").map(([name]) => name));

await check("what compose's services wait for is there and has a health check", () =>
  services.flatMap(([name, service]) => Object.entries(service.depends_on ?? {}).filter(([on, how]) => {
    const other = compose.services[on];
    return !other || (how.condition === "service_healthy" && !other.healthcheck?.test);
  }).map(([on]) => `${name} waits for ${on}`)));

await check("compose's named volumes are declared and used, and its files exist", () => {
  const mounts = services.flatMap(([, service]) => (service.volumes ?? []).map((volume) => volume.split(":")[0]));
  const named = mounts.filter((mount) => !mount.startsWith("."));
  const files = mounts.filter((mount) => mount.startsWith(".") && !mount.startsWith("./tls/") && !existsSync(at(`deploy/${mount}`)));
  return [...same([...new Set(named)].sort(), Object.keys(compose.volumes).sort()), ...files.map((file) => `${file} is missing`)];
});

await check("compose takes its secrets from outside, and compose.env.example names them", () => {
  const example = read("deploy/compose.env.example");
  const faults = [];
  for (const [name, service] of services) {
    for (const [key, value] of Object.entries(service.environment ?? {})) {
      const wanted = [...String(value).matchAll(/\$\{(\w+)(:[-?])/g)];
      if (/SECRET|PASSWORD|KEY|DATABASE_URL/.test(key) && !wanted.some((found) => found[2] === ":?")) faults.push(`${name}: ${key} is written down`);
      for (const found of wanted) if (!new RegExp(`^${found[1]}=`, "m").test(example)) faults.push(`compose.env.example lacks ${found[1]}`);
    }
  }
  return [...new Set(faults)];
});

const dockerfile = read("deploy/Dockerfile");

await check("the image: stages, files, no root, no secrets, a health check", () => {
  const stages = [...dockerfile.matchAll(/^FROM \S+ AS (\S+)$/gm)].map((found) => found[1]);
  const faults = [...dockerfile.matchAll(/--from=(\S+)/g)].filter((found) => !stages.includes(found[1])).map((found) => `no stage ${found[1]}`);
  for (const [, sources] of dockerfile.matchAll(/^COPY (?:--chmod=\d+ )?((?:[\w./-]+ )+)\S+$/gm)) {
    for (const source of sources.trim().split(" ")) if (!existsSync(at(source))) faults.push(`COPY ${source}: no such file`);
  }
  for (const name of ["payment-mock", "usher"]) {
    const stage = dockerfile.split(/^(?=FROM )/m).find((text) => text.includes(` AS ${name}\n`)) ?? "";
    if (!/^USER [1-9]\d+$/m.test(stage)) faults.push(`${name} runs as root`);
    if (!/^HEALTHCHECK .*CMD \["healthy"/m.test(stage)) faults.push(`${name} has no health check`);
    if (!/^ENTRYPOINT \["/m.test(stage)) faults.push(`${name} has no entry point`);
  }
  if (/^(ENV|ARG) .*(SECRET|PASSWORD|_KEY)/m.test(dockerfile)) faults.push("a secret is built in");
  if (stages.at(-1) !== "usher") faults.push("what is built without --target is not usher");
  for (const [, service] of services) if (service.build?.target && !stages.includes(service.build.target)) faults.push(`compose builds ${service.build.target}`);
  return faults;
});

await check("the image's build sees all crates and what they include", () => {
  const ignore = read("deploy/Dockerfile.dockerignore").split("\n");
  const members = [...read("Cargo.toml").matchAll(/^members = \[([^\]]*)\]/gms)][0][1].match(/[\w/-]+/g);
  const included = [...read("usher/src/split.rs").matchAll(/include_str!\("(?:\.\.\/)+(deploy\/[^"]+)"\)/g)].map((found) => found[1]);
  const wanted = [...members, ...included, "Cargo.toml", "Cargo.lock", "web", "deploy/healthy.sh"];
  return wanted.filter((path) => !ignore.some((line) => line === `!${path}` || path.startsWith(`${line.slice(1)}/`) && line.startsWith("!"))).map((path) => `${path} is left out`);
});

await check("systemd starts every role", () => {
  const target = read("deploy/systemd/usher.target");
  const unit = read("deploy/systemd/usher@.service");
  const faults = ROLES.filter((role) => !target.includes(`usher@${role}.service`)).map((role) => `usher.target lacks ${role}`);
  if (!/^ExecStart=\S+\/usher --role %i$/m.test(unit)) faults.push("usher@.service does not run `usher --role %i`");
  return faults;
});

await check("the unit is hardened", () => {
  const wanted = ["DynamicUser=yes", "NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "PrivateDevices=yes", "CapabilityBoundingSet=", "SystemCallFilter=@system-service"];
  const lines = read("deploy/systemd/usher@.service").split("\n");
  return wanted.filter((line) => !lines.includes(line)).map((line) => `it lacks ${line}`);
});

await check("usher.env.example and compose give the same settings", () => {
  const example = [...read("deploy/systemd/usher.env.example").matchAll(/^([A-Z_]+)=/gm)].map((found) => found[1]);
  const given = new Set(Object.keys(compose["x-settings"]));
  // The image knows its own pages; compose alone splits the provider's address in two.
  return example.filter((name) => !given.has(name) && !["USHER_GATEWAY__WEB_DIR", "USHER_LOGS__FILTER"].includes(name))
    .map((name) => `compose does not set ${name}`)
    .concat([...given].filter((name) => !example.includes(name) && name !== "USHER_PAYMENT__PUBLIC_API").map((name) => `usher.env.example lacks ${name}`));
});

await check("deploy/README.md says what each file is", () => {
  const readme = read("deploy/README.md");
  const walk = (dir) => readdirSync(at(dir), { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? walk(`${dir}${entry.name}/`) : [`${dir}${entry.name}`]));
  const roleFiles = ROLES.map((role) => `deploy/systemd/${role}.env`);
  const local = ["deploy/README.md", "deploy/.gitignore", "deploy/compose.env"];
  return walk("deploy/").filter((path) => !local.includes(path) && !path.startsWith("deploy/tls/") && !path.startsWith("deploy/check/") && !roleFiles.includes(path)
    && !readme.includes(path.slice("deploy/".length)));
});

function same(found, wanted) {
  return JSON.stringify(found) === JSON.stringify(wanted) ? [] : [`${JSON.stringify(found)} is not ${JSON.stringify(wanted)}`];
}

done();
