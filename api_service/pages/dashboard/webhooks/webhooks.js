/** The webhooks of the caller: made, changed, tried, turned off and deleted. */
import { useState } from "preact/hooks";
import { patch, post, remove } from "../../common/api.js";
import { html } from "../../common/html.js";
import { fleet } from "../fleet_messages.js";
import { words } from "../messages.js";
import { really } from "../question.js";
import { act, loaded, useResource } from "../resource.js";
import { to } from "../route.js";
import { ShownOnce } from "../shown_once.js";
import { Table } from "../table.js";
import { Deliveries } from "./deliveries.js";
import { WebhookForm } from "./webhook_form.js";

/** @typedef {import("../../common/calls.js").Schemas["WebhookView"]} Webhook */

/** @param {{id: string | null}} props with an id, also the deliveries of that one */
export function Webhooks({ id }) {
  const webhooks = useResource("/api/v1/webhooks");
  const [changed, change] = useState(/** @type {Webhook | "new" | null} */ (null));
  const [secret, show] = useState("");
  return html`<div class="row"><h1 class="grow">${words.views.webhooks}</h1><button onClick=${() => change("new")}>${fleet.makeWebhook}</button></div>
    ${secret && html`<section class="card"><${ShownOnce} said=${fleet.newSecret} secret=${secret} /></section>`}
    ${loaded(webhooks, ({ items }) => {
      const chosen = items.find((one) => one.id === id);
      return html`<${Table} label=${words.views.webhooks} empty=${fleet.noWebhooks} hint=${fleet.noWebhooksHint}
          columns=${[fleet.endpoint, fleet.state, fleet.events, ""]}
          rows=${items.map((one) => html`<${Row} key=${one.id} one=${one} reload=${webhooks.reload} change=${change} show=${show} />`)} />
        ${chosen && html`<${Deliveries} key=${chosen.id} of=${chosen} />`}`;
    })}
    ${changed && html`<${WebhookForm} webhook=${changed === "new" ? null : changed} close=${() => change(null)} show=${show} reload=${webhooks.reload} />`}`;
}

/** @param {{one: Webhook, reload: () => Promise<void>, change: (one: Webhook) => void, show: (secret: string) => void}} props */
function Row({ one, reload, change, show }) {
  const path = { webhook_id: one.id };
  const [look, said] = !one.enabled ? ["queued", fleet.disabled] : one.failures ? ["failed", fleet.fails(one.failures)] : ["completed", fleet.works];
  const turn = () => act(() => patch("/api/v1/webhooks/{webhook_id}", { path, body: { enabled: !one.enabled } }), one.enabled ? fleet.disabled : fleet.works, reload);
  const renew = async () => {
    const answer = await act(() => post("/api/v1/webhooks/{webhook_id}/secret", { path }), fleet.secretMade, reload);
    if (answer) show(answer.secret);
  };
  const drop = async () => {
    if (await really(fleet.reallyDropWebhook, words.remove)) await act(() => remove("/api/v1/webhooks/{webhook_id}", { path }), fleet.webhookGone, reload);
  };
  return html`<tr>
    <th scope="row" class="wide"><a class="clamped" title=${one.url} href=${to(`webhooks/${one.id}`)}>${one.url ?? fleet.ofJobs}</a> <span class="soft">${one.description}</span></th>
    <td><span class="badge ${look}">${said}</span> <span class="soft">${one.disabled_reason}</span></td>
    <td class="wide">${one.event_types.map((type) => fleet.eventNames[type] ?? type).join(", ")}</td>
    <td><div class="row deeds">
      ${one.url && html`<button onClick=${() => act(() => post("/api/v1/webhooks/{webhook_id}/test", { path }), fleet.tested, reload)}>${fleet.test}</button>
        <button onClick=${() => change(one)}>${fleet.change}</button>
        <button onClick=${renew}>${fleet.newSecretVerb}</button>`}
      <button onClick=${turn}>${one.enabled ? fleet.turnOff : fleet.turnOn}</button>
      ${one.url && html`<button class="danger" onClick=${drop}>${words.remove}</button>`}
    </div></td></tr>`;
}
