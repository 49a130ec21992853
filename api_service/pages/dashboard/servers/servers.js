/** The servers: what each is doing, and drain, resume, add and remove. */
import { useState } from "preact/hooks";
import { post, remove } from "../../common/api.js";
import { html } from "../../common/html.js";
import { ago, inWords } from "../../common/texts.js";
import { fleet } from "../fleet_messages.js";
import { words } from "../messages.js";
import { ofServer, reasonOf } from "../overview/troubles.js";
import { really } from "../question.js";
import { act, FAST_MS, loaded, useResource } from "../resource.js";
import { Table } from "../table.js";
import { ServerForm } from "./server_form.js";

/** @typedef {import("../../common/calls.js").Schemas["ServerView"]} Server */
/** @typedef {import("../../common/calls.js").Schemas["PausesView"]} Pauses */

export function Servers() {
  const servers = useResource("/api/v1/servers", {}, FAST_MS);
  const pauses = useResource("/api/v1/queue/pauses", {}, FAST_MS);
  const [changed, change] = useState(/** @type {Server | "new" | null} */ (null));
  const columns = [fleet.server, fleet.state, fleet.slots, fleet.checkpoint, ""];
  return html`<div class="row"><h1 class="grow">${words.views.servers}</h1>
      <button onClick=${() => change("new")}>${fleet.addServer}</button>${pauses.data && html`<${Pause} pauses=${pauses.data} reload=${pauses.reload} />`}</div>
    ${loaded(servers, ({ items }) => html`<${Table} label=${words.views.servers} columns=${columns} empty=${fleet.noServers} hint=${fleet.noServersHint}
      rows=${items.map((server) => html`<${Row} key=${server.name} server=${server} reload=${servers.reload} change=${change} />`)} />`)}
    ${changed && html`<${ServerForm} server=${changed === "new" ? null : changed} close=${() => change(null)} reload=${servers.reload} />`}`;
}

/** @param {{server: Server, reload: () => Promise<void>, change: (server: Server) => void}} props */
function Row({ server, reload, change }) {
  const { name, state, draining, slots } = server;
  const [trouble] = ofServer(server);
  const last = server.recent_failures[0];
  return html`<tr>
    <th scope="row">${name}${server.labels?.length ? html` <span class="soft">${server.labels.join(", ")}</span>` : ""}
      <br /><span class="soft small">${fleet.seen(server.last_seen_at ? ago(server.last_seen_at) : words.never)}</span></th>
    <td class="wide main"><span class="badge ${trouble ? (trouble.isBad ? "failed" : "queued") : "completed"}">${fleet.states[state] ?? state}</span>
      ${trouble && html`<p class="soft small">${[reasonOf(server), trouble.remedy].filter(Boolean).join(". ")}</p>`}
      ${last && html`<p class="soft small">${fleet.lastTrouble(`${inWords(last.code)} (${last.count})`, ago(last.last_at))}</p>`}</td>
    <td>${words.of(slots.used, slots.total)}${server.weight !== 1 && html`<br /><span class="soft small">${fleet.weighs(server.weight)}</span>`}</td>
    <td class="wide short">${server.loaded_checkpoint?.replace(/\.\w+$/, "") ?? words.none}${server.version && html`<br /><span class="soft small">ComfyUI ${server.version}</span>`}</td>
    <td><div class="row deeds folded">
      <button onClick=${() => change(server)} aria-label=${`${fleet.change} ${name}`}>${fleet.change}</button>
      ${!draining && html`<button onClick=${() => drain(name, reload)} aria-label=${`${fleet.drain} ${name}`}>${fleet.drain}</button>`}
      ${state !== "up" && html`<button onClick=${() => act(() => post("/api/v1/servers/resume", { body: { server: name } }), fleet.resumed(name), reload)} aria-label=${`${fleet.resume} ${name}`}>${fleet.resume}</button>`}
      ${server.added_at && !server.removed_at && html`<button class="danger" onClick=${() => leave(name, reload)} aria-label=${`${fleet.removeIt} ${name}`}>${fleet.removeIt}</button>`}
    </div></td>
  </tr>`;
}

/**
 * @param {string} name
 * @param {() => Promise<void>} reload
 */
async function drain(name, reload) {
  if (await really(fleet.reallyDrain(name), fleet.drain)) await act(() => post("/api/v1/servers/drain", { body: { server: name } }), fleet.drained(name), reload);
}

/**
 * @param {string} name
 * @param {() => Promise<void>} reload
 */
async function leave(name, reload) {
  if (!(await really(fleet.reallyRemove(name), fleet.removeIt))) return;
  await act(() => remove("/api/v1/servers", { query: { server: name, when: "drained" } }), fleet.removed(name), reload);
}

/** @param {{pauses: Pauses, reload: () => Promise<void>}} props */
function Pause({ pauses, reload }) {
  const paused = pauses.items.some((one) => one.scope === "queue");
  const pause = async () => {
    if (await really(fleet.reallyPause, fleet.pauseQueue)) await act(() => post("/api/v1/queue/pause", { body: {} }), fleet.queueIsPaused, reload);
  };
  if (!paused) return html`<button onClick=${pause}>${fleet.pauseQueue}</button>`;
  return html`<span class="badge queued">${fleet.queueIsPaused}</span>
    <button class="primary" onClick=${() => act(() => post("/api/v1/queue/resume"), fleet.queueGoesOn, reload)}>${fleet.resumeQueue}</button>`;
}
