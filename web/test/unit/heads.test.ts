import assert from "node:assert/strict";
import test from "node:test";
import { HEADS_KEPT, withHead, wrongHeads, wrongWords } from "../../src/logic/heads";
import type { ToldHead } from "../../src/wire";

const head = (seq: number, more: Partial<ToldHead> = {}): ToldHead => ({ seq, at_ms: seq * 60_000, key_id: "3675377363300556", hash: String(seq % 10).repeat(64), ...more });

test("heads are kept once each, in order, and not for ever", () => {
  let kept: ToldHead[] = [];
  for (const seq of [2, 1, 2, 3, 3, 1]) kept = withHead(kept, head(seq));
  assert.deepEqual(kept.map((k) => k.seq), [1, 2, 3]);
  for (let seq = 4; seq <= 500; seq++) kept = withHead(kept, head(seq));
  assert.deepEqual([kept.length, kept[0]!.seq, kept[HEADS_KEPT - 1]!.seq], [HEADS_KEPT, 381, 500]);
});

test("two of one number that differ are both kept, since one of them is not the published one", () => {
  const kept = withHead(withHead([], head(7)), head(7, { hash: "f".repeat(64) }));
  assert.equal(kept.length, 2);
  assert.equal(wrongHeads(kept, [head(7)]).length, 1);
});

test("what was told is the same as what is published, or is named", () => {
  const published = [1, 2, 3, 4].map((seq) => head(seq));
  assert.deepEqual(wrongHeads([head(2), head(4)], published), []);
  assert.deepEqual(wrongHeads([], published), []);
  for (const more of [{ hash: "f".repeat(64) }, { key_id: "0".repeat(16) }, { at_ms: 1 }]) {
    const told = head(3, more);
    assert.deepEqual(wrongHeads([head(2), told], published), [{ told, published: head(3) }]);
    assert.match(wrongWords({ told, published: head(3) }), /^Head 3 was told as (\w{64}) \(key \w{16}, .*Z\) and is published as 3{64} \(key 3675377363300556, /);
  }
  assert.deepEqual(wrongHeads([head(5)], published), [{ told: head(5), published: undefined }]);
  assert.match(wrongWords({ told: head(5) }), /^Head 5 was told as 5{64} .* and is not published\.$/);
});
