/** A day in a filter is the one of the reader, and stands in the address as a moment. */
import assert from "node:assert/strict";
import { test } from "node:test";

Object.assign(globalThis, { location: { hash: "", origin: "http://127.0.0.1" }, document: { baseURI: "http://127.0.0.1/" }, addEventListener: () => {} });
const { dayOf, momentOf } = await import("../../../api_service/pages/dashboard/jobs/more_filters.js");

test("a day becomes the first moment that counts, or the first that no longer does, and is read from it", () => {
  for (const day of ["2026-01-01", "2026-02-28", "2026-03-29", "2026-10-25", "2026-12-31"]) {
    for (const later of [0, 1]) assert.equal(dayOf(String(momentOf(day, later)), later), day);
  }
  assert.ok(String(momentOf("2026-05-01", 1)) > String(momentOf("2026-05-01", 0)));
});

test("what is no day is none", () => {
  assert.equal(momentOf("", 1), null);
  assert.equal(dayOf("", 0), "");
  assert.equal(dayOf("yesterday", 0), "");
});
