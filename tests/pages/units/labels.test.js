/** Labels that are typed, and the addresses that ask for jobs with them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LABELS, labelsIn } from "../../../api_service/pages/common/labels.js";

const address = { hash: "", pathname: "/gallery", search: "" };
Object.assign(globalThis, {
  location: address,
  history: { replaceState: (/** @type {any} */ _state, /** @type {any} */ _title, /** @type {string} */ said) => (address.hash = said.slice(said.indexOf("#"))) },
});
const { filter, filters, queryOf } = await import("../../../api_service/pages/gallery/filters.js");

// As a browser reads a `pattern`.
const fits = (/** @type {string} */ text) => new RegExp(`^(?:${LABELS})$`, "v").test(text);

test("labels stand apart by commas and spaces, each once", () => {
  assert.deepEqual(labelsIn(" A100,nvlink  a100,, h100.80gb "), ["a100", "nvlink", "h100.80gb"]);
  assert.deepEqual(labelsIn(" , "), []);
});

test("a field for labels takes what the API takes", () => {
  for (const good of ["", " ", "a100", "A100, nvlink", "a,b,c", "gpu-7.local_x", "a".repeat(64), Array(16).fill("a").join(" ")]) assert.ok(fits(good), good);
  for (const bad of ["-a", ".a", "ä", "a/b", "a:b", "a".repeat(65), Array(17).fill("a").join(" ")]) assert.ok(!fits(bad), bad);
});

test("the gallery asks for each label, and keeps them in the address", () => {
  filter({ requires: "a100, nvlink" });
  assert.equal(new URLSearchParams(address.hash.slice(1)).get("requires"), "a100, nvlink");
  assert.deepEqual(queryOf(filters.value, {}).getAll("requires"), ["a100", "nvlink"]);
  filter({ requires: "" });
  assert.equal(queryOf(filters.value, {}).has("requires"), false);
});
