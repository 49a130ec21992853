/** What the page to sign in says. */
export const words = {
  title: "Sign in to Genonaut",
  key: "Your key",
  go: "Sign in",
  busy: "Signing in …",
  ended: "Your session has ended. Sign in again, and you are back where you were.",
  help: "Paste the key you were given; it begins with gn_. This browser gets a session of its own and keeps no key. Without a key, ask whoever runs this service for one, or for a link that signs you in.",
};
