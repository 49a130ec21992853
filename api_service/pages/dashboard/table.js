/** A table that scrolls inside itself where it is wider than the page. */
import { html } from "../common/html.js";

/**
 * @param {{label: string, columns: any[], rows: any[], empty: string, hint?: string}} props
 *   `columns` are texts, or what stands in the head, "" above buttons; `rows` are what `html` makes of each
 */
export function Table({ label, columns, rows, empty, hint }) {
  if (!rows.length) return html`<div class="empty"><h2>${empty}</h2>${hint && html`<p>${hint}</p>`}</div>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${label}>
    <table>
      <caption class="hidden">${label}</caption>
      <thead><tr>${columns.map((column) => (column === "" ? html`<td></td>` : html`<th scope="col">${column}</th>`))}</tr></thead>
      <tbody>${rows}</tbody>
    </table>
  </div>`;
}
