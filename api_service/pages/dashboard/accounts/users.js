/** Users: what they have used, their share and limits; and the keys of one of them. */
import { useState } from "preact/hooks";
import { post } from "../../common/api.js";
import { html } from "../../common/html.js";
import { words as common } from "../../common/messages.js";
import { size } from "../../common/texts.js";
import { fleet } from "../fleet_messages.js";
import { Keys } from "./keys.js";
import { words } from "../messages.js";
import { pageNow, Pages } from "../paging.js";
import { act, loaded, useResource } from "../resource.js";
import { to } from "../route.js";
import { Table } from "../table.js";
import { HOUR_S, UserForm } from "./user_form.js";

/** @typedef {import("../../common/calls.js").Schemas} Schemas */
/** @typedef {Schemas["UserView"]} User */

const MONTH_MS = 29 * 86_400_000; // and today
const USAGE_MS = 60_000;

/** @param {{id: string | null}} props with an id, also the keys of that user */
export function Users({ id }) {
  const users = useResource("/api/v1/users", { query: pageNow() });
  const chosen = useResource("/api/v1/users/{user_id}", id ? { path: { user_id: id } } : null);
  const pauses = useResource("/api/v1/queue/pauses");
  const first = new Date(Date.now() - MONTH_MS).toISOString().slice(0, 10);
  const usage = useResource("/api/v1/usage", { query: { first_day: first, group_by: ["user"], user_id: "all" } }, USAGE_MS);
  const used = new Map(usage.data?.items.map((row) => [row.user_id, row]));
  const [changed, change] = useState(/** @type {User | null} */ (null));
  // What came later would move what one reads already.
  if ([users, usage, pauses].some(({ data, error }) => !data && !error)) return html`<h1>${words.views.users}</h1><p class="empty" role="status">${common.loading}</p>`;
  return html`<h1>${words.views.users}</h1>
    <${Make} reload=${users.reload} />
    ${loaded(users, ({ items, cursor }) => html`<${Table} label=${words.views.users} empty=${fleet.noUsers}
          columns=${[fleet.name, fleet.stored, fleet.gpuHours, fleet.jobsEnded, fleet.weight, fleet.limit, fleet.budget, ""]}
          rows=${items.map((user) => html`<${Row} key=${user.id} user=${user} used=${used.get(user.id)} change=${change} pauses=${pauses} />`)} />
      <${Pages} next=${cursor} />`)}
    ${id && loaded(chosen, (user) => html`<${Keys} key=${user.id} user=${user} />`)}
    ${changed && html`<${UserForm} user=${changed} close=${() => change(null)} reload=${users.reload} />`}`;
}

/** @param {{user: User, used?: Schemas["UsageRow"], change: (user: User) => void, pauses: import("../resource.js").Resource<Schemas["PausesView"]>}} props */
function Row({ user, used, change, pauses }) {
  const path = { user_id: user.id };
  const isPaused = pauses.data?.items.some((one) => one.user_id === user.id);
  const pause = () => act(() => /** @type {Promise<any>} */ (isPaused ? post("/api/v1/users/{user_id}/resume", { path }) : post("/api/v1/users/{user_id}/pause", { path, body: {} })), isPaused ? fleet.userResumed : fleet.userPaused, pauses.reload);
  return html`<tr>
    <th scope="row"><a class="clamped" title=${user.name} href=${to(`users/${user.id}`)}>${user.name}</a> ${isPaused && html`<span class="badge queued">${fleet.paused}</span>`}</th>
    <td>${size(user.stored_bytes)}</td>
    <td>${((used?.gpu_seconds ?? 0) / HOUR_S).toFixed(1)}</td>
    <td>${(used?.completed ?? 0) + (used?.failed ?? 0)}</td>
    <td>${user.weight}</td>
    <td>${user.running_jobs_limit ?? fleet.noLimit}</td>
    <td>${budgetOf(user)}</td>
    <td><div class="row deeds">
      <a class="button" href=${to("jobs", { user_id: user.id })}>${words.views.jobs}</a>
      <a class="button" href=${to(`users/${user.id}`)}>${fleet.keys}</a>
      ${pauses.data && html`<button onClick=${pause}>${isPaused ? fleet.resumeUser : fleet.pauseUser}</button>`}
      <button onClick=${() => change(user)} aria-label=${`${fleet.change} ${user.name}`}>${fleet.change}</button>
    </div></td></tr>`;
}

/** @param {User} user */
function budgetOf({ budget: { gpu_seconds: seconds, jobs } }) {
  const said = [typeof seconds === "number" && fleet.hoursAMonth(seconds / HOUR_S), typeof jobs === "number" && fleet.jobsAMonth(jobs)].filter(Boolean);
  return said.join(", ") || fleet.noLimit;
}

/** @param {{reload: () => Promise<void>}} props */
function Make({ reload }) {
  const make = async (/** @type {any} */ event) => {
    event.preventDefault();
    const form = event.target;
    if ((await act(() => post("/api/v1/users", { body: { name: String(new FormData(form).get("name")) } }), fleet.madeUser, reload)) !== undefined) form.reset();
  };
  return html`<form class="card row end" onSubmit=${make}>
    <div class="field grow"><label for="user">${fleet.makeUser}</label><input id="user" name="name" required maxlength="255" placeholder=${fleet.name} /></div>
    <button class="primary">${words.add}</button>
  </form>`;
}
