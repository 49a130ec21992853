/** The keys of a user: made and shown once, and revoked. */
import { useState } from "preact/hooks";
import { ask, post } from "../../common/api.js";
import { html } from "../../common/html.js";
import { words as common } from "../../common/messages.js";
import { ago, at } from "../../common/texts.js";
import { toast } from "../../common/toasts.js";
import { fleet } from "../fleet_messages.js";
import { words } from "../messages.js";
import { really } from "../question.js";
import { act, Loaded, useResource } from "../resource.js";
import { Table } from "../table.js";

const USUAL = ["jobs:read", "jobs:write"];

/** @param {{user: any}} props */
export function Keys({ user }) {
  const path = `api/v1/users/${user.id}/keys`;
  const keys = useResource(path);
  const [made, setMade] = useState(/** @type {string | null} */ (null));
  const make = async (/** @type {any} */ event) => {
    event.preventDefault();
    const form = event.target;
    const said = new FormData(form);
    const answer = await act(() => post(path, { name: said.get("name"), scopes: said.getAll("scopes") }), fleet.makeKey, keys.reload);
    if (!answer) return;
    setMade(answer.key);
    form.reset();
  };
  return html`<section class="card" aria-labelledby="keys"><h2 id="keys">${fleet.keysOf(user.name)}</h2>
    <form class="row end" onSubmit=${make}>
      <div class="field grow"><label for="key-name">${fleet.makeKey}</label><input id="key-name" name="name" required maxlength="255" placeholder=${fleet.name} /></div>
      <fieldset class="row chips plain"><legend class="label">${fleet.scopes}</legend>
        ${Object.entries(fleet.scopeNames).map(([scope, said]) => html`<label class="row"><input type="checkbox" name="scopes" value=${scope} defaultChecked=${USUAL.includes(scope)} /> ${said}</label>`)}</fieldset>
      <button class="primary">${words.add}</button>
    </form>
    ${made && html`<${Shown} token=${made} />`}
    <${Loaded} of=${keys}>${(/** @type {any} */ { items }) => html`<${Table} label=${fleet.keysOf(user.name)} empty=${fleet.noKeys}
      columns=${[fleet.name, fleet.scopes, fleet.state, fleet.lastUsed, fleet.expires, ""]}
      rows=${items.map((/** @type {any} */ key) => html`<${Row} key=${key.id} one=${key} reload=${keys.reload} />`)} />`}<//></section>`;
}

/** @param {{token: string}} props */
function Shown({ token }) {
  const copy = () => navigator.clipboard?.writeText(token).then(() => toast(common.copied));
  return html`<div role="status"><p>${fleet.newKey}</p><code class="key">${token}</code>${navigator.clipboard && html`<button onClick=${copy}>${fleet.copy}</button>`}</div>`;
}

/** @param {{one: any, reload: () => Promise<void>}} props */
function Row({ one, reload }) {
  const revoke = async () => {
    if (await really(fleet.reallyRevoke(one.name), fleet.revoke)) await act(() => ask("POST", `api/v1/keys/${one.id}/revoke`), fleet.revoked, reload);
  };
  return html`<tr>
    <th scope="row">${one.name}</th><td class="wide">${one.scopes.map((/** @type {string} */ scope) => fleet.scopeNames[scope] ?? scope).join(", ")}</td>
    <td><span class="badge ${one.state === "good" ? "completed" : "failed"}">${one.state}</span></td>
    <td>${one.last_used_at ? ago(one.last_used_at) : words.never}</td><td>${one.expires_at ? at(one.expires_at) : words.never}</td>
    <td><div class="row deeds">${one.state === "good" && html`<button class="danger" onClick=${revoke}>${fleet.revoke}</button>`}</div></td></tr>`;
}
