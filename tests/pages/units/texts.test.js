/** Numbers and times as people read them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ago, duration, inWords, size, withoutNumbers } from "../../../api_service/pages/common/texts.js";

test("sizes have one digit behind the point only where it says something", () => {
  assert.deepEqual([0, 999, 1000, 1_400_000, 25_000_000].map(size), ["0 B", "999 B", "1.0 kB", "1.4 MB", "25 MB"]);
});

test("durations are as exact as one wants to know", () => {
  assert.deepEqual([0.2, 12, 180, 9000, 345_600].map(duration), ["< 1 s", "12 s", "3 min", "2.5 h", "4 d"]);
});

test("moments are told from now", () => {
  assert.equal(ago(new Date(Date.now() - 300_000).toISOString()), "5 minutes ago");
});

test("codes are told in words, and errors of the system without their numbers", () => {
  assert.equal(inWords("out_of_memory"), "Out of memory");
  assert.equal(withoutNumbers("no connection: [Errno 111] Connection refused"), "no connection: Connection refused");
});
