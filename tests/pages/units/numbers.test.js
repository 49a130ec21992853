/** Whole numbers that JavaScript does not count exactly are kept in what is read, set, stored and sent. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bodyOf, USUAL } from "../../../api_service/pages/common/job_body.js";
import { numberOf, parsed, written } from "../../../api_service/pages/common/numbers.js";
import { settingsOf } from "../../../api_service/pages/studio/form/settings.js";
import { inputsOf, withInput, workflowIn } from "../../../api_service/pages/studio/workflow/workflows.js";

const LARGEST = "18446744073709551615"; // the largest seed of a KSampler
const LARGE = [LARGEST, "18446744073709551614", "9007199254740993", "-9223372036854775808", "123456789012345678901234567890"];

test("what is read is written again as it was", () => {
  for (const number of LARGE) {
    for (const text of [number, `[${number},1]`, `{"a":{"b":[{"c":${number}}]},"d":"x"}`]) assert.equal(written(parsed(text)), text);
  }
});

test("other numbers, and digits in texts, are what they always were", () => {
  for (const text of ['{"a":1.5,"b":-0.25,"c":[9007199254740991,0]}', `{"a":"${LARGEST}","b":"\\"${LARGEST}\\""}`, "[true,null,1]"]) {
    assert.deepEqual(parsed(text), JSON.parse(text));
    assert.equal(written(parsed(text)), text);
  }
  assert.equal(parsed("12345678901234567.5"), 12345678901234567.5);
  assert.equal(parsed("1.8446744073709551615e19"), 2 ** 64);
});

test("a browser that cannot tell or say how a number is written loses none", () => {
  const { rawJSON, parse } = JSON;
  try {
    delete JSON.rawJSON;
    JSON.parse = (text, revive) => parse(text, revive && ((name, value) => revive(name, value)));
    const text = `{"a":[${LARGE}],"b":"${LARGEST}","c":{"${LARGEST}":1}}`;
    assert.equal(written(parsed(text)), text);
    assert.equal(written(parsed(`{"a":${LARGEST}}`), 2), `{\n  "a": ${LARGEST}\n}`);
  } finally {
    Object.assign(JSON, { rawJSON, parse });
  }
});

test("names and texts that look like numbers, and what is escaped in them, stay texts", () => {
  for (const text of [`{"12345678901234567890":"\\\\"}`, `["a\\\\",${LARGEST},"\\"${LARGEST}"]`, `{"a\\"${LARGEST}":[${LARGEST}]}`]) assert.equal(written(parsed(text)), text);
});

test("what is no JSON is refused, however many digits it has", () => {
  for (const text of ["{", `${LARGEST}x`, `{"a":${LARGEST}`, "01234567890123456789", `{${LARGEST}:1}`]) assert.throws(() => parsed(text), SyntaxError);
});

test("what is typed is a number, or a bigint where that would lose some", () => {
  assert.deepEqual(["1", "-7", "0.5", "1e3", "9007199254740991"].map(numberOf), [1, -7, 0.5, 1000, 9007199254740991]);
  assert.deepEqual(LARGE.map(numberOf), LARGE.map(BigInt));
});

test("a seed goes from a job into the form and into the next job as it is", () => {
  const job = parsed(`{"prompt":"a","checkpoint_model":"b","sampler_params":{"seed":${LARGEST}}}`);
  assert.match(written(bodyOf({ ...USUAL, ...settingsOf(job) })), new RegExp(`"seed":${LARGEST}[,}]`));
});

test("whatever input of a workflow has such a number can be seen and set", () => {
  for (const name of ["seed", "noise_seed", "value", "subseed"]) {
    const { nodes } = workflowIn(`{"1":{"class_type":"Any","inputs":{"${name}":${LARGEST},"model":["2",0]}}}`);
    assert.deepEqual(inputsOf(nodes).map((one) => [one.input, String(one.value)]), [[name, LARGEST]]);
    assert.equal(written(withInput(nodes, "1", name, numberOf("18446744073709551614"))["1"].inputs), `{"${name}":18446744073709551614,"model":["2",0]}`);
  }
});
