/** A secret that is shown this once. */
import { html } from "../common/html.js";
import { words as common } from "../common/messages.js";
import { toast } from "../common/toasts.js";
import { fleet } from "./fleet_messages.js";

/** @param {{said: string, secret: string}} props */
export function ShownOnce({ said, secret }) {
  const copy = () => navigator.clipboard.writeText(secret).then(() => toast(common.copied));
  return html`<div role="status"><p>${said}</p><code class="key">${secret}</code>
    ${navigator.clipboard && html`<button type="button" onClick=${copy}>${fleet.copy}</button>`}</div>`;
}
