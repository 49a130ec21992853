/** What is around each page: its head, what has been lost, and short messages. */
import { signal } from "@preact/signals";
import { ApiError } from "./api.js";
import { address } from "./base.js";
import "./common.css";
import { html, render } from "./html.js";
import { Logo } from "./icons.js";
import { connection, whenBack } from "./live.js";
import { words } from "./messages.js";
import { loadSession, session, signOut } from "./session.js";
import { applyTheme, otherTheme } from "./theme.js";
import { settleNoAnswer, Toasts } from "./toasts.js";

const AGAIN_MS = 5_000;
const PAGES = /** @type {const} */ (["studio", "gallery", "dashboard"]);

/** What stands behind the # of an address is the state of a page, and stays. @param {MouseEvent} event */
function toContent(event) {
  event.preventDefault();
  document.getElementById("content")?.focus();
}

/** @param {{page: string}} props */
function Head({ page }) {
  return html`<header class="head">
    <a class="skip" href="#content" onClick=${toContent}>${words.skip}</a>
    <a class="brand" href=${address("studio")}><${Logo} side=${24} /><span>${words.product}</span></a>
    <nav aria-label=${words.pages}>
      ${PAGES.map((name) => html`<a href=${address(name)} aria-current=${name === page ? "page" : undefined}>${words[name]}</a>`)}
    </nav>
    <span class="user" title=${session.value?.user}>${session.value?.user}</span>
    <button class="quiet icon" title=${words.theme} aria-label=${words.theme} onClick=${otherTheme}>◐</button>
    <button class="quiet" onClick=${signOut}>${words.signOut}</button>
  </header>`;
}

function Lost() {
  return connection.value === "lost" && html`<div class="lost" role="status">${words.lost}</div>`;
}

// That nobody answers is said no longer than it is so; so it is in each form.
whenBack(settleNoAnswer);

/** What is in the page now: first that it is loading. */
const inside = signal(html`<p class="empty" role="status">${words.loading}</p>`);

/** @param {{page: string}} props */
function App({ page }) {
  return html`<div>
    <${Head} page=${page} />
    <${Lost} />
    <main id="content" tabindex="-1">${inside.value}</main>
    <${Toasts} />
  </div>`;
}

/**
 * Show a page to who is signed in.
 * @param {string} page its name in the head
 * @param {any} Content the component of what is on it
 * @param {() => Promise<void>} [load] what it needs before it is shown
 */
export async function show(page, Content, load = async () => {}) {
  applyTheme();
  render(html`<${App} page=${page} />`, /** @type {HTMLElement} */ (document.getElementById("page")));
  await fill(Content, load);
}

/**
 * @param {any} Content
 * @param {() => Promise<void>} load
 */
async function fill(Content, load) {
  const again = () => fill(Content, load);
  try {
    if (!(await loadSession())) return;
    await load();
    inside.value = html`<${Content} />`;
  } catch (error) {
    inside.value = html`<${Failed} error=${error} again=${again} />`;
    // A service that is away or starts comes back.
    if (error instanceof ApiError && (!error.status || error.status >= 500)) setTimeout(again, AGAIN_MS);
  }
}

/** @param {{error: unknown, again: () => void}} props */
function Failed({ error, again }) {
  if (!(error instanceof ApiError)) return html`<p class="empty" role="alert">${words.failedPage} ${String(error)}</p>`;
  return html`<h1 class="hidden">${words.notLoaded}</h1><div class="empty" role="alert"><p>${error.message}</p><p><button onClick=${again}>${words.tryAgain}</button></p></div>`;
}
