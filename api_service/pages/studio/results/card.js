/** One job as a card: what it waits for, how far it is, its pictures, or what went wrong. */
import { useEffect, useState } from "preact/hooks";
import { address } from "../../common/base.js";
import { html } from "../../common/html.js";
import { Icon } from "../../common/icons.js";
import { listenToPreviews } from "../../common/live.js";
import { kinds, statuses } from "../../common/messages.js";
import { duration } from "../../common/texts.js";
import { beginWith } from "../input/given_picture.js";
import { wholeSettingsOf } from "../input/picture_of_job.js";
import { again, cancel, hasEnded, whole } from "./jobs.js";
import { words } from "../messages.js";
import { change, workflow } from "../form/settings.js";

const MOST = 9; // outputs on a card

/** @typedef {import("./jobs.js").Job} Job */

/** @param {{job: Job}} props */
export function Card({ job }) {
  return html`<article class="job card" aria-label=${job.prompt || words.ofWorkflow}>
    <${Picture} job=${job} />
    <div class="about">
      <div class="row"><span class="badge ${job.status}">${statuses[job.status] ?? job.status}</span><${Hint} job=${job} /></div>
      <p class="said" title=${job.prompt}>${job.prompt || html`<span class="soft">${words.ofWorkflow}</span>`}</p>
      ${job.status === "queued" && job.waits_for && html`<p class="held">${job.waits_for.message}.</p>`}
      ${job.error && html`<p class="problem">${job.error.message}</p>`}
      <${Actions} job=${job} />
    </div>
  </article>`;
}

/** @param {{job: Job}} props */
function Picture({ job }) {
  const outputs = (job.outputs ?? []).slice(0, MOST);
  if (!outputs.length) return html`<div class="shot">${job.status === "running" ? html`<${Running} job=${job} />` : html`<span>${mark(job)}</span>`}</div>`;
  const columns = Math.ceil(Math.sqrt(outputs.length));
  const more = (job.isBrief ? (job.count ?? 0) : (job.outputs ?? []).length) - outputs.length;
  return html`<div class="shots" style=${`grid-template-columns: repeat(${columns}, minmax(0, 1fr))`}>
    ${outputs.map((one) => html`<a href=${address(one.url)} target="_blank" rel="noopener" key=${one.number}><${Output} of=${one} what=${job.prompt ?? ""} /></a>`)}
    ${more > 0 && (job.isBrief
      ? html`<button class="more" aria-label=${words.showAll(more + outputs.length)} onClick=${() => whole(job)}>+${more}</button>`
      : html`<a class="more button" href=${address(`dashboard#/jobs/${job.id}`)} aria-label=${words.showAll(more + outputs.length)}>+${more}</a>`)}
  </div>`;
}

/** What is no picture, and of what there is none, is named. @param {{of: import("./jobs.js").Output, what: string}} props */
function Output({ of, what }) {
  const url = largest(of.thumbnails);
  if (url) return html`<img src=${address(url)} alt=${what} loading="lazy" width=${of.width} height=${of.height} />`;
  return html`<span class="named"><${Icon} name=${of.kind === "audio" ? "sound" : of.kind === "video" ? "play" : "file"} />${kinds[of.kind] ?? of.kind}</span>`;
}

/** @param {Record<string, string> | null | undefined} thumbnails */
const largest = (thumbnails) => (thumbnails ?? {})[Math.max(...Object.keys(thumbnails ?? {}).map(Number))];

/** @param {Job} job */
const mark = (job) => (job.status === "failed" || job.status === "expired" ? "!" : hasEnded(job) ? "–" : "…");

/** @param {{job: Job}} props */
function Running({ job }) {
  const [preview, setPreview] = useState("");
  useEffect(() => listenToPreviews(job.id, setPreview), [job.id]);
  const percentage = Math.round(job.progress?.percentage ?? 0);
  return html`${preview && html`<img src=${preview} alt="" />`}
    <div class="progress" role="progressbar" aria-label=${statuses.running} aria-valuenow=${percentage} aria-valuemin="0" aria-valuemax="100">
      <div style=${{ width: `${percentage}%` }}></div>
    </div>`;
}

/** @param {{job: Job}} props */
function Hint({ job }) {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = hasEnded(job) ? 0 : setInterval(() => tick((count) => count + 1), 1000);
    return () => clearInterval(timer);
  }, [job.status]);
  return html`<span class="soft">${hintOf(job)}</span>`;
}

/** @param {Job} job */
function hintOf(job) {
  if (job.isCancelling && !hasEnded(job)) return words.cancelling;
  const end = left(job.estimate?.ends_at);
  if (job.status === "running") return end ? words.left(end) : `${Math.round(job.progress?.percentage ?? 0)} %`;
  if (job.status !== "queued" || job.waits_for) return "";
  const place = job.queue?.position;
  const start = left(job.estimate?.starts_at);
  return [typeof place === "number" && words.place(place), start && words.startsIn(start)].filter(Boolean).join(", ");
}

/** @param {string | null | undefined} moment */
function left(moment) {
  const seconds = moment ? (Date.parse(moment) - Date.now()) / 1000 : 0;
  return seconds > 0 ? duration(seconds) : "";
}

/** On a phone the form is far above. */
const showForm = () => document.querySelector(".controls")?.scrollIntoView({ behavior: "smooth", block: "nearest" });

/** @param {{job: Job}} props */
function Actions({ job }) {
  if (!hasEnded(job)) {
    return html`<div class="deeds"><button class="quiet danger" disabled=${job.isCancelling} onClick=${() => cancel(job)}>${words.cancel}</button></div>`;
  }
  const first = job.outputs?.[0];
  const begin = async () => {
    const [output] = (await whole(job)).outputs ?? [];
    if (!output || !("filename" in output)) return;
    beginWith(job.id, output);
    showForm();
  };
  const reuse = async () => {
    const settings = await wholeSettingsOf(await whole(job));
    workflow.value = null;
    change(settings);
    showForm();
  };
  return html`<div class="deeds">
    <button class="quiet" onClick=${() => again(job)}>${words.again}</button>
    ${job.job_type === "image" && html`<button class="quiet" title=${words.reuseHint} onClick=${reuse}>${words.reuse}</button>`}
    ${first?.kind === "image" && html`<button class="quiet" title=${words.useAsInputHint} onClick=${begin}>${words.useAsInput}</button>`}
  </div>`;
}
