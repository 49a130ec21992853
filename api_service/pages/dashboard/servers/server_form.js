/** What can be said of a server: jobs at a time, its share, labels, and what it asks for. */
import { useState } from "preact/hooks";
import { patch, post } from "../../common/api.js";
import { html } from "../../common/html.js";
import { LABELS, labelsIn } from "../../common/labels.js";
import { toast } from "../../common/toasts.js";
import { fleet } from "../fleet_messages.js";
import { Choice, Field, FormDialog } from "../form_dialog.js";
import { words } from "../messages.js";

/** @typedef {import("../../common/calls.js").Schemas["ServerView"]} Server */

/** @param {{server: Server | null, close: () => void, reload: () => Promise<void>}} props null is a new one */
export function ServerForm({ server, close, reload }) {
  const isOurs = !server || server.added_at !== null;
  const send = async (/** @type {FormData} */ said) => {
    if (server) await patch("/api/v1/servers", { body: { server: server.name, ...changesOf(said, server) } });
    else await post("/api/v1/servers", { body: { url: String(said.get("url")).trim(), ...changesOf(said) } });
    toast(server ? fleet.changedServer(server.name) : fleet.added);
    await reload();
  };
  return html`<${FormDialog} title=${server ? fleet.changeServer(server.name) : fleet.addServer} verb=${server ? fleet.save : words.add} send=${send} close=${close}>
    ${!server && html`<${Field} name="url" label=${fleet.url} type="url" required maxlength="255" placeholder="http://gpu-7:8188" />`}
    <${Field} name="slots" label=${fleet.slotsHint} hint=${fleet.asConfigured} type="number" min="1" max="64" value=${server?.slots.total ?? ""} />
    <${Field} name="weight" label=${fleet.weightOf} hint=${fleet.weightHint} type="number" min="0.01" max="100" step="any" value=${server?.weight ?? ""} />
    <${Field} name="labels" label=${fleet.labels} value=${server?.labels.join(", ") ?? ""} placeholder=${fleet.labelsHint} title=${fleet.labelsHint} pattern=${LABELS} />
    ${isOurs && html`<${Credentials} isNew=${!server} has=${Boolean(server?.has_credentials)} />`}
  <//>`;
}

/** @param {{isNew: boolean, has: boolean}} props */
function Credentials({ isNew, has }) {
  const [kind, choose] = useState(isNew ? "none" : "same");
  const options = { ...(!isNew && { same: has ? fleet.sameCredentials : fleet.stillNone }), ...(isNew || has ? { none: fleet.noCredentials } : {}), basic: fleet.basic, header: fleet.header };
  const secret = { autocomplete: "off", required: true };
  return html`<${Choice} name="credentials" label=${fleet.credentials} value=${kind} options=${options} onChange=${choose} />
    ${kind === "basic" && html`<${Field} name="user" label=${words.user} ...${secret} maxlength="255" /><${Field} name="password" label=${fleet.password} type="password" ...${secret} maxlength="255" />`}
    ${kind === "header" && html`<${Field} name="header" label=${fleet.headerName} ...${secret} placeholder="Authorization" /><${Field} name="value" label=${fleet.headerValue} type="password" ...${secret} maxlength="8192" />`}`;
}

/**
 * What is other than it was: what stays is not pinned to what it is now. An empty field is what the workers' settings say.
 * @param {FormData} said
 * @param {Server} [server]
 */
function changesOf(said, server) {
  const text = (/** @type {string} */ name) => String(said.get(name) ?? "").trim();
  const labels = labelsIn(text("labels"));
  const number = (/** @type {string} */ name) => (text(name) ? Number(text(name)) : null);
  const isOther = { slots: number("slots") !== server?.slots.total, weight: number("weight") !== server?.weight, labels: labels.join() !== server?.labels.join() };
  return {
    ...(isOther.slots && { slots: number("slots") }),
    ...(isOther.weight && { weight: number("weight") }),
    ...(isOther.labels && { labels: labels.length ? labels : null }),
    ...credentialsOf(text("credentials"), text),
  };
}

/**
 * @param {string} kind
 * @param {(name: string) => string} text
 */
function credentialsOf(kind, text) {
  if (kind === "none") return { credentials: null };
  if (kind === "basic") return { credentials: { user: text("user"), password: text("password") } };
  if (kind === "header") return { credentials: { header: text("header"), value: text("value") } };
  return {};
}
