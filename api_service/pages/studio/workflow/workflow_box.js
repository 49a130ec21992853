/** Where a workflow is pasted; and once there is one, its inputs as a form. */
import { html } from "../../common/html.js";
import { problems, workflow } from "../form/settings.js";
import { words } from "../messages.js";
import { isSending, sendByKeys, submit } from "../form/submit.js";
import { inputsOf, takeWorkflow, withInput } from "./workflows.js";

const LONG = 60; // characters, from which on a text has several lines

export function WorkflowBox() {
  const pasted = (/** @type {any} */ event) => event.target.value.trim() && takeWorkflow(event.target.value);
  return html`<div class="field">
    <label for="workflow">${words.useWorkflow}</label>
    <textarea id="workflow" rows="2" placeholder=${words.workflowHint} onChange=${pasted}></textarea>
  </div>`;
}

export function WorkflowForm() {
  const nodes = workflow.value ?? {};
  const send = (/** @type {any} */ event) => (event.preventDefault(), submit());
  /** @type {Map<string, any[]>} */
  const groups = new Map();
  for (const one of inputsOf(nodes)) groups.set(one.node, [...(groups.get(one.node) ?? []), one]);
  return html`<form class="form" onSubmit=${send} onKeyDown=${sendByKeys}>
    <div class="row"><h2 class="grow">${words.workflowOf(Object.keys(nodes).length)}</h2>
      <button type="button" class="quiet" onClick=${() => (workflow.value = null)}>${words.backToForm}</button></div>
    ${Object.entries(problems.value).map(([field, message]) => html`<p class="problem" role="alert"><code>${field}</code> ${message}</p>`)}
    ${[...groups].map(([node, inputs]) => html`<fieldset key=${node}>
      <legend class="label">${inputs[0].title} <span class="soft">#${node}</span></legend>
      ${inputs.map((one) => html`<${Input} key=${one.input} ...${one} />`)}
    </fieldset>`)}
    <div class="send"><button class="primary" disabled=${isSending.value}>${isSending.value ? words.making : words.make} <kbd>Ctrl ⏎</kbd></button></div>
  </form>`;
}

/** @param {{node: string, input: string, value: string | number | boolean}} props */
function Input({ node, input, value }) {
  const id = `of-${node}-${input}`;
  const set = (/** @type {any} */ changed) => (workflow.value = withInput(workflow.value ?? {}, node, input, changed));
  if (typeof value === "boolean") {
    return html`<label class="row" for=${id}><input id=${id} type="checkbox" checked=${value} onChange=${(/** @type {any} */ event) => set(event.target.checked)} /> ${input}</label>`;
  }
  if (typeof value === "number") {
    return html`<div class="field"><label for=${id}>${input}</label>
      <input id=${id} type="number" step="any" value=${value} onInput=${(/** @type {any} */ event) => event.target.value !== "" && set(Number(event.target.value))} /></div>`;
  }
  const typed = (/** @type {any} */ event) => set(event.target.value);
  return html`<div class="field"><label for=${id}>${input}</label>
    ${value.length > LONG ? html`<textarea id=${id} rows="3" value=${value} onInput=${typed}></textarea>` : html`<input id=${id} value=${value} onInput=${typed} />`}</div>`;
}
