/** Users: their share and limits; and the keys of one of them. */
import { useState } from "preact/hooks";
import { ask, patch, post } from "../../common/api.js";
import { html } from "../../common/html.js";
import { size } from "../../common/texts.js";
import { fleet } from "../fleet_messages.js";
import { Keys } from "./keys.js";
import { words } from "../messages.js";
import { act, Loaded, useResource } from "../resource.js";
import { route, to } from "../route.js";
import { Table } from "../table.js";

const USERS = "api/v1/users";

/** @param {{id: string | null}} props with an id, also the keys of that user */
export function Users({ id }) {
  const cursor = route.value.query.get("cursor");
  const users = useResource(cursor ? `${USERS}?cursor=${encodeURIComponent(cursor)}` : USERS);
  const pauses = useResource("api/v1/queue/pauses");
  return html`<h1>${words.views.users}</h1>
    <${Make} reload=${users.reload} />
    <${Loaded} of=${users}>${(/** @type {any} */ { items, cursor: next }) => {
      const chosen = items.find((/** @type {any} */ user) => user.id === id);
      return html`<${Table} label=${words.views.users} empty=${fleet.noUsers} columns=${[fleet.name, fleet.stored, fleet.weight, fleet.limit, ""]}
          rows=${items.map((/** @type {any} */ user) => html`<${Row} key=${user.id} user=${user} reload=${users.reload} pauses=${pauses} />`)} />
        ${next && html`<a class="button" href=${to("users", { cursor: next })}>${words.more}</a>`}
        ${chosen && html`<${Keys} key=${chosen.id} user=${chosen} />`}`;
    }}<//>`;
}

/** @param {{user: any, reload: () => Promise<void>, pauses: import("../resource.js").Resource}} props */
function Row({ user, reload, pauses }) {
  const [change, setChange] = useState(/** @type {any} */ (null));
  const path = `${USERS}/${user.id}`;
  const isPaused = pauses.data?.items.some((/** @type {any} */ one) => one.user_id === user.id);
  const save = async () => {
    const body = { weight: Number(change.weight), running_jobs_limit: change.limit === "" ? null : Number(change.limit) };
    if ((await act(() => patch(path, body), fleet.changedUser, reload)) !== undefined) setChange(null);
  };
  const pause = () => act(() => (isPaused ? ask("POST", `${path}/resume`) : post(`${path}/pause`, {})), isPaused ? fleet.userResumed : fleet.userPaused, pauses.reload);
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
    if ((await act(() => post(USERS, { name: new FormData(form).get("name") }), fleet.madeUser, reload)) !== undefined) form.reset();
  };
  return html`<form class="card row end" onSubmit=${make}>
    <div class="field grow"><label for="user">${fleet.makeUser}</label><input id="user" name="name" required maxlength="255" placeholder=${fleet.name} /></div>
    <button class="primary">${words.add}</button>
  </form>`;
}
