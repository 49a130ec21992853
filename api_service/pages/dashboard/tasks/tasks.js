/** What is done in the background: how far it is, what came of it, and its file. */
import { useEffect, useState } from "preact/hooks";
import { post, remove } from "../../common/api.js";
import { address } from "../../common/base.js";
import { html } from "../../common/html.js";
import { ago, size } from "../../common/texts.js";
import { fleet } from "../fleet_messages.js";
import { words } from "../messages.js";
import { pageNow, Pages } from "../paging.js";
import { act, CALM_MS, FAST_MS, loaded, useResource } from "../resource.js";
import { Table } from "../table.js";
import { ofAll } from "../whose.js";
import { Told } from "./task_list.js";
import { followTasks } from "./task_stream.js";

/** @typedef {import("../../common/calls.js").Schemas["TaskView"]} Task */

/** A stream begins with a hundred tasks at once. */
const SHOWN_AFTER_MS = 100;
const OPEN = ["waiting", "running"];
/** How a state looks: as a job in that state does. */
const LOOKS = /** @type {Record<string, string>} */ ({ waiting: "queued" });

export function Tasks() {
  const { cursor: from } = pageNow();
  const [isLive, setLive] = useState(false);
  const tasks = useResource("/api/v1/tasks", ofAll({ cursor: from }), isLive ? CALM_MS : FAST_MS);
  const told = useTold(setLive);
  return html`<h1>${words.views.tasks}</h1>
    ${loaded(tasks, ({ items, cursor }) => html`<${Table} label=${words.views.tasks} empty=${fleet.noTasks} hint=${fleet.noTasksHint}
      columns=${[fleet.kind, fleet.state, fleet.progress, fleet.result, fleet.since_, fleet.file, ""]}
      rows=${told.applied(items, !from).map((task) => html`<${Row} key=${task.id} task=${task} reload=${tasks.reload} />`)} /><${Pages} next=${cursor} />`)}`;
}

/**
 * What the stream of tasks has told, since it was last opened: then the page is asked for again.
 * @param {(isLive: boolean) => void} setLive
 * @returns {Told}
 */
function useTold(setLive) {
  const [told, setTold] = useState(() => new Told());
  useEffect(() => {
    let now = new Told();
    let due = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);
    const show = (/** @type {Told} */ next) => {
      now = next;
      due ??= setTimeout(() => ((due = undefined), setTold(now)), SHOWN_AFTER_MS);
    };
    const end = followTasks(ofAll({}).query, {
      opened: () => (show(new Told()), setLive(true)),
      heard: (task) => show(now.with(task)),
      gone: (id) => show(now.without(id)),
      lost: () => setLive(false),
    });
    return () => (end(), clearTimeout(due));
  }, []);
  return told;
}

/** @param {{task: Task, reload: () => Promise<void>}} props */
function Row({ task, reload }) {
  const path = { task_id: task.id };
  const isOpen = OPEN.includes(task.state);
  return html`<tr>
    <th scope="row">${fleet.kinds[task.kind] ?? task.kind}</th>
    <td><span class="badge ${LOOKS[task.state] ?? task.state}">${fleet.taskStates[task.state] ?? task.state}</span></td>
    <td>${task.total === null ? task.done : words.of(task.done, task.total)}</td>
    <td class="wide main">${task.error ? task.error.message : resultOf(task.result)}</td>
    <td>${ago(task.created_at)}</td>
    <td class="wide short">${task.file ? html`<a href=${address(task.file.url)} download>${task.file.filename}</a> ${size(task.file.size_bytes).replace(" ", "\u00a0")}` : words.none}</td>
    <td><div class="row deeds">
      ${isOpen && html`<button disabled=${task.cancel_requested} onClick=${() => act(() => post("/api/v1/tasks/{task_id}/cancel", { path }), fleet.taskCancelled, reload)}>${words.cancelJobs}</button>`}
      ${!isOpen && html`<button class="danger" onClick=${() => act(() => remove("/api/v1/tasks/{task_id}", { path }), fleet.taskDeleted, reload)}>${words.remove}</button>`}
    </div></td></tr>`;
}

/**
 * @param {Record<string, any> | null} result
 * @returns {string}
 */
function resultOf(result) {
  const said = Object.entries(result ?? {}).filter(([, value]) => !isNothing(value)).map(([name, value]) => `${name.replaceAll("_", " ")}: ${value && typeof value === "object" ? resultOf(value) : value}`);
  return said.join(", ") || words.none;
}

/** @param {any} value of what did not come about, and is not worth a word */
const isNothing = (value) => value === false || value === null || (typeof value === "object" && !Object.keys(value).length);
