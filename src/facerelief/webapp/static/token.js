// The token of a server that asks for one: from the address (#token=...), or typed. Kept until the tab is closed.

const KEY = "facerelief-token";

const [, given] = location.hash.match(/^#token=(.+)$/) ?? [];
if (given) {
  keep(decoded(given));
  history.replaceState(null, "", location.pathname + location.search); // not to be shared, or seen, with the address
}

/** The header that a request carries; none as long as no token is known. @returns {Record<string, string>} */
export function authorization() {
  const token = sessionStorage.getItem(KEY);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/** @type {Promise<boolean> | null} */
let asking = null; // one question for all requests that were refused at a time

/**
 * Ask for a token, unless another than the refused one is known by now.
 * @param {Record<string, string>} refused the header that was refused
 * @returns {Promise<boolean>} whether there is one to try
 */
export function newToken(refused) {
  if (authorization().Authorization !== refused.Authorization) return Promise.resolve(true);
  asking ??= ask(Boolean(refused.Authorization)).finally(() => (asking = null));
  return asking;
}

function ask(wrong) {
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-labelledby", "token-title");
  dialog.className = "narrow";
  dialog.innerHTML = `
    <h2 id="token-title">This server asks for a token</h2>
    <p class="muted" id="token-about"></p>
    <form method="dialog">
      <label for="token">Token</label>
      <input id="token" type="password" autocomplete="current-password" required aria-describedby="token-about">
      <p class="actions"><button class="button primary" value="go">Go on</button>
      <button type="button" class="button">Cancel</button></p>
    </form>`;
  dialog.querySelector("#token-about").textContent = wrong
    ? "That token is not the right one. Ask whoever runs the server for it."
    : "Whoever runs the server has it. It is kept until you close this tab.";
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((done) => {
    dialog.querySelector("button[type=button]").addEventListener("click", () => dialog.close(""));
    dialog.addEventListener("close", () => {
      const typed = dialog.querySelector("input").value.trim();
      const taken = dialog.returnValue === "go" && typed !== "";
      if (taken) keep(typed);
      dialog.remove();
      done(taken);
    });
  });
}

function keep(token) {
  sessionStorage.setItem(KEY, token);
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
