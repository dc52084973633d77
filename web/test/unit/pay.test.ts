import assert from "node:assert/strict";
import test from "node:test";
import { payAddress } from "../../src/queue/pay-address";

test("the secret and the way back travel in the fragment only", () => {
  const url = new URL(payAddress("http://pay.example/pay/pi_1?x=1", "a&b=c", "http://shop.example/q/sal_1", "http://shop.example/"));
  assert.equal(url.origin + url.pathname + url.search, "http://pay.example/pay/pi_1?x=1");
  const fragment = new URLSearchParams(url.hash.slice(1));
  assert.equal(fragment.get("secret"), "a&b=c");
  assert.equal(fragment.get("return"), "http://shop.example/q/sal_1");
});

test("only web addresses are gone to", () => {
  assert.throws(() => payAddress("javascript:alert(1)", "s", "b", "http://shop.example/"));
  assert.throws(() => payAddress("data:text/html,x", "s", "b", "http://shop.example/"));
});
