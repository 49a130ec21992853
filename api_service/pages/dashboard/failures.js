/** Failed jobs in groups, and the workflows that are in quarantine. */
import { useState } from "preact/hooks";
import { patch, post, remove } from "../common/api.js";
import { html } from "../common/html.js";
import { session } from "../common/session.js";
import { ago, inWords } from "../common/texts.js";
import { fleet } from "./fleet_messages.js";
import { words } from "./messages.js";
import { pageNow, Pages } from "./paging.js";
import { really } from "./question.js";
import { act, loaded, useResource } from "./resource.js";
import { to } from "./route.js";
import { Table } from "./table.js";
import { ofAll } from "./whose.js";

/** @typedef {import("../common/calls.js").Schemas} Schemas */

const WEEK_MS = 7 * 86_400_000;

export function Failures() {
  const [muted, showMuted] = useState(false);
  const groups = useResource("/api/v1/failures", ofAll({ ...pageNow(), muted }));
  const quarantine = useResource("/api/v1/quarantine", { query: pageNow("held") });
  const columns = [fleet.groups, fleet.count, ...(session.value?.is_admin ? [fleet.users] : []), fleet.last, fleet.where, ""];
  // What is below the groups waits for them: it would move under who reads it.
  return html`<div class="row"><h1 class="grow">${words.views.failures}</h1>
      <button class="chip" aria-pressed=${muted} onClick=${() => showMuted(!muted)}>${fleet.showMuted}</button></div>
    ${loaded(groups, ({ items, cursor }) => html`<${Table} label=${fleet.groups} columns=${columns} empty=${fleet.noFailures} hint=${fleet.noFailuresHint}
      rows=${items.map((group) => html`<${Group} key=${group.fingerprint} group=${group} reload=${groups.reload} />`)} /><${Pages} next=${cursor} />`)}
    ${(groups.data || groups.error) && html`<section><h2>${fleet.quarantine}</h2><p class="soft">${fleet.quarantineHint}</p>
      ${loaded(quarantine, ({ items, cursor }) => html`<${Table} label=${fleet.quarantine} empty=${fleet.noQuarantine}
        columns=${[fleet.quarantine, fleet.attempts, fleet.where, fleet.since_, ""]}
        rows=${items.map((one) => html`<${Held} key=${one.fingerprint} one=${one} reload=${quarantine.reload} />`)} /><${Pages} next=${cursor} name="held" />`)}
    </section>`}`;
}

/** @param {{group: Schemas["api_service__doors__v1__failures__views__FailureView"], reload: () => Promise<void>}} props */
function Group({ group, reload }) {
  const path = { fingerprint: group.fingerprint };
  const retry = async () => {
    const filter = { failure: group.fingerprint, ...(session.value?.is_admin && { user_id: "all" }) };
    if (await really(words.reallyRetry(words.jobs(group.count)), fleet.retryAll)) await act(() => post("/api/v1/tasks", { body: { kind: "retry_jobs", filter } }), words.begun, reload);
  };
  const isMuted = group.muted_until && Date.parse(group.muted_until) > Date.now();
  const until = isMuted ? null : new Date(Date.now() + WEEK_MS).toISOString();
  return html`<tr>
    <th scope="row" class="wide main"><a class="clamped" title=${group.pattern} href=${to("jobs", { failure: group.fingerprint })}>${group.pattern}</a><span class="soft">${inWords(group.code)}${group.node_class && `, ${group.node_class}`}</span></th>
    <td>${group.count}</td>${session.value?.is_admin && html`<td>${group.users ?? words.none}</td>`}
    <td>${ago(group.last_at)}</td><td class="wide short">${group.servers.join(", ") || words.none}</td>
    <td><div class="row deeds"><button onClick=${retry}>${fleet.retryAll}</button>
      <button onClick=${() => act(() => patch("/api/v1/failures/{fingerprint}", { path, body: { muted_until: until } }), isMuted ? fleet.unmuted : fleet.muted, reload)}>${isMuted ? fleet.unmute : fleet.mute}</button></div></td></tr>`;
}

/** @param {{one: Schemas["QuarantineView"], reload: () => Promise<void>}} props */
function Held({ one, reload }) {
  const release = () => act(() => remove("/api/v1/quarantine/{fingerprint}", { path: { fingerprint: one.fingerprint } }), fleet.released, reload);
  return html`<tr>
    <th scope="row">${inWords(one.code)} ${one.job_id ? html`<a href=${to(`jobs/${one.job_id}`)}>${words.jobTitle(one.job_id)}</a>` : one.fingerprint}</th>
    <td>${one.attempts}</td><td class="wide">${one.servers.join(", ")}</td><td>${ago(one.quarantined_at)}</td>
    <td><div class="row deeds">${session.value?.is_admin && html`<button onClick=${release}>${fleet.release}</button>`}</div></td></tr>`;
}
