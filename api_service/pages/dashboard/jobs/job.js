/** One job: what happened to it, attempt by attempt, and what it was asked to do. */
import { post, remove } from "../../common/api.js";
import { address } from "../../common/base.js";
import { html } from "../../common/html.js";
import { ENDS } from "../../common/live.js";
import { statuses } from "../../common/messages.js";
import { written } from "../../common/numbers.js";
import { submitAgain } from "../../common/submit_again.js";
import { at, inWords, size } from "../../common/texts.js";
import { words } from "../messages.js";
import { really } from "../question.js";
import { act, loaded, SLOW_MS, useResource } from "../resource.js";
import { to } from "../route.js";
import { Table } from "../table.js";
import { useJobLive } from "./job_live.js";
import { Request } from "./request.js";
import { Timeline } from "./timeline.js";
import { between } from "./jobs.js";

/** @typedef {import("../../common/calls.js").Schemas["DetailedJobView"]} Job */

/** A workflow may make thousands of files. */
const MOST_OUTPUTS = 60;

/** @param {{id: string}} props */
export function Job({ id }) {
  const job = useResource("/api/v1/generation-jobs/{job_id}", { path: { job_id: /** @type {any} */ (id) } }, SLOW_MS);
  const live = useJobLive(Number(id), job.reload);
  return html`<p><a href=${to("jobs")}>← ${words.backToJobs}</a></p>
    ${loaded(job, (data) => html`<${Shown} job=${data} live=${live} reload=${job.reload} />`)}`;
}

/** @param {{job: Job, live: ReturnType<typeof useJobLive>, reload: () => Promise<void>}} props */
function Shown({ job, live, reload }) {
  const done = live.percentage ?? job.progress?.percentage;
  return html`<div class="row"><h1>${words.jobTitle(job.id)}</h1>
      <span class="badge ${job.status}">${statuses[job.status] ?? job.status}</span>
      ${job.queue && !job.waits_for && html`<span class="soft">${words.place(job.queue.position)}</span>`}
      <span class="grow"></span><${Deeds} job=${job} reload=${reload} /></div>
    ${job.waits_for && html`<p class="held">${job.waits_for.message}.</p>`}
    ${job.status === "running" && typeof done === "number" && html`<div class="progress" role="progressbar" aria-label=${words.running} aria-valuenow=${Math.round(done)} aria-valuemin="0" aria-valuemax="100"><div style=${`width: ${done}%`}></div></div>`}
    ${job.error && html`<section class="card failure"><h2>${words.error}</h2><p>${job.error.message}</p><p class="soft"><span title=${job.error.code}>${inWords(job.error.code)}.</span> ${job.failure && html`<a href=${to("jobs", { failure: job.failure })}>${words.sameFailure}</a>`}</p></section>`}
    ${job.warnings?.length > 0 && html`<section class="card"><h2>${words.warnings}</h2>${job.warnings.map((/** @type {any} */ one) => html`<p>${inWords(one.code)}: ${one.message}</p>`)}</section>`}
    ${job.status === "running" && live.preview && html`<img class="preview" src=${live.preview} alt=${words.preview} />`}
    <div class="two">
      <section class="card"><h2>${words.timeline}</h2><${Timeline} events=${live.events} said=${[job.error, ...job.attempts.map(({ error }) => error)].map((error) => error?.message)} /></section>
      <section class="card"><h2>${words.request}</h2><${Request} job=${job} /></section>
    </div>
    ${job.attempts.length > 0 && html`<section class="card"><h2>${words.attempts}</h2><${Attempts} of=${job.attempts} said=${job.error?.message} /></section>`}
    ${job.outputs.length > 0 && html`<section class="card"><h2>${words.outputs}</h2><${Outputs} of=${job.outputs} /></section>`}
    ${job.workflow && html`<details class="card"><summary>${words.workflow}</summary><pre tabindex="0">${written(job.workflow, 2)}</pre></details>`}`;
}

/** @param {{job: Job, reload: () => Promise<void>}} props */
function Deeds({ job, reload }) {
  const path = { job_id: job.id };
  const retry = async () => {
    const made = await act(() => submitAgain(job.id), words.retried);
    if (made) location.hash = to(`jobs/${made.id}`);
  };
  const go = async () => {
    if (!(await really(words.reallyDelete(words.jobs(1)), words.remove))) return;
    if ((await act(() => remove("/api/v1/generation-jobs/{job_id}", { path }), words.deleted)) !== undefined) location.hash = to("jobs");
  };
  if (!ENDS.includes(job.status)) return html`<button onClick=${() => act(() => post("/api/v1/generation-jobs/{job_id}/cancel", { path }), words.cancelled, reload)}>${words.cancelJobs}</button>`;
  return html`<a class="button" href=${address(`studio#job=${job.id}`)}>${words.changeAndRun}</a><button onClick=${retry}>${words.retry}</button><button class="danger" onClick=${go}>${words.remove}</button>`;
}

/** What went wrong is said in full once. @param {{of: Job["attempts"], said?: string}} props `said` is above already */
function Attempts({ of, said }) {
  const known = new Set([said]);
  const why = (/** @type {Job["attempts"][number]["error"]} */ error) => {
    if (!error) return words.none;
    const isKnown = known.has(error.message);
    known.add(error.message);
    return isKnown ? inWords(error.code) : `${inWords(error.code)}: ${error.message}`;
  };
  const rows = of.map((one) => html`<tr key=${one.attempt}>
    <th scope="row" class="number">${one.attempt}</th><td>${one.server}</td><td>${at(one.started_at)}</td>
    <td>${one.ended_at ? between(one.started_at, one.ended_at) : words.stillRuns}</td><td>${one.outcome ? (statuses[one.outcome] ?? inWords(one.outcome)) : words.none}</td>
    <td class="wide main">${why(one.error)}</td></tr>`);
  return html`<${Table} label=${words.attempts} columns=${[words.attempt, words.server, words.begin, words.took, words.outcome, words.why]} rows=${rows} empty="" />`;
}

/** @param {{of: Job["outputs"]}} props */
function Outputs({ of }) {
  return html`<div class="outputs">${of.slice(0, MOST_OUTPUTS).map((one) => html`<a key=${one.id} href=${address(one.url)} target="_blank" rel="noopener">
    ${one.thumbnails["150"] ? html`<img src=${address(one.thumbnails["150"])} alt=${one.filename} width="150" height="150" loading="lazy" />` : `${one.filename}, ${size(one.size_bytes)}`}</a>`)}</div>`;
}
