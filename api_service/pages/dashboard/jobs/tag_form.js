/** Gives many jobs a tag: a name and a value in their metadata, by which they are found again. */
import { post } from "../../common/api.js";
import { html } from "../../common/html.js";
import { toast } from "../../common/toasts.js";
import { Field, FormDialog } from "../form_dialog.js";
import { words } from "../messages.js";
import { which } from "./deeds.js";

/** @param {{selected: "all" | Set<number>, close: () => void, done: () => void}} props */
export function TagForm({ selected, close, done }) {
  const send = async (/** @type {FormData} */ said) => {
    const value = String(said.get("value")).trim();
    await post("/api/v1/tasks", { body: { kind: "tag_jobs", metadata: { [String(said.get("tag")).trim()]: value || null }, ...which(selected) } });
    toast(words.begun);
    done();
  };
  return html`<${FormDialog} title=${words.tagOf(selected === "all" ? words.allJobs : words.jobs(selected.size))} verb=${words.tagThem} send=${send} close=${close}>
    <${Field} name="tag" label=${words.tag} required maxlength="100" placeholder="project" />
    <${Field} name="value" label=${words.tagValue} hint=${words.tagValueHint} maxlength="300" placeholder="summer" />
  <//>`;
}
