/** The servers: what each is doing, and drain, resume, add and remove. */
import { useState } from "preact/hooks";
import { ask, post, remove } from "../common/api.js";
import { html } from "../common/html.js";
import { ago } from "../common/texts.js";
import { fleet } from "./fleet_messages.js";
import { words } from "./messages.js";
import { ofServer, reasonOf } from "./overview/troubles.js";
import { really } from "./question.js";
import { act, FAST_MS, Loaded, useResource } from "./resource.js";
import { Table } from "./table.js";

const SERVERS = "api/v1/servers";
const QUEUE = "api/v1/queue";

export function Servers() {
  const servers = useResource(SERVERS, FAST_MS);
  const pauses = useResource(`${QUEUE}/pauses`, FAST_MS);
  const columns = [fleet.server, fleet.state, fleet.slots, fleet.version, fleet.checkpoint, fleet.trouble, fleet.seen, ""];
  return html`<div class="row"><h1 class="grow">${words.views.servers}</h1>${pauses.data && html`<${Pause} of=${pauses} />`}</div>
    <${Loaded} of=${servers}>${(/** @type {any} */ { items }) => html`
      <${Table} label=${words.views.servers} columns=${columns} empty=${fleet.noServers} hint=${fleet.noServersHint}
        rows=${items.map((/** @type {any} */ server) => html`<${Row} key=${server.name} server=${server} reload=${servers.reload} />`)} />
      ${(!items.length || "added_at" in items[0]) && html`<${Add} reload=${servers.reload} />`}`}<//>`;
}

/** @param {{server: any, reload: () => Promise<void>}} props */
function Row({ server, reload }) {
  const { name, state, draining, slots } = server;
  const [trouble] = ofServer(server);
  const last = server.recent_failures[0];
  return html`<tr>
    <th scope="row">${name}${server.labels?.length ? html` <span class="soft">${server.labels.join(", ")}</span>` : ""}</th>
    <td class="wide"><span class="badge ${trouble ? (trouble.isBad ? "failed" : "queued") : "completed"}">${fleet.states[state] ?? state}</span>
      ${trouble && html`<p class="soft small">${[reasonOf(server), trouble.remedy].filter(Boolean).join(". ")}</p>`}</td>
    <td>${words.ofSlots(slots.used, slots.total)}</td>
    <td>${server.version ?? words.none}</td>
    <td>${server.loaded_checkpoint ?? words.none}</td>
    <td>${last ? `${last.code} (${last.count}), ${ago(last.last_at)}` : words.none}</td>
    <td>${server.last_seen_at ? ago(server.last_seen_at) : words.never}</td>
    <td><div class="row deeds">
      ${!draining && html`<button onClick=${() => drain(name, reload)} aria-label=${`${fleet.drain} ${name}`}>${fleet.drain}</button>`}
      ${state !== "up" && html`<button onClick=${() => act(() => post(`${SERVERS}/resume`, { server: name }), fleet.resumed(name), reload)} aria-label=${`${fleet.resume} ${name}`}>${fleet.resume}</button>`}
      ${server.added_at && !server.removed_at && html`<button class="danger" onClick=${() => leave(name, reload)} aria-label=${`${fleet.removeIt} ${name}`}>${fleet.removeIt}</button>`}
    </div></td>
  </tr>`;
}

/**
 * @param {string} name
 * @param {() => Promise<void>} reload
 */
async function drain(name, reload) {
  if (await really(fleet.reallyDrain(name), fleet.drain)) await act(() => post(`${SERVERS}/drain`, { server: name }), fleet.drained(name), reload);
}

/**
 * @param {string} name
 * @param {() => Promise<void>} reload
 */
async function leave(name, reload) {
  if (!(await really(fleet.reallyRemove(name), fleet.removeIt))) return;
  const query = new URLSearchParams({ server: name, when: "drained" });
  await act(() => remove(`${SERVERS}?${query}`), fleet.removed(name), reload);
}

/** @param {{of: import("./resource.js").Resource}} props */
function Pause({ of }) {
  const paused = of.data.items.some((/** @type {any} */ one) => one.scope === "queue");
  const pause = async () => {
    if (await really(fleet.reallyPause, fleet.pauseQueue)) await act(() => post(`${QUEUE}/pause`, {}), fleet.queueIsPaused, of.reload);
  };
  if (!paused) return html`<button onClick=${pause}>${fleet.pauseQueue}</button>`;
  return html`<span class="badge queued">${fleet.queueIsPaused}</span>
    <button class="primary" onClick=${() => act(() => ask("POST", `${QUEUE}/resume`), fleet.queueGoesOn, of.reload)}>${fleet.resumeQueue}</button>`;
}

/** @param {{reload: () => Promise<void>}} props */
function Add({ reload }) {
  const [isSending, setSending] = useState(false);
  const add = async (/** @type {any} */ event) => {
    event.preventDefault();
    const form = event.target;
    const said = new FormData(form);
    const labels = String(said.get("labels")).split(/[ ,]+/).filter(Boolean);
    const body = { url: said.get("url"), ...(said.get("slots") && { slots: Number(said.get("slots")) }), ...(labels.length && { labels }) };
    setSending(true);
    if ((await act(() => post(SERVERS, body), fleet.added, reload)) !== undefined) form.reset();
    setSending(false);
  };
  return html`<form class="card row end" onSubmit=${add} aria-label=${fleet.addServer}>
    <div class="field grow"><label for="url">${fleet.addServer}</label><input id="url" name="url" type="url" required placeholder="http://gpu-7:8188" /></div>
    <div class="field"><label for="slots">${fleet.slotsHint}</label><input id="slots" name="slots" type="number" min="1" /></div>
    <div class="field"><label for="labels">${fleet.labels}</label><input id="labels" name="labels" placeholder=${fleet.labelsHint} /></div>
    <button class="primary" disabled=${isSending}>${words.add}</button>
  </form>`;
}
