/** Series that are drawn one on top of the other. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { stacked } from "../../../api_service/pages/dashboard/overview/chart.js";

const of = (name, ...values) => ({ name, colour: "", values });

test("each is drawn up to the sum of itself and those below", () => {
  const drawn = stacked([of("high", 1, 0), of("low", 2, 3)]);
  assert.deepEqual(drawn.map(({ values }) => values), [[3, 3], [2, 3]]);
});

test("the legend says what each is by itself", () => {
  assert.deepEqual(stacked([of("high", 1), of("low", 2)]).map(({ shown }) => shown), [[1], [2]]);
});

test("where nothing is known nothing is drawn", () => {
  assert.deepEqual(stacked([of("high", null), of("low", null)]).map(({ values }) => values), [[null], [null]]);
});
