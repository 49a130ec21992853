/** A table that scrolls inside itself where it is wider than the page; in a narrow window each of its rows is a card. */
import { html } from "../common/html.js";
import "./table.css";

/**
 * @param {{label: string, columns: any[], rows: any[], empty: string, hint?: string}} props
 *   `columns` are texts, or what stands in the head, "" above buttons; `rows` are what `html` makes of each
 */
export function Table({ label, columns, rows, empty, hint }) {
  if (!rows.length) return html`<div class="empty"><h2>${empty}</h2>${hint && html`<p>${hint}</p>`}</div>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${label}>
    <table class="as-cards" style=${namesOf(columns)}>
      <caption class="hidden">${label}</caption>
      <thead><tr>${columns.map((column) => (column === "" ? html`<td></td>` : html`<th scope="col">${column}</th>`))}</tr></thead>
      <tbody>${rows}</tbody>
    </table>
  </div>`;
}

/**
 * The names of the columns for the styles, which put them before each value on a card.
 * @param {any[]} columns
 */
function namesOf(columns) {
  return Object.fromEntries(columns.map((column, index) => [`--name-${index + 1}`, JSON.stringify(typeof column === "string" ? column : "")]));
}
