/** One job: what happened to it, attempt by attempt, and what it was asked to do. */
import { useEffect, useState } from "preact/hooks";
import { post, remove } from "../../common/api.js";
import { address } from "../../common/base.js";
import { html } from "../../common/html.js";
import { listen } from "../../common/live.js";
import { statuses } from "../../common/messages.js";
import { at, size } from "../../common/texts.js";
import { words } from "../messages.js";
import { really } from "../question.js";
import { act, FAST_MS, Loaded, SLOW_MS, useResource } from "../resource.js";
import { to } from "../route.js";
import { Table } from "../table.js";
import { Timeline } from "./timeline.js";
import { between } from "./jobs.js";

const ENDED = ["completed", "failed", "cancelled", "expired"];
/** What of a request is shown, in this order. */
const ASKED = ["prompt", "negative_prompt", "checkpoint_model", "width", "height", "batch_size", "priority", "user_id", "parent_id", "batch_id", "created_at", "deadline_at", "metadata", "sampler_params"];
/** What changes often is in a workflow of others too; only the last of them is shown. */
const MOST_OUTPUTS = 60;

/** @param {{id: string}} props */
export function Job({ id }) {
  const job = useResource(`api/v1/generation-jobs/${encodeURIComponent(id)}`, SLOW_MS);
  const percentage = useProgress(Number(id), job.reload);
  return html`<p><a href=${to("jobs")}>← ${words.backToJobs}</a></p>
    <${Loaded} of=${job}>${(/** @type {any} */ data) => html`<${Shown} job=${data} percentage=${percentage} reload=${job.reload} />`}<//>`;
}

/**
 * @param {number} id
 * @param {() => Promise<void>} reload
 * @returns {number | null} how far it is
 */
function useProgress(id, reload) {
  const [percentage, set] = useState(/** @type {number | null} */ (null));
  useEffect(() => {
    let asked = 0;
    return listen((event) => {
      if (event.job_id !== id) return;
      if (event.type === "processing") return set(event.data.percentage);
      set(null);
      if (ENDED.includes(event.type) || Date.now() - asked > FAST_MS) void reload();
      asked = Date.now();
    });
  }, [id, reload]);
  return percentage;
}

/** @param {{job: any, percentage: number | null, reload: () => Promise<void>}} props */
function Shown({ job, percentage, reload }) {
  const done = percentage ?? job.progress?.percentage;
  return html`<div class="row"><h1>${words.jobTitle(job.id)}</h1>
      <span class="badge ${job.status}">${statuses[job.status] ?? job.status}</span>
      ${job.queue && html`<span class="soft">${words.place(job.queue.position)}</span>`}
      <span class="grow"></span><${Deeds} job=${job} reload=${reload} /></div>
    ${job.status === "running" && typeof done === "number" && html`<div class="progress" role="progressbar" aria-label=${words.running} aria-valuenow=${Math.round(done)} aria-valuemin="0" aria-valuemax="100"><div style=${`width: ${done}%`}></div></div>`}
    ${job.error && html`<section class="card failure"><h2>${words.error}</h2><p>${job.error.message}</p><p class="soft"><code>${job.error.code}</code> ${job.failure && html`<a href=${to("jobs", { failure: job.failure })}>${words.filterFailure}</a>`}</p></section>`}
    ${job.warnings?.length > 0 && html`<section class="card"><h2>${words.warnings}</h2>${job.warnings.map((/** @type {any} */ one) => html`<p><code>${one.code}</code> ${one.message}</p>`)}</section>`}
    <div class="two">
      <section class="card"><h2>${words.timeline}</h2><${Timeline} key=${job.status} id=${job.id} /></section>
      <section class="card"><h2>${words.request}</h2><${Request} job=${job} /></section>
    </div>
    ${job.attempts.length > 0 && html`<section class="card"><h2>${words.attempts}</h2><${Attempts} of=${job.attempts} /></section>`}
    ${job.outputs.length > 0 && html`<section class="card"><h2>${words.outputs}</h2><${Outputs} of=${job.outputs} /></section>`}
    ${job.workflow && html`<details class="card"><summary>${words.workflow}</summary><pre tabindex="0">${JSON.stringify(job.workflow, null, 2)}</pre></details>`}`;
}

/** @param {{job: any, reload: () => Promise<void>}} props */
function Deeds({ job, reload }) {
  const path = `api/v1/generation-jobs/${job.id}`;
  const retry = async () => {
    const made = await act(() => post(`${path}/retry`, {}), words.retried);
    if (made) location.hash = to(`jobs/${made.id}`);
  };
  const go = async () => {
    if (!(await really(words.reallyDelete(words.jobs(1)), words.remove))) return;
    if ((await act(() => remove(path), words.deleted)) !== undefined) location.hash = to("jobs");
  };
  if (!ENDED.includes(job.status)) return html`<button onClick=${() => act(() => post(`${path}/cancel`), words.cancelled, reload)}>${words.cancelJobs}</button>`;
  return html`<button onClick=${retry}>${words.retry}</button><button class="danger" onClick=${go}>${words.remove}</button>`;
}

/** @param {{job: any}} props */
function Request({ job }) {
  const said = ASKED.filter((name) => job[name] !== null && job[name] !== undefined && job[name] !== "" && !(typeof job[name] === "object" && !Object.keys(job[name]).length));
  const text = (/** @type {string} */ name) => (name.endsWith("_at") ? at(job[name]) : typeof job[name] === "object" ? JSON.stringify(job[name]) : String(job[name]));
  return html`<dl class="facts">${said.map((name) => html`<dt>${name.replaceAll("_", " ")}</dt>
    <dd>${name === "parent_id" ? html`<a href=${to(`jobs/${job.parent_id}`)}>${job.parent_id}</a>` : text(name)}</dd>`)}</dl>`;
}

/** @param {{of: any[]}} props */
function Attempts({ of }) {
  const rows = of.map((one) => html`<tr key=${one.attempt}>
    <th scope="row">${one.attempt}</th><td>${one.server}</td><td>${at(one.started_at)}</td>
    <td>${one.ended_at ? between(one.started_at, one.ended_at) : words.stillRuns}</td><td>${one.outcome ?? words.none}</td>
    <td class="wide">${one.error ? html`<code>${one.error.code}</code> ${one.error.message}` : words.none}</td></tr>`);
  return html`<${Table} label=${words.attempts} columns=${[words.attempt, words.server, words.begin, words.took, words.outcome, words.why]} rows=${rows} empty="" />`;
}

/** @param {{of: any[]}} props */
function Outputs({ of }) {
  return html`<div class="outputs">${of.slice(0, MOST_OUTPUTS).map((one) => html`<a key=${one.id} href=${address(one.url)} target="_blank" rel="noopener">
    ${one.thumbnails["150"] ? html`<img src=${address(one.thumbnails["150"])} alt=${one.filename} width="150" height="150" loading="lazy" />` : `${one.filename}, ${size(one.size_bytes)}`}</a>`)}</div>`;
}
