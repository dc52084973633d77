// The place's news: a WebSocket that comes back by itself, and polling when sockets do not work.

import { call, Problem } from "../api";
import { afterClose, afterSeconds, fullJitter } from "../logic/backoff";
import { notOlder } from "../logic/screen";
import type { Announcement, Estimate, Heard, Listen, PollAnswer, SeatsMoved, Seq, View } from "../wire";
import { hearHead } from "./head";
import { seatNews } from "./seat-news";

export interface Hears {
  view(view: View): void;
  /** Whether news are coming: at once when they do, and when a connection was lost. */
  connected(yes: boolean): void;
  badReceipt(): void;
  /** The place ended and its news are over. */
  ended(): void;
}

/** Where the server does not say how soon to ask again. */
const POLL_MS = 3_000;
const PING_MS = 25_000;
const SILENT_MS = 75_000;
const FIRST_ANSWER_MS = 10_000;
const SOCKET_FAILURES = 3;
const STEADY_MS = 10_000;
const SOCKET_AGAIN_MS = 60_000;

export class Live {
  private socket: WebSocket | null = null;
  private failures = 0;
  private polls = 0;
  private stopped = false;
  private polling = false;
  private steady = false;
  private last: Heard | undefined;
  private estimate: Estimate | undefined;
  private announced: Announcement | undefined;
  private heardAt = performance.now();
  private timers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(private sale: string, private receipt: string, private listen: Listen, private hears: Hears) {
    this.connect();
  }

  /** The network or the page came back: do not wait for the timers. */
  wake(): void {
    if (this.stopped) return;
    if (!this.socket) {
      this.cancel("retry");
      this.connect();
    } else if (performance.now() - this.heardAt > PING_MS) void this.poll(true);
  }

  stop(): void {
    this.stopped = true;
    for (const t of this.timers.values()) clearTimeout(t);
    this.timers.clear();
    this.drop();
  }

  private later(name: string, ms: number, f: () => void): void {
    this.cancel(name);
    if (!this.stopped) this.timers.set(name, setTimeout(f, ms));
  }
  private cancel(name: string): void {
    clearTimeout(this.timers.get(name));
  }

  private drop(): void {
    const s = this.socket;
    this.socket = null;
    seatNews.pushed = false;
    this.cancel("first");
    this.cancel("ping");
    if (!s) return;
    s.onopen = s.onmessage = s.onclose = s.onerror = null;
    s.close();
  }

  private connect(): void {
    if (this.stopped || this.socket) return;
    const url = new URL(this.listen.socket, location.href);
    if (url.protocol.startsWith("http")) url.protocol = url.protocol.replace("http", "ws");
    let s: WebSocket;
    try {
      s = new WebSocket(url);
    } catch {
      this.closed(0, "");
      return;
    }
    this.socket = s;
    this.later("first", FIRST_ANSWER_MS, () => (this.drop(), this.closed(0, "")));
    s.onopen = () => s.send(JSON.stringify({ v: 1, type: "hello", data: { receipt: this.receipt, ...this.last, estimate: this.estimate } }));
    s.onmessage = (e) => this.message(String(e.data));
    s.onclose = (e) => {
      this.socket = null;
      this.closed(e.code, e.reason);
    };
  }

  private ping(): void {
    this.later("ping", PING_MS, () => {
      if (this.socket?.readyState === WebSocket.OPEN) this.socket.send('{"v":1,"type":"ping"}');
      if (performance.now() - this.heardAt > SILENT_MS) void this.poll(true);
      this.ping();
    });
  }

  private message(raw: string): void {
    let m: { type?: string; epoch: number; seq: Seq; data: View & SeatsMoved & { code?: string } };
    try {
      m = JSON.parse(raw);
    } catch {
      return;
    }
    if (m.type === "problem" && m.data?.code === "unauthorised") return this.refused();
    if (m.type === "seats") {
      this.heardAt = performance.now();
      return seatNews.hear?.(m.data);
    }
    if (m.type !== "place") return;
    this.cancel("first");
    seatNews.pushed = true;
    // A socket that opens and breaks at once has not recovered.
    if (this.failures && !this.steady) this.steady = true, this.later("steady", STEADY_MS, () => (this.failures = 0));
    this.polling = false;
    this.cancel("poll");
    this.ping();
    this.take(m, m.data);
  }

  private take(heard: Heard, view: View): void {
    this.heardAt = performance.now();
    this.hears.connected(true);
    // Told once, whatever else the frame says.
    if (view.log_head) hearHead(this.sale, view.log_head);
    if (!notOlder(this.last, heard)) return;
    this.last = { epoch: heard.epoch, seq: heard.seq };
    this.estimate = view.estimate;
    // Texts are told once.
    if (view.announcement && !view.announcement.texts) view.announcement = this.announced?.at_ms === view.announcement.at_ms ? this.announced : undefined;
    this.announced = view.announcement;
    this.hears.view(view);
  }

  private refused(): void {
    this.stop();
    this.hears.badReceipt();
  }

  private closed(code: number, reason: string): void {
    seatNews.pushed = false;
    this.steady = false;
    this.cancel("steady");
    this.cancel("first");
    this.cancel("ping");
    if (this.stopped) return;
    const next = afterClose(code, reason, this.failures);
    if (next.then === "stop") {
      this.stop();
      return next.why === "ended" ? this.hears.ended() : this.hears.badReceipt();
    }
    this.failures++;
    if (this.failures >= SOCKET_FAILURES) {
      this.later("retry", SOCKET_AGAIN_MS + fullJitter(4), () => this.connect());
      if (!this.polling) {
        this.polling = true;
        void this.poll();
      }
      return;
    }
    this.hears.connected(false);
    this.later("retry", next.inMs, () => this.connect());
  }

  /** Asks by HTTP: again and again while sockets do not work, or once where a socket has long been silent. */
  private async poll(once = false): Promise<void> {
    if (this.stopped) return;
    const url = new URL(this.listen.poll, location.href);
    if (this.last) {
      url.searchParams.set("epoch", String(this.last.epoch));
      for (const [lane, n] of Object.entries(this.last.seq)) url.searchParams.set(lane, String(n));
    }
    if (this.estimate) {
      url.searchParams.set("low_s", String(this.estimate.low_s));
      url.searchParams.set("high_s", String(this.estimate.high_s));
    }
    if (this.announced) url.searchParams.set("announced", String(this.announced.at_ms));
    let wait: number;
    try {
      const { data, pollAfterMs } = await call<PollAnswer>("GET", url.href, { bearer: this.receipt });
      this.polls = 0;
      wait = (pollAfterMs || POLL_MS) * (0.8 + 0.4 * Math.random());
      if (!this.stopped) this.take(data, data.view);
    } catch (e) {
      const p = e as Problem;
      if (this.stopped) return;
      if (p.status === 401 || p.status === 404) return this.refused();
      if (once) {
        this.drop();
        return this.closed(0, "");
      }
      if (p.status !== 429) this.hears.connected(false);
      wait = p.retryAfterS ? afterSeconds(p.retryAfterS) : fullJitter(++this.polls);
    }
    if (this.polling) this.later("poll", wait, () => void this.poll());
  }
}
