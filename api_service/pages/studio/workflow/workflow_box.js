/** Where a workflow is pasted; and once there is one, its inputs as a form. */
import { useEffect } from "preact/hooks";
import { html } from "../../common/html.js";
import { numberOf } from "../../common/numbers.js";
import { Field, marks, problemOf } from "../form/fields.js";
import { pictureOfWorkflow, problems, settleField, workflow } from "../form/settings.js";
import { beginWithFile, isUploading } from "../input/begin_with_file.js";
import { words } from "../messages.js";
import { isSending, sendByKeys, submit } from "../form/submit.js";
import { learnClasses, nodeClasses } from "./node_classes.js";
import { inputsOf, nodesOf, takeWorkflow, withInput } from "./workflows.js";

const LONG = 60; // characters, from which on a text has several lines

export function WorkflowBox() {
  const given = (/** @type {string} */ text) => text.trim() && takeWorkflow(text);
  const typed = (/** @type {any} */ { target }) => given(target.value);
  // Who pastes waits for something to happen, and does not leave the field for it.
  const pasted = (/** @type {any} */ { target }) => setTimeout(() => given(target.value));
  return html`<div class="field">
    <label for="workflow">${words.useWorkflow}</label>
    <textarea id="workflow" rows="3" placeholder=${words.workflowHint} onPaste=${pasted} onChange=${typed}></textarea>
  </div>`;
}

export function WorkflowForm() {
  const nodes = workflow.value ?? {};
  const classes = nodesOf(nodes).map(([, node]) => node.class_type).join();
  useEffect(() => void learnClasses(nodes), [classes]);
  const send = (/** @type {any} */ event) => (event.preventDefault(), submit());
  /** @type {Map<string, any[]>} */
  const groups = new Map();
  for (const one of inputsOf(nodes)) groups.set(one.node, [...(groups.get(one.node) ?? []), one]);
  const inForm = new Set([...groups].flatMap(([node, inputs]) => [...ofNode(node), ...inputs.map((one) => placeOf(node, one.input))]));
  return html`<form class="form" noValidate onSubmit=${send} onKeyDown=${sendByKeys}>
    <div class="row"><h2 class="grow">${words.workflowOf(nodesOf(nodes).length)}</h2>
      <button type="button" class="quiet" onClick=${() => (workflow.value = null)}>${words.backToForm}</button></div>
    <${BeginInstead} />
    ${Object.entries(problems.value).filter(([field]) => !inForm.has(field)).map(([field, message]) => html`<p class="problem" role="alert">${field && html`<code>${field}</code> `}${message}</p>`)}
    ${[...groups].map(([node, inputs]) => html`<fieldset key=${node}>
      <legend class="label">${inputs[0].title} <span class="soft">#${node}</span></legend>
      ${ofNode(node).map((field) => problems.value[field] && html`<p class="problem" role="alert" key=${field}>${problems.value[field]}</p>`)}
      ${inputs.map((one) => html`<${Input} key=${one.input} ...${one} />`)}
    </fieldset>`)}
    <div class="send"><button class="primary" disabled=${isSending.value}>${isSending.value ? words.making : words.make} <kbd>Ctrl ⏎</kbd></button></div>
  </form>`;
}

/** Any picture that was made here has its workflow: who dropped one may have meant the picture. */
function BeginInstead() {
  const picture = pictureOfWorkflow.value;
  if (!picture) return null;
  return html`<div><p class="soft">${words.workflowInPicture}</p>
    <button type="button" disabled=${isUploading.value} onClick=${() => beginWithFile(picture)}>${words.beginInstead}</button></div>`;
}

/** How the API calls what is wrong with a node. @param {string} node */
const ofNode = (node) => [`workflow.${node}`, `workflow.${node}.class_type`];
/** How the API calls an input. @type {(node: string, input: string) => string} */
const placeOf = (node, input) => `workflow.${node}.inputs.${input}`;

/** @param {{node: string, kind: string, input: string, value: import("./workflows.js").Value}} props */
function Input({ node, kind, input, value }) {
  const id = `of-${node}-${input}`;
  const place = placeOf(node, input);
  const marked = marks(id, place);
  const set = (/** @type {import("./workflows.js").Value} */ changed) => {
    workflow.value = withInput(workflow.value ?? {}, node, input, changed);
    settleField(place);
  };
  const of = nodeClasses.value.get(kind)?.get(input);
  const typed = (/** @type {any} */ event) => set(event.target.value);
  if (typeof value === "boolean") {
    const problem = problemOf(place);
    return html`<label class="row" for=${id}><input ...${marked} type="checkbox" checked=${value} onChange=${(/** @type {any} */ event) => set(event.target.checked)} /> ${input}</label>
      ${problem && html`<p class="problem" id="${id}-problem">${problem}</p>`}`;
  }
  return html`<${Field} name=${id} label=${input} of=${place}>
    ${of?.choices?.length
      ? html`<${Choices} marked=${marked} value=${value} choices=${of.choices} set=${set} />`
      : typeof value === "string"
        ? value.length > LONG ? html`<textarea ...${marked} rows="3" value=${value} onInput=${typed}></textarea>` : html`<input ...${marked} value=${value} onInput=${typed} />`
        : html`<${Numeral} marked=${marked} value=${value} of=${of} set=${set} />`}<//>`;
}

/** @typedef {ReturnType<typeof marks>} Marked */

/** @param {{marked: Marked, value: any, choices: (string | number | boolean)[], set: (value: any) => void}} props */
function Choices({ marked, value, choices, set }) {
  // What is chosen may be on no server, and then the API says so.
  const all = choices.includes(value) ? choices : [value, ...choices];
  return html`<select ...${marked} onChange=${(/** @type {any} */ event) => set(all[event.target.selectedIndex])}>
    ${all.map((one) => html`<option key=${one} selected=${one === value}>${String(one)}</option>`)}
  </select>`;
}

/** @param {{marked: Marked, value: number | bigint, of?: import("./node_classes.js").NodeInput, set: (value: any) => void}} props */
function Numeral({ marked, value, of, set }) {
  const typed = (/** @type {any} */ event) => event.target.value !== "" && set(numberOf(event.target.value));
  return html`<input ...${marked} type="number" step=${of?.type === "INT" ? 1 : "any"} min=${of?.minimum} max=${of?.maximum} value=${value} onInput=${typed} />`;
}
