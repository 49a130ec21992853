/** What the servers say of the inputs of node classes: their choices and bounds. */
import { signal } from "@preact/signals";
import { get } from "../../common/api.js";
import { nodesOf } from "./workflows.js";

const MOST = 100; // classes of one workflow that are asked for

/** @typedef {import("../../common/calls.js").Schemas["NodeInputView"]} NodeInput */

/** By the class, then by the input. @type {import("@preact/signals").Signal<Map<string, Map<string, NodeInput>>>} */
export const nodeClasses = signal(new Map());
/** @type {Set<string>} */
const asked = new Set();

/**
 * Ask for the classes of a workflow that are not known yet. What no server has is shown by what is in the workflow.
 * @param {Record<string, any>} nodes
 */
export async function learnClasses(nodes) {
  const unknown = [...new Set(nodesOf(nodes).map(([, node]) => String(node.class_type)))].filter((name) => !asked.has(name)).slice(0, MOST);
  const found = await Promise.all(unknown.map((name) => (asked.add(name), get("/api/v1/nodes/{node_class}", { path: { node_class: name } }).catch(() => null))));
  const known = new Map(nodeClasses.value);
  for (const one of found) if (one) known.set(one.name, new Map(one.inputs.map((input) => [input.name, input])));
  nodeClasses.value = known;
}
