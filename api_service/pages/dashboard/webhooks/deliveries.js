/** What one webhook was sent, how it was answered, and sending it again. */
import { post } from "../../common/api.js";
import { html } from "../../common/html.js";
import { useInView } from "../../common/into_view.js";
import { ago } from "../../common/texts.js";
import { fleet } from "../fleet_messages.js";
import { words } from "../messages.js";
import { pageNow, Pages } from "../paging.js";
import { act, loaded, useResource } from "../resource.js";
import { to } from "../route.js";
import { Table } from "../table.js";

/** @type {Record<string, string>} */
const TYPES = { ...fleet.eventNames, "webhook.test": fleet.testEvent };
/** How a state of a delivery looks: as a job does. */
const LOOKS = { pending: "queued", delivered: "completed", failed: "failed" };

/** @param {{of: import("../../common/calls.js").Schemas["WebhookView"]}} props */
export function Deliveries({ of }) {
  const path = { webhook_id: of.id };
  const deliveries = useResource("/api/v1/webhooks/{webhook_id}/deliveries", { path, query: pageNow() });
  const again = (/** @type {string} */ id) =>
    act(() => post("/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver", { path: { ...path, delivery_id: id } }), fleet.redelivered, deliveries.reload);
  const allAgain = () => act(() => post("/api/v1/webhooks/{webhook_id}/redeliver-failed", { path, body: { since: of.created_at } }), fleet.redelivered, deliveries.reload);
  return html`<section ref=${useInView()}><div class="row"><h2 class="grow clamped">${fleet.deliveriesOf(of.url ?? fleet.ofJobs)}</h2>
      <button onClick=${allAgain}>${fleet.redeliverFailed}</button></div>
    ${loaded(deliveries, ({ items, cursor }) => html`<${Table} label=${fleet.deliveries} empty=${fleet.noDeliveries}
        columns=${[fleet.type, words.job, fleet.state, fleet.tries, fleet.answer, fleet.last, ""]}
        rows=${items.map((one) => html`<tr key=${one.id}>
          <th scope="row">${TYPES[one.type] ?? one.type}</th><td>${one.job_id ? html`<a href=${to(`jobs/${one.job_id}`)}>${one.job_id}</a>` : words.none}</td>
          <td><span class="badge ${LOOKS[one.state]}">${fleet.deliveryStates[one.state] ?? one.state}</span></td><td>${one.tries}</td>
          <td class="wide">${one.last_status ?? ""} ${one.last_error ?? ""}</td><td>${ago(one.last_tried_at ?? one.created_at)}</td>
          <td><div class="row deeds"><button onClick=${() => again(one.id)}>${fleet.redeliver}</button></div></td></tr>`)} />
      <${Pages} next=${cursor} />`)}</section>`;
}
