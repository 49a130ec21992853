/** A webhook: where to, what of, and the secret that it is signed with, shown once. */
import { patch, post } from "../../common/api.js";
import { html } from "../../common/html.js";
import { toast } from "../../common/toasts.js";
import { fleet } from "../fleet_messages.js";
import { Field, FormDialog } from "../form_dialog.js";
import { words } from "../messages.js";

/** @typedef {import("../../common/calls.js").Schemas["WebhookView"]} Webhook */
/** @typedef {import("../../common/calls.js").Schemas["WebhookEvent"]} Event */

/** @type {Event[]} */
const USUAL = ["job.completed", "job.failed"];

/** @param {{webhook: Webhook | null, close: () => void, show: (secret: string) => void, reload: () => Promise<void>}} props null is a new one */
export function WebhookForm({ webhook, close, show, reload }) {
  const chosen = /** @type {string[]} */ (webhook?.event_types ?? USUAL);
  const send = async (/** @type {FormData} */ said) => {
    const body = { url: String(said.get("url")).trim(), description: String(said.get("description")).trim() || null, event_types: /** @type {Event[]} */ (said.getAll("events")) };
    if (webhook) await patch("/api/v1/webhooks/{webhook_id}", { path: { webhook_id: webhook.id }, body });
    else show((await post("/api/v1/webhooks", { body })).secret);
    toast(webhook ? fleet.changed : fleet.madeWebhook);
    await reload();
  };
  return html`<${FormDialog} title=${webhook ? fleet.changeWebhook : fleet.makeWebhook} verb=${webhook ? fleet.save : words.add} send=${send} close=${close}>
    <${Field} name="url" label=${fleet.endpoint} type="url" required maxlength="2048" value=${webhook?.url ?? ""} placeholder="https://example.com/done" />
    <${Field} name="description" label=${fleet.description} maxlength="255" value=${webhook?.description ?? ""} />
    <fieldset class="plain"><legend class="label">${fleet.events}</legend>
      ${Object.entries(fleet.eventNames).map(([type, said]) => html`<label class="row" key=${type}><input type="checkbox" name="events" value=${type} defaultChecked=${chosen.includes(type)} /> ${said}</label>`)}</fieldset>
  <//>`;
}
