/** The keys of a user: made and shown once, and revoked. */
import { useState } from "preact/hooks";
import { post } from "../../common/api.js";
import { html } from "../../common/html.js";
import { useInView } from "../../common/into_view.js";
import { ago, minute } from "../../common/texts.js";
import { fleet } from "../fleet_messages.js";
import { words } from "../messages.js";
import { pageNow, Pages } from "../paging.js";
import { really } from "../question.js";
import { act, loaded, useResource } from "../resource.js";
import { ShownOnce } from "../shown_once.js";
import { Table } from "../table.js";

/** @typedef {import("../../common/calls.js").Schemas} Schemas */

const LIMITS = Object.entries(fleet.limitNames);
const USUAL = ["jobs:read", "jobs:write"];

/** @param {{user: Schemas["UserView"]}} props */
export function Keys({ user }) {
  const path = { user_id: user.id };
  const keys = useResource("/api/v1/users/{user_id}/keys", { path, query: pageNow("keys") });
  const [made, setMade] = useState(/** @type {string | null} */ (null));
  const make = async (/** @type {any} */ event) => {
    event.preventDefault();
    const form = event.target;
    const said = new FormData(form);
    const answer = await act(() => post("/api/v1/users/{user_id}/keys", { path, body: bodyFrom(said) }), fleet.madeKey, keys.reload);
    if (!answer) return;
    setMade(answer.key);
    form.reset();
  };
  return html`<section class="card" ref=${useInView()} aria-labelledby="keys"><h2 id="keys">${fleet.keysOf(user.name)}</h2>
    <form class="row end" onSubmit=${make}>
      <div class="field grow"><label for="key-name">${fleet.makeKey}</label><input id="key-name" name="name" required maxlength="255" placeholder=${fleet.name} /></div>
      <fieldset class="row chips plain"><legend class="label">${fleet.scopes}</legend>
        ${Object.entries(fleet.scopeNames).map(([scope, said]) => html`<label class="row"><input type="checkbox" name="scopes" value=${scope} defaultChecked=${USUAL.includes(scope)} /> ${said}</label>`)}</fieldset>
      <button class="primary">${words.add}</button>
      <details class="whole"><summary>${fleet.moreOfKey}</summary>
        <div class="row end"><div class="field"><label for="key-until">${fleet.until}</label><input id="key-until" name="until" type="date" min=${new Date().toISOString().slice(0, 10)} /></div>
          ${LIMITS.map(([name, label]) => html`<div class="field" key=${name}><label for="key-${name}">${label}</label><input id="key-${name}" name=${name} type="number" min="0" max=${name === "priority" ? 9 : undefined} /></div>`)}</div>
        <p class="soft small">${fleet.ownLimits}</p></details>
    </form>
    ${made && html`<${ShownOnce} said=${fleet.newKey} secret=${made} />`}
    ${loaded(keys, ({ items, cursor }) => html`<${Table} label=${fleet.keysOf(user.name)} empty=${fleet.noKeys}
      columns=${[fleet.name, fleet.scopes, fleet.state, fleet.lastUsed, fleet.expires, fleet.limits, ""]}
      rows=${items.map((key) => html`<${Row} key=${key.id} one=${key} reload=${keys.reload} />`)} /><${Pages} next=${cursor} name="keys" />`)}</section>`;
}

/** @param {FormData} said @returns {Schemas["KeyBody"]} */
function bodyFrom(said) {
  const until = String(said.get("until"));
  const limits = Object.fromEntries(LIMITS.map(([name]) => [name, String(said.get(name)).trim()]).filter(([, text]) => text).map(([name, text]) => [name, Number(text)]));
  return {
    name: String(said.get("name")), scopes: /** @type {Schemas["Scope"][]} */ (said.getAll("scopes")), limits,
    ...(until && { expires_at: new Date(`${until}T23:59:59`).toISOString() }),
  };
}

/** What this key has of its own. @param {Schemas["KeyView"]} key */
function limitsOf({ limits }) {
  const said = LIMITS.filter(([name]) => name in limits).map(([name, label]) => `${label}: ${limits[name] ?? fleet.noLimit}`);
  return said.join(", ") || fleet.noOwnLimits;
}

/** @param {{one: Schemas["KeyView"], reload: () => Promise<void>}} props */
function Row({ one, reload }) {
  const revoke = async () => {
    if (await really(fleet.reallyRevoke(one.name), fleet.revoke)) await act(() => post("/api/v1/keys/{key_id}/revoke", { path: { key_id: one.id } }), fleet.revoked, reload);
  };
  return html`<tr>
    <th scope="row">${one.name}</th><td class="wide">${one.scopes.map((scope) => fleet.scopeNames[scope] ?? scope).join(", ")}</td>
    <td><span class="badge ${one.state === "good" ? "completed" : "failed"}">${fleet.keyStates[one.state] ?? one.state}</span></td>
    <td>${one.last_used_at ? ago(one.last_used_at) : words.never}</td><td>${one.expires_at ? minute(one.expires_at) : words.never}</td>
    <td class="wide">${limitsOf(one)}</td>
    <td><div class="row deeds">${one.state === "good" && html`<button class="danger" onClick=${revoke}>${fleet.revoke}</button>`}</div></td></tr>`;
}
