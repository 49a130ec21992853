/** Takes a workflow as ComfyUI exports it, and says what to do with one that it only saves. */
import { parsed } from "../../common/numbers.js";
import { complain, settle } from "../../common/toasts.js";
import { words } from "../messages.js";
import { pictureOfWorkflow, workflow } from "../form/settings.js";

/**
 * What a text is: a workflow, or a sentence why it is none.
 * @param {string} text
 * @returns {{nodes: Record<string, any>} | {why: string}}
 */
export function workflowIn(text) {
  let found;
  try {
    found = parsedAnyhow(text);
  } catch {
    return { why: words.workflowNot };
  }
  if (Array.isArray(found?.nodes) && "links" in found) return { why: words.workflowUi };
  // As `POST /prompt` takes it; a node may be named so as well.
  const isWrapped = found?.prompt && typeof found.prompt === "object" && !found.prompt.class_type;
  const nodes = isWrapped ? found.prompt : found;
  const isOne = nodes && typeof nodes === "object" && !Array.isArray(nodes) && Object.values(nodes).some((node) => node?.class_type);
  return isOne ? { nodes } : { why: words.workflowNot };
}

/**
 * A text of JSON, or what Python writes for numbers that JSON does not know: ComfyUI has them in its pictures. A text that
 * has no end goes to the end of all, so that nothing is looked at twice.
 */
const NOT_IN_JSON = /"[^"\\]*(?:\\[^][^"\\]*)*(?:"|\\?$)|-?\b(?:NaN|Infinity)\b/g;

/** @param {string} text @returns {any} */
function parsedAnyhow(text) {
  try {
    return parsed(text);
  } catch {
    return parsed(text.replace(NOT_IN_JSON, (token) => (token.startsWith('"') ? token : "null")));
  }
}

/**
 * @param {string} text
 * @param {File | null} [picture] that the workflow was in
 */
export const takeWorkflow = (text, picture = null) => take(workflowIn(text), picture);

/**
 * @param {ReturnType<typeof workflowIn>} found
 * @param {File | null} picture
 */
function take(found, picture) {
  if (!("nodes" in found)) return complain(found.why);
  pictureOfWorkflow.value = picture;
  workflow.value = found.nodes;
  settle();
}

/** Take a workflow that is pasted outside of its box, where it would be taken for a prompt. @param {string} text @returns {boolean} */
export function takePasted(text) {
  if (!text.trimStart().startsWith("{")) return false;
  const found = workflowIn(text);
  const isOne = "nodes" in found || found.why === words.workflowUi;
  if (isOne) take(found, null);
  return isOne;
}

/** @typedef {string | number | bigint | boolean} Value */

const SET = ["string", "number", "bigint", "boolean"];

/**
 * What in a workflow is a node. Of anything else the API says what is wrong with it.
 * @param {Record<string, any>} nodes
 */
export const nodesOf = (nodes) => Object.entries(nodes).filter(([, node]) => typeof node?.class_type === "string");

/**
 * The inputs of a workflow that a person can set: what is no link to another node.
 * @param {Record<string, any>} nodes
 * @returns {{node: string, kind: string, title: string, input: string, value: Value}[]}
 */
export function inputsOf(nodes) {
  return nodesOf(nodes).flatMap(([node, { class_type, inputs, _meta }]) =>
    Object.entries(inputs ?? {})
      .filter(([, value]) => SET.includes(typeof value))
      .map(([input, value]) => ({ node, kind: class_type, title: _meta?.title ?? class_type, input, value: /** @type {any} */ (value) })),
  );
}

/**
 * The workflow with one input set.
 * @param {Record<string, any>} nodes
 * @param {string} node
 * @param {string} input
 * @param {Value} value
 */
export function withInput(nodes, node, input, value) {
  return { ...nodes, [node]: { ...nodes[node], inputs: { ...nodes[node].inputs, [input]: value } } };
}
