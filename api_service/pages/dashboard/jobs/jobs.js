/** The table of jobs: filtered, a page at a time, live, with deeds for those that are selected. */
import { useEffect, useState } from "preact/hooks";
import { html } from "../../common/html.js";
import { listen } from "../../common/live.js";
import { statuses } from "../../common/messages.js";
import { session } from "../../common/session.js";
import { ago, at, duration } from "../../common/texts.js";
import { words } from "../messages.js";
import { FAST_MS, loaded, SLOW_MS, useResource } from "../resource.js";
import { Pages } from "../paging.js";
import { route, to } from "../route.js";
import { Table } from "../table.js";
import { DEEDS, doToJobs, packJobs } from "./deeds.js";
import { Filters, isFiltered, listQuery } from "./filters.js";
import { PriorityForm } from "./priority_form.js";
import { TagForm } from "./tag_form.js";

/** Events after which the table is another. */
const CHANGES = ["pending", "queued", "started", "completed", "failed", "cancelled", "expired", "deleted"];
const USERS_MS = 60_000; // between two questions who they are
const SHOWN_AS = /** @type {Record<string, string>} */ ({ started: "running" });

export function Jobs() {
  const query = route.value.query;
  const page = useResource("/api/v1/generation-jobs/", { query: listQuery() }, SLOW_MS);
  const [selected, select] = useState(/** @type {"all" | Set<number>} */ (new Set()));
  const live = useLive(page.reload);
  const users = useResource("/api/v1/users", session.value?.is_admin ? { query: { limit: 200 } } : null, USERS_MS).data?.items ?? [];
  useEffect(() => select(new Set()), [query.toString()]);
  return html`<h1>${words.views.jobs}</h1>
    <${Filters} users=${users} />
    ${loaded(page, (data) => html`
      <${Rows} jobs=${data.items} users=${users} live=${live} selected=${selected} select=${select} />
      <${Pages} next=${data.cursor} />
      <${Selection} selected=${selected} select=${select} reload=${page.reload} />`)}`;
}

/**
 * What the stream says of jobs; and the page is asked for again, no faster than allowed.
 * @param {() => Promise<void>} reload
 * @returns {Map<number, {status: string, percentage?: number}>}
 */
function useLive(reload) {
  const [live, setLive] = useState(new Map());
  useEffect(() => {
    const heard = new Map();
    let isDue = false;
    let isNew = false;
    const stop = listen((event) => {
      if (event.type === "processing") heard.set(event.job_id, { status: "running", percentage: event.data.percentage });
      else if (CHANGES.includes(event.type)) heard.set(event.job_id, { status: SHOWN_AS[event.type] ?? event.type });
      isNew ||= event.type === "processing" || CHANGES.includes(event.type);
      isDue ||= CHANGES.includes(event.type);
    });
    const shown = setInterval(() => isNew && (setLive(new Map(heard)), (isNew = false)), 500);
    const asked = setInterval(() => isDue && !document.hidden && (heard.clear(), (isDue = false), reload()), FAST_MS);
    return () => (stop(), clearInterval(shown), clearInterval(asked));
  }, [reload]);
  return live;
}

/** @typedef {import("../../common/calls.js").Schemas} Schemas */

/** @param {{jobs: Schemas["ListedJob"][], users: Schemas["UserView"][], live: Map<number, {status: string, percentage?: number}>, selected: "all" | Set<number>, select: (of: "all" | Set<number>) => void}} props */
function Rows({ jobs, users, live, selected, select }) {
  const has = (/** @type {number} */ id) => selected === "all" || selected.has(id);
  const isWhole = jobs.length > 0 && jobs.every(({ id }) => has(id));
  const all = html`<label class="row"><input type="checkbox" checked=${isWhole} onChange=${() => select(new Set(isWhole ? [] : jobs.map(({ id }) => id)))} /><span class="name">${words.selectPage}</span></label>`;
  const names = session.value?.is_admin ? new Map(users.map(({ id, name }) => [id, name])) : null;
  const toggle = (/** @type {number} */ id) => {
    const next = new Set(selected === "all" ? jobs.map((job) => job.id) : selected);
    if (!next.delete(id)) next.add(id);
    select(next);
  };
  const rows = jobs.map((job) => {
    const now = { ...job, ...live.get(job.id) };
    return html`<tr key=${job.id}>
      <td><input type="checkbox" aria-label=${words.selectJob(job.id)} checked=${has(job.id)} onChange=${() => toggle(job.id)} /></td>
      <th scope="row" class="number"><a href=${to(`jobs/${job.id}`)}>${job.id}</a></th>
      <td><span class="badge ${now.status}">${statuses[now.status] ?? now.status}${now.percentage !== undefined ? ` ${Math.round(now.percentage)} %` : ""}</span></td>
      <td class="said" title=${job.prompt}><span>${job.error ? `${job.error.message ?? job.error.code}` : job.prompt || job.job_type}</span></td>
      ${names && html`<td class="who" title=${names.get(job.user_id)}><span>${names.get(job.user_id) ?? job.user_id}</span></td>`}
      <td>${job.priority}</td>
      <td title=${at(job.created_at)}>${ago(job.created_at)}</td>
      <td>${between(job.created_at, job.started_at)}</td>
      <td>${job.started_at ? between(job.started_at, job.completed_at) : words.none}</td>
    </tr>`;
  });
  const columns = [all, words.job, words.status, words.what, ...(names ? [words.user] : []), words.priorityName, words.created, words.waited, words.ran];
  const [empty, hint] = isFiltered() ? [words.noJobs, words.noJobsHint] : [words.noJobsYet, words.noJobsYetHint];
  return html`<${Table} label=${words.views.jobs} columns=${columns} rows=${rows} empty=${empty} hint=${hint} />`;
}

/**
 * @param {string} since
 * @param {string | null} until null is now
 */
export function between(since, until) {
  return duration(Math.max(0, ((until ? Date.parse(until) : Date.now()) - Date.parse(since)) / 1000));
}

/** @param {{selected: "all" | Set<number>, select: (of: "all" | Set<number>) => void, reload: () => Promise<void>}} props */
function Selection({ selected, select, reload }) {
  const [form, open] = useState(/** @type {any} */ (null));
  const Form = form;
  if (selected !== "all" && !selected.size) return null;
  const pack = async () => (await packJobs(selected)) && select(new Set());
  const begin = async (/** @type {string} */ kind) => (await doToJobs(kind, selected)) && (select(new Set()), reload());
  return html`<div class="card row selection" role="group" aria-label=${words.selected(selected === "all" ? 0 : selected.size)}>
    <span class="grow" role="status">${selected === "all" ? words.allSelected : words.selected(selected.size)}</span>
    ${selected !== "all" && html`<button class="quiet" onClick=${() => select("all")}>${words.selectAll}</button>`}
    <button class="quiet" onClick=${() => select(new Set())}>${words.selectNone}</button>
    <button onClick=${() => open(() => PriorityForm)}>${words.priorityName}</button>
    <button onClick=${() => open(() => TagForm)}>${words.tag}</button>
    <button onClick=${pack}><span><span class="long">${words.packAs} </span>${words.zip}</span></button>
    ${Object.entries(DEEDS).map(([kind, { verb }]) => html`<button key=${kind} class=${kind === "delete_jobs" ? "danger" : ""} onClick=${() => begin(kind)}>${verb}</button>`)}
    ${Form && html`<${Form} selected=${selected} close=${() => open(null)} done=${() => (select(new Set()), reload())} />`}
  </div>`;
}
