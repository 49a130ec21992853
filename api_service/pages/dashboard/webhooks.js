/** The webhooks of the caller, and what each was sent. */
import { patch, post } from "../common/api.js";
import { html } from "../common/html.js";
import { ago } from "../common/texts.js";
import { fleet } from "./fleet_messages.js";
import { words } from "./messages.js";
import { act, Loaded, useResource } from "./resource.js";
import { to } from "./route.js";
import { Table } from "./table.js";

const WEBHOOKS = "api/v1/webhooks";
/** How a state of a delivery looks: as a job does. */
const LOOKS = /** @type {Record<string, string>} */ ({ pending: "queued", delivered: "completed", failed: "failed" });

/** @param {{id: string | null}} props with an id, also the deliveries of that one */
export function Webhooks({ id }) {
  const webhooks = useResource(WEBHOOKS);
  return html`<h1>${words.views.webhooks}</h1>
    <${Loaded} of=${webhooks}>${(/** @type {any} */ { items }) => {
      const chosen = items.find((/** @type {any} */ one) => one.id === id);
      return html`<${Table} label=${words.views.webhooks} empty=${fleet.noWebhooks} hint=${fleet.noWebhooksHint}
          columns=${[fleet.endpoint, fleet.state, fleet.events, ""]}
          rows=${items.map((/** @type {any} */ one) => html`<${Row} key=${one.id} one=${one} reload=${webhooks.reload} />`)} />
        ${chosen && html`<${Deliveries} key=${chosen.id} of=${chosen} />`}`;
    }}<//>`;
}

/** @param {{one: any, reload: () => Promise<void>}} props */
function Row({ one, reload }) {
  const path = `${WEBHOOKS}/${one.id}`;
  const [look, said] = !one.enabled ? ["queued", fleet.disabled] : one.failures ? ["failed", fleet.fails(one.failures)] : ["completed", fleet.works];
  return html`<tr>
    <th scope="row" class="wide"><a href=${to(`webhooks/${one.id}`)}>${one.url ?? fleet.ofJobs}</a> <span class="soft">${one.description}</span></th>
    <td><span class="badge ${look}">${said}</span> <span class="soft">${one.disabled_reason}</span></td>
    <td class="wide">${one.event_types.join(", ")}</td>
    <td><div class="row deeds">
      ${one.url && html`<button onClick=${() => act(() => post(`${path}/test`), fleet.tested, reload)}>${fleet.test}</button>`}
      <button onClick=${() => act(() => patch(path, { enabled: !one.enabled }), one.enabled ? fleet.disabled : fleet.works, reload)}>${one.enabled ? fleet.turnOff : fleet.turnOn}</button>
    </div></td></tr>`;
}

/** @param {{of: any}} props */
function Deliveries({ of }) {
  const path = `${WEBHOOKS}/${of.id}`;
  const deliveries = useResource(`${path}/deliveries`);
  const again = (/** @type {string} */ id) => act(() => post(`${path}/deliveries/${id}/redeliver`), fleet.redelivered, deliveries.reload);
  return html`<section><div class="row"><h2 class="grow">${fleet.deliveriesOf(of.url ?? fleet.ofJobs)}</h2>
      <button onClick=${() => act(() => post(`${path}/redeliver-failed`), fleet.redelivered, deliveries.reload)}>${fleet.redeliverFailed}</button></div>
    <${Loaded} of=${deliveries}>${(/** @type {any} */ { items }) => html`<${Table} label=${fleet.deliveries} empty=${fleet.noDeliveries}
      columns=${[fleet.type, words.job, fleet.state, fleet.tries, fleet.answer, fleet.last, ""]}
      rows=${items.map((/** @type {any} */ one) => html`<tr key=${one.id}>
        <th scope="row">${one.type}</th><td>${one.job_id ? html`<a href=${to(`jobs/${one.job_id}`)}>${one.job_id}</a>` : words.none}</td>
        <td><span class="badge ${LOOKS[one.state]}">${one.state}</span></td><td>${one.tries}</td>
        <td class="wide">${one.last_status ?? ""} ${one.last_error ?? ""}</td><td>${ago(one.last_tried_at ?? one.created_at)}</td>
        <td><div class="row deeds"><button onClick=${() => again(one.id)}>${fleet.redeliver}</button></div></td></tr>`)} />`}<//></section>`;
}
