/** The schedules of the caller: when each runs, how it went, pause and run now. */
import { patch, post } from "../common/api.js";
import { html } from "../common/html.js";
import { statuses } from "../common/messages.js";
import { ago, at } from "../common/texts.js";
import { fleet } from "./fleet_messages.js";
import { words } from "./messages.js";
import { act, Loaded, useResource } from "./resource.js";
import { to } from "./route.js";
import { Table } from "./table.js";

const SCHEDULES = "api/v1/schedules";

export function Schedules() {
  const schedules = useResource(SCHEDULES);
  return html`<h1>${words.views.schedules}</h1>
    <${Loaded} of=${schedules}>${(/** @type {any} */ { items }) => html`<${Table} label=${words.views.schedules} empty=${fleet.noSchedules} hint=${fleet.noSchedulesHint}
      columns=${[fleet.name, fleet.state, fleet.cron, fleet.next, fleet.lastRun, ""]}
      rows=${items.map((/** @type {any} */ one) => html`<${Row} key=${one.id} one=${one} reload=${schedules.reload} />`)} />`}<//>`;
}

/** @param {{one: any, reload: () => Promise<void>}} props */
function Row({ one, reload }) {
  const path = `${SCHEDULES}/${one.id}`;
  const look = one.failing ? "failed" : one.paused ? "queued" : "completed";
  const last = one.last_run;
  return html`<tr>
    <th scope="row"><a href=${to("jobs", { schedule: one.id })}>${one.name}</a></th>
    <td><span class="badge ${look}">${one.failing ? fleet.failing : one.paused ? fleet.paused : fleet.active}</span> <span class="soft">${one.paused_reason}</span></td>
    <td><code>${one.cron}</code> ${one.time_zone}</td>
    <td>${one.next_runs[0] ? at(one.next_runs[0]) : words.none}</td>
    <td>${last ? html`<a href=${to(`jobs/${last.job_id}`)}>${last.status ? statuses[last.status] ?? last.status : words.none}</a>, ${ago(last.made_at)}` : words.never}</td>
    <td><div class="row deeds">
      <button onClick=${() => act(() => post(`${path}/run`), fleet.ran, reload)}>${fleet.runNow}</button>
      <button onClick=${() => act(() => patch(path, { paused: !one.paused }), one.paused ? fleet.resumedIt : fleet.pausedIt, reload)}>${one.paused ? fleet.resume : fleet.pause}</button>
    </div></td></tr>`;
}
