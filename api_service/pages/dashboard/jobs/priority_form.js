/** Gives many waiting jobs another priority. */
import { post } from "../../common/api.js";
import { html } from "../../common/html.js";
import { toast } from "../../common/toasts.js";
import { Field, FormDialog } from "../form_dialog.js";
import { words } from "../messages.js";
import { which } from "./deeds.js";

const USUAL = 5;

/** @param {{selected: "all" | Set<number>, close: () => void, done: () => void}} props */
export function PriorityForm({ selected, close, done }) {
  const send = async (/** @type {FormData} */ said) => {
    await post("/api/v1/tasks", { body: { kind: "prioritize_jobs", priority: Number(said.get("priority")), ...which(selected) } });
    toast(words.begun);
    done();
  };
  return html`<${FormDialog} title=${words.priorityOf(selected === "all" ? words.allJobs : words.jobs(selected.size))} verb=${words.change} send=${send} close=${close}>
    <${Field} name="priority" label=${words.priorityName} hint=${words.priorityHint} type="number" min="0" max="9" required value=${USUAL} />
  <//>`;
}
