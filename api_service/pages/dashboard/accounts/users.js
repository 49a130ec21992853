/** Users: their share and limits; and the keys of one of them. */
import { useState } from "preact/hooks";
import { patch, post } from "../../common/api.js";
import { html } from "../../common/html.js";
import { size } from "../../common/texts.js";
import { fleet } from "../fleet_messages.js";
import { Keys } from "./keys.js";
import { words } from "../messages.js";
import { pageNow, Pages } from "../paging.js";
import { act, loaded, useResource } from "../resource.js";
import { to } from "../route.js";
import { Table } from "../table.js";

/** @typedef {import("../../common/calls.js").Schemas} Schemas */

/** @param {{id: string | null}} props with an id, also the keys of that user */
export function Users({ id }) {
  const users = useResource("/api/v1/users", { query: pageNow() });
  const chosen = useResource("/api/v1/users/{user_id}", id ? { path: { user_id: id } } : null);
  const pauses = useResource("/api/v1/queue/pauses");
  return html`<h1>${words.views.users}</h1>
    <${Make} reload=${users.reload} />
    ${loaded(users, ({ items, cursor }) => html`<${Table} label=${words.views.users} empty=${fleet.noUsers} columns=${[fleet.name, fleet.stored, fleet.weight, fleet.limit, ""]}
          rows=${items.map((user) => html`<${Row} key=${user.id} user=${user} reload=${users.reload} pauses=${pauses} />`)} />
      <${Pages} next=${cursor} />`)}
    ${id && loaded(chosen, (user) => html`<${Keys} key=${user.id} user=${user} />`)}`;
}

/** @param {{user: Schemas["UserView"], reload: () => Promise<void>, pauses: import("../resource.js").Resource<Schemas["PausesView"]>}} props */
function Row({ user, reload, pauses }) {
  const [change, setChange] = useState(/** @type {any} */ (null));
  const path = { user_id: user.id };
  const isPaused = pauses.data?.items.some((one) => one.user_id === user.id);
  const save = async () => {
    const body = { weight: Number(change.weight), running_jobs_limit: change.limit === "" ? null : Number(change.limit) };
    if ((await act(() => patch("/api/v1/users/{user_id}", { path, body }), fleet.changed, reload)) !== undefined) setChange(null);
  };
  const pause = () => act(() => /** @type {Promise<any>} */ (isPaused ? post("/api/v1/users/{user_id}/resume", { path }) : post("/api/v1/users/{user_id}/pause", { path, body: {} })), isPaused ? fleet.userResumed : fleet.userPaused, pauses.reload);
  const field = (/** @type {string} */ name, /** @type {string} */ label) => html`<input type="number" step="any" min="0" aria-label=${label} value=${change[name]}
    onInput=${(/** @type {any} */ event) => setChange({ ...change, [name]: event.target.value })} />`;
  return html`<tr>
    <th scope="row"><a href=${to(`users/${user.id}`)}>${user.name}</a> ${isPaused && html`<span class="badge queued">${fleet.paused}</span>`}</th>
    <td>${size(user.stored_bytes)}</td>
    <td>${change ? field("weight", fleet.weight) : user.weight}</td>
    <td>${change ? field("limit", fleet.limit) : (user.running_jobs_limit ?? fleet.noLimit)}</td>
    <td><div class="row deeds">
      <a class="button" href=${to("jobs", { user_id: user.id })}>${words.views.jobs}</a>
      <a class="button" href=${to(`users/${user.id}`)}>${fleet.keys}</a>
      ${pauses.data && html`<button onClick=${pause}>${isPaused ? fleet.resumeUser : fleet.pauseUser}</button>`}
      ${change ? html`<button class="primary" onClick=${save}>${fleet.save}</button>` : html`<button onClick=${() => setChange({ weight: String(user.weight), limit: String(user.running_jobs_limit ?? "") })}>${fleet.change}</button>`}
    </div></td></tr>`;
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
