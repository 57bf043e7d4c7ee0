// Login: a token that is typed, or stands after # in the address, which browsers send nowhere.

import {Unreachable, call} from "./api.js";

const form = document.querySelector("form");
const field = document.querySelector("#token");
const says = document.querySelector("#says");

async function enter(token) {
  says.textContent = "Checking…";
  try {
    const {status, body} = await call("POST", "/api/login", {token});
    if (status === 204) {
      location.replace("/");
      return;
    }
    says.textContent = status === 401 ? "This token is not valid. Was it copied whole?" : body?.error ?? `Refused (${status}).`;
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    says.textContent = `Not logged in: ${error.message}. Wait a minute and try again.`;
  }
  field.focus();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (field.value.trim()) enter(field.value.trim());
});

const given = new URLSearchParams(location.hash.slice(1)).get("token");
if (given) {
  history.replaceState(null, "", location.pathname);
  enter(given.trim());
}
