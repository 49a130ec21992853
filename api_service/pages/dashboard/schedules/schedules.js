/** The schedules of the caller: when each runs, how it went; made, changed, paused, run now and deleted. */
import { useState } from "preact/hooks";
import { get, patch, post, remove } from "../../common/api.js";
import { html } from "../../common/html.js";
import { statuses } from "../../common/messages.js";
import { ago, minute } from "../../common/texts.js";
import { complain } from "../../common/toasts.js";
import { fleet } from "../fleet_messages.js";
import { words } from "../messages.js";
import { really } from "../question.js";
import { act, loaded, sentenceOf, useResource } from "../resource.js";
import { to } from "../route.js";
import { Table } from "../table.js";
import { ScheduleForm } from "./schedule_form.js";

/** @typedef {import("../../common/calls.js").Schemas} Schemas */

const SHOWN_RUNS = 3;

export function Schedules() {
  const schedules = useResource("/api/v1/schedules");
  const [changed, change] = useState(/** @type {Schemas["ScheduleView"] | "new" | null} */ (null));
  // The list has no jobs, which may be large.
  const begin = (/** @type {string} */ id) => get("/api/v1/schedules/{schedule_id}", { path: { schedule_id: id } }).then(change, (error) => complain(sentenceOf(error)));
  return html`<div class="row"><h1 class="grow">${words.views.schedules}</h1><button onClick=${() => change("new")}>${fleet.makeSchedule}</button></div>
    ${loaded(schedules, ({ items }) => html`<${Table} label=${words.views.schedules} empty=${fleet.noSchedules} hint=${fleet.noSchedulesHint}
      columns=${[fleet.name, fleet.state, fleet.cron, fleet.next, fleet.lastRun, ""]}
      rows=${items.map((one) => html`<${Row} key=${one.id} one=${one} reload=${schedules.reload} change=${begin} />`)} />`)}
    ${changed && html`<${ScheduleForm} schedule=${changed === "new" ? null : changed} close=${() => change(null)} reload=${schedules.reload} />`}`;
}

/** @param {{one: Schemas["ListedScheduleView"], reload: () => Promise<void>, change: (id: string) => void}} props */
function Row({ one, reload, change }) {
  const path = { schedule_id: one.id };
  const look = one.failing ? "failed" : one.paused ? "queued" : "completed";
  const last = one.last_run;
  const pause = () => act(() => patch("/api/v1/schedules/{schedule_id}", { path, body: { paused: !one.paused } }), one.paused ? fleet.resumedIt : fleet.pausedIt, reload);
  const drop = async () => {
    if (await really(fleet.reallyDropSchedule(one.name), words.remove)) await act(() => remove("/api/v1/schedules/{schedule_id}", { path }), fleet.scheduleGone, reload);
  };
  return html`<tr>
    <th scope="row"><a href=${to("jobs", { schedule: one.id })}>${one.name}</a></th>
    <td><span class="badge ${look}">${one.failing ? fleet.failing : one.paused ? fleet.paused : fleet.active}</span> <span class="soft">${one.paused_reason}</span></td>
    <td><code>${one.cron}</code><br /><span class="soft small">${one.time_zone}</span></td>
    <td>${one.next_runs.slice(0, SHOWN_RUNS).map((run) => html`<div key=${run}>${minute(run)}</div>`)}${!one.next_runs.length && words.none}</td>
    <td>${last ? html`<a href=${to(`jobs/${last.job_id}`)}>${last.status ? (statuses[last.status] ?? last.status) : words.none}</a>, ${ago(last.made_at)}` : words.never}</td>
    <td><div class="row deeds">
      <button onClick=${() => act(() => post("/api/v1/schedules/{schedule_id}/run", { path }), fleet.ran, reload)}>${fleet.runNow}</button>
      <button onClick=${() => change(one.id)}>${fleet.change}</button>
      <button onClick=${pause}>${one.paused ? fleet.resume : fleet.pause}</button>
      <button class="danger" onClick=${drop}>${words.remove}</button>
    </div></td></tr>`;
}
