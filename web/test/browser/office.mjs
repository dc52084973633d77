// What the test sets up by the API, as promoter and operator, so that a run does not take long.

const DRAFT = [
  "name", "lobby_opens_at_ms", "opens_at_ms", "closes_at_ms", "entry", "seating", "shop_ms", "party_max", "rate_per_minute", "max_active", "hold_ttl_ms", "extension_ms", "grace_ms", "presence_ms", "gather_ms", "answer_ms", "rejoin",
];

export class Office {
  static async enter(base, sale, { email, password }) {
    const office = new Office();
    Object.assign(office, { base, sale });
    office.token = (await office.call("POST", "/v1/sessions", { email, password })).body.access_token;
    return office;
  }

  async call(method, path, body, headers = {}) {
    const r = await fetch(this.base + path, {
      method,
      headers: { ...(body && { "content-type": "application/json" }), ...(this.token && { authorization: `Bearer ${this.token}` }), ...headers },
      body: body && JSON.stringify(body),
    });
    const answer = { body: await r.json(), etag: r.headers.get("etag") };
    if (!r.ok) throw new Error(`${method} ${path} was answered ${r.status}: ${JSON.stringify(answer.body)}`);
    return answer;
  }

  async shortenHolds(hold_ttl_ms) {
    const path = `/v1/sales/${this.sale}`;
    const { body, etag } = await this.call("GET", path);
    const draft = Object.fromEntries(DRAFT.map((name) => [name, body[name]]));
    await this.call("PUT", path, { ...draft, hold_ttl_ms }, { "if-match": etag });
  }

  async setRate(rate_per_minute) {
    const change = { rate_per_minute, reason: "Browser test: not to wait for long" };
    const path = `/v1/sales/${this.sale}/admission`;
    // A dangerous change takes two requests: the first is answered with what it would do.
    await this.call("PATCH", path, change).catch((e) => {
      const confirm = /"confirm":"([^"]+)"/.exec(e.message)?.[1];
      if (!confirm) throw e;
      return this.call("PATCH", path, { ...change, confirm });
    });
  }

  /** A sale that is open now, by access codes where nothing else is said; its id. */
  async saleNow(event, { entry = "code", name = "By code", lastsMs = 3_600_000 } = {}) {
    const opens_at_ms = Date.now() - 1000;
    const draft = {
      name, opens_at_ms, closes_at_ms: opens_at_ms + lastsMs, ordering: "fifo", entry, party_max: 4, rate_per_minute: 600, max_active: 100,
      hold_ttl_ms: 60_000, extension_ms: 0, grace_ms: 10_000, presence_ms: 60_000, gather_ms: 5_000, answer_ms: 10_000, rejoin: true,
      // Beside the event's other sales.
      allotment: 10,
    };
    const { sale_id } = (await this.call("POST", `/v1/events/${event}/sales`, draft, { "idempotency-key": "browser-" + opens_at_ms })).body;
    await this.call("POST", `/v1/sales/${sale_id}/publish`, undefined, { "idempotency-key": "browser-p-" + opens_at_ms });
    return sale_id;
  }

  async until(what, withinMs, holds) {
    for (const end = Date.now() + withinMs; Date.now() < end; await new Promise((done) => setTimeout(done, 500))) {
      if (holds((await this.call("GET", `/v1/sales/${this.sale}/admission`)).body)) return;
    }
    throw new Error(`this never came: ${what}`);
  }

  untilWaiting(n, withinMs) {
    return this.until(`${n} fans waiting`, withinMs, (now) => now.numbers.waiting >= n);
  }

  untilOpen(withinMs) {
    return this.until("the sale is open", withinMs, (now) => now.state === "open");
  }
}
