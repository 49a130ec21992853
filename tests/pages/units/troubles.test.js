/** What is wrong is said with what an admin does about it, and to others with what they can. */
import assert from "node:assert/strict";
import { test } from "node:test";

Object.assign(globalThis, { document: { baseURI: "http://127.0.0.1/" } });
const { troublesOf } = await import("../../../api_service/pages/dashboard/overview/troubles.js");

const WORKS = { name: "http://a", state: "up" };
const WEDGED = { name: "http://b", state: "wedged", problem: "it runs nothing", wedged_since: new Date().toISOString() };
const WAITS = {
  oldest_wait_s: 300, waiting: { 3: 1, 5: 2 },
  users: [{ name: "anna", waiting: 2 }, { name: "berta", waiting: 1 }, { name: "carla", waiting: 0 }],
};
const RESTS = { oldest_wait_s: null, waiting: {}, users: [] };
const AWAY = { status: "not ready", redis: { ok: false, detail: "no answer" }, database: { ok: true, detail: "" } };

/** @param {any} seen */
const found = (seen) => troublesOf({ overview: RESTS, servers: [], ready: null, pauses: [], isAdmin: true, ...seen });

test("nothing is wrong where all works", () => {
  assert.deepEqual(found({ servers: [WORKS], ready: { status: "ready", redis: { ok: true, detail: "" } } }), []);
});

test("a server that is wedged comes before those who wait, who are named", () => {
  const [first, second] = found({ servers: [WORKS, WEDGED], overview: WAITS });
  assert.match(first.what, /http:\/\/b: wedged/);
  assert.match(first.why ?? "", /it runs nothing; since/);
  assert.match(first.remedy, /restart ComfyUI/);
  assert.match(second.what, /3 jobs wait, the oldest for 5 min: anna \(2\), berta \(1\)$/);
  assert.match(second.remedy, /the servers above/);
});

test("who waits for servers that work is told that there are too few", () => {
  const [only] = found({ servers: [WORKS], overview: WAITS });
  assert.match(only.remedy, /add a server/);
});

test("that the queue is paused is said once: by whom, where that may be seen", () => {
  const ready = { status: "ready", queue: { ok: false, detail: "paused since 2026-11-30T20:49:07+00:00" } };
  const pauses = [{ scope: "queue", paused_by: "anna", reason: "the air is hot" }];
  assert.deepEqual(found({ ready, pauses }).map(({ what }) => what), ["The queue is paused by anna"]);
  const [only] = found({ ready, isAdmin: false });
  assert.equal(only.what, "The queue is paused");
  assert.match(only.remedy, /tell whoever runs this service/);
});

test("who is no admin hears what concerns them, and is told to do nothing that only admins can", () => {
  const all = found({ isAdmin: false, ready: AWAY, overview: WAITS });
  assert.match(all[0].remedy, /tell whoever runs this service/);
  assert.equal(all[0].view, undefined);
  assert.match(all[1].what, /^3 of your jobs wait/);
  assert.doesNotMatch(all.map(({ what, remedy }) => what + remedy).join(), /anna|add a server|Start/);
});
