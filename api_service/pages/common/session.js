/** Who is signed in. */
import { signal } from "@preact/signals";
import { get, remove, signIn } from "./api.js";
import { address } from "./base.js";

/** @type {import("@preact/signals").Signal<{user: string, is_admin: boolean, scopes: string[]} | null>} */
export const session = signal(null);

/**
 * Ask who is signed in; who is not is led to where one signs in.
 * @returns {Promise<boolean>} whether somebody is
 */
export async function loadSession() {
  session.value = await get("/session");
  if (!session.value) signIn();
  return session.value !== null;
}

export async function signOut() {
  await remove("/session").catch(() => null);
  location.assign(address("sign-in"));
}
