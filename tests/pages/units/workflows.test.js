/** What is a workflow, and which of its inputs a person can set. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { numberOf, written } from "../../../api_service/pages/common/numbers.js";
import { inputsOf, nodesOf, withInput, workflowIn } from "../../../api_service/pages/studio/workflow/workflows.js";

const NODES = { 1: { class_type: "KSampler", inputs: { seed: 1, model: ["2", 0], name: "euler" } } };

test("a workflow of the API is taken, alone and as ComfyUI is sent it", () => {
  assert.deepEqual(workflowIn(JSON.stringify(NODES)), { nodes: NODES });
  assert.deepEqual(workflowIn(JSON.stringify({ prompt: NODES, client_id: "x" })), { nodes: NODES });
});

test("a node that is called prompt is a node", () => {
  const nodes = { prompt: { class_type: "CLIPTextEncode", inputs: {} } };
  assert.deepEqual(workflowIn(JSON.stringify(nodes)), { nodes });
});

test("what the editor saved, and what is no workflow, get a sentence each", () => {
  assert.match(workflowIn('{"nodes": [], "links": []}').why, /Export \(API\)/);
  for (const text of ["", "{", "[]", "null", "3", "{}", '{"1": null}']) assert.match(workflowIn(text).why, /no workflow/);
});

test("what is no node beside the nodes is left to the API, and breaks no form", () => {
  const { nodes } = workflowIn(JSON.stringify({ ...NODES, extra: null, version: 0.4, name: "x" }));
  assert.deepEqual(nodesOf(nodes).map(([name]) => name), ["1"]);
  assert.deepEqual(inputsOf(nodes).map((one) => one.input), ["seed", "name"]);
});

test("the numbers that Python writes and JSON does not know are none, and a text that has such a word stays", () => {
  const text = '{"1": {"class_type": "X", "is_changed": [NaN, -Infinity], "inputs": {"text": "a NaN, \\"NaN\\""}}}';
  assert.deepEqual(workflowIn(text), { nodes: { 1: { class_type: "X", is_changed: [null, null], inputs: { text: 'a NaN, "NaN"' } } } });
});

test("a text that has no end is looked at once, however often it seems to begin", () => {
  for (const begun of ['\\"', '"', "\\", "NaN "]) assert.match(workflowIn(`{"1": "${begun.repeat(2_000_000)}`).why, /no workflow/);
});

test("links between nodes are no inputs of a form, and setting one leaves the rest", () => {
  assert.deepEqual(inputsOf(NODES).map((one) => one.input), ["seed", "name"]);
  assert.deepEqual(withInput(NODES, "1", "seed", 2)[1].inputs, { seed: 2, model: ["2", 0], name: "euler" });
  assert.equal(NODES[1].inputs.seed, 1);
});

test("a seed that is larger than what JavaScript counts stays as it was written", () => {
  const text = '{"1":{"class_type":"KSampler","inputs":{"seed":18446744073709551615,"cfg":5.5}}}';
  const { nodes } = workflowIn(text);
  assert.equal(written(nodes), text);
  assert.deepEqual(inputsOf(nodes).map((one) => one.input), ["seed", "cfg"]);
  assert.match(written(withInput(nodes, "1", "seed", numberOf("18446744073709551614"))), /18446744073709551614/);
});
