// One door to the API: JSON in and out, problems as one kind of error, a bound on every request.

import type { ProblemBody, Session } from "./wire";

/** What went wrong. `status` is 0 when no answer came at all. */
export class Problem extends Error {
  constructor(
    public status: number,
    public code: string,
    public title: string,
    public detail = "",
    public retryAfterS?: number,
    public atMs?: number,
    public requestId?: string,
    public faults: string[] = [],
    /** With `confirm-needed`: what makes the same request do it. */
    public confirm?: string,
    /** All that the answer said. */
    public body?: unknown,
  ) {
    super(title);
  }
  /** Whether asking again, unchanged, may help. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export interface Options {
  bearer?: string | null;
  body?: unknown;
  /** The idempotency key; every POST has one, and a retry repeats it. */
  key?: string;
  ifMatch?: string;
  /** What confirms a dangerous edit that was asked about. */
  confirm?: string;
  /** Where the body is text of another type than JSON. */
  type?: string;
  /** Whether the answer is JSON by lines; it becomes a list. */
  lines?: boolean;
  /** The answer is text to be kept as it is. */
  text?: boolean;
  /** How long to wait for the answer. */
  withinMs?: number;
  /** Whether the browser may keep the answer, as the server says; otherwise it is always asked. */
  cache?: RequestCache;
}
export interface Answer<T> { data: T; etag: string | null; pollAfterMs: number }

/** 128 random bits; `crypto.randomUUID` is missing where a page is not served securely. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

export async function call<T>(method: string, path: string, o: Options = {}): Promise<Answer<T>> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (o.bearer) headers.authorization = `Bearer ${o.bearer}`;
  if (o.body !== undefined) headers["content-type"] = o.type ?? "application/json";
  if (method === "POST") headers["idempotency-key"] = o.key ?? newKey();
  if (o.ifMatch) headers["if-match"] = o.ifMatch;
  if (o.confirm) headers.confirm = o.confirm;
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), o.withinMs ?? 15_000);
  try {
    const r = await fetch(path, {
      method,
      headers,
      body: o.body === undefined || o.type ? (o.body as string | undefined) : JSON.stringify(o.body),
      signal: abort.signal,
      cache: o.cache ?? "no-store",
    });
    const text = await r.text();
    if (r.ok && o.text) return { data: text as T, etag: r.headers.get("etag"), pollAfterMs: NaN };
    let json: unknown;
    try {
      json = text ? JSON.parse(o.lines && r.ok ? `[${text.trim().split("\n")}]` : text) : undefined;
    } catch {
      json = undefined;
    }
    if (r.ok) {
      if (json === undefined && r.status !== 204 && text) throw new Problem(r.status, "unreadable", "The answer could not be read");
      return { data: json as T, etag: r.headers.get("etag"), pollAfterMs: Number(r.headers.get("usher-poll-after-ms")) };
    }
    const p = (json ?? {}) as Partial<ProblemBody>;
    const after = Number(r.headers.get("retry-after")) || p.retry_after_s;
    throw new Problem(
      r.status, p.code ?? "http-" + r.status, p.title ?? `The server answered ${r.status}`, p.detail ?? "",
      after || undefined, p.at_ms, r.headers.get("x-request-id") ?? undefined, p.faults ?? [], p.confirm, json,
    );
  } catch (e) {
    if (e instanceof Problem) throw e;
    throw new Problem(0, "offline", "No connection to the server", "Check your network; we try again as soon as you do.");
  } finally {
    clearTimeout(timer);
  }
}

interface Saved { access_token: string; refresh_token: string; until: number; email: string }

/** Keeps an account's session in a storage, and renews it. Tabs share what the storage shares. */
export class Keeper {
  private renewing: Promise<string> | null = null;
  /** Called when the session is over though nobody signed out. */
  onExpired: () => void = () => {};

  constructor(private store: Storage | null, private name: string) {}

  private read(): Saved | null {
    try {
      return JSON.parse(this.store?.getItem(this.name) ?? "null") as Saved | null;
    } catch {
      return null;
    }
  }
  private write(s: Session, email: string): void {
    const saved: Saved = {
      access_token: s.access_token, refresh_token: s.refresh_token, email,
      until: Date.now() + s.expires_in_ms - 20_000,
    };
    this.store?.setItem(this.name, JSON.stringify(saved));
  }
  get email(): string | null {
    return this.read()?.email ?? null;
  }
  clear(): void {
    this.store?.removeItem(this.name);
  }

  async enter(kind: "accounts" | "sessions", email: string, password: string): Promise<void> {
    this.write((await call<Session>("POST", "/v1/" + kind, { body: { email, password } })).data, email);
  }
  async leave(): Promise<void> {
    const saved = this.read();
    this.clear();
    if (saved) await call("DELETE", "/v1/sessions", { body: { refresh_token: saved.refresh_token } }).catch(() => {});
  }

  private async renew(stale: string): Promise<string> {
    const saved = this.read();
    if (!saved) throw expired();
    if (saved.access_token !== stale) return saved.access_token;
    try {
      const s = (await call<Session>("POST", "/v1/sessions/refresh", { body: { refresh_token: saved.refresh_token } })).data;
      this.write(s, saved.email);
      return s.access_token;
    } catch (e) {
      const p = e as Problem;
      if (p.passing) throw p;
      const now = this.read();
      if (now && now.refresh_token !== saved.refresh_token) return now.access_token;
      this.clear();
      this.onExpired();
      throw expired();
    }
  }
  private renewed(stale: string): Promise<string> {
    this.renewing ??= this.renew(stale).finally(() => (this.renewing = null));
    return this.renewing;
  }

  /** A call as the account; renews the session when it is due, and once more when the server says so. */
  async call<T>(method: string, path: string, o: Options = {}): Promise<Answer<T>> {
    const saved = this.read();
    if (!saved) throw expired();
    const key = o.key ?? newKey();
    let token = saved.access_token;
    if (Date.now() > saved.until) token = await this.renewed(token);
    try {
      return await call<T>(method, path, { ...o, key, bearer: token });
    } catch (e) {
      if ((e as Problem).status !== 401) throw e;
      return call<T>(method, path, { ...o, key, bearer: await this.renewed(token) });
    }
  }
}

function expired(): Problem {
  return new Problem(401, "session-expired", "Your session has ended", "Sign in again to go on. A place in a line is not lost by this.");
}

/** A storage that may be missing or refuse (private windows). */
export function storage(kind: "localStorage" | "sessionStorage"): Storage | null {
  try {
    const s = window[kind];
    s.setItem("usher.probe", "1");
    s.removeItem("usher.probe");
    return s;
  } catch {
    return null;
  }
}
