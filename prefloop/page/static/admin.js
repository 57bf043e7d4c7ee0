// The admin's view: the part that changes comes anew from the server.

import {call, toLogin} from "./api.js";

const EVERY_MS = 20000;
const state = document.querySelector("#state");

async function refresh() {
  if (document.hidden) return;
  const open = [...document.querySelectorAll("#campaign details")].map((one) => one.open);
  try {
    const response = await fetch("/admin/campaign", {cache: "no-store", credentials: "same-origin"});
    if (response.status === 401 || response.status === 403) return toLogin();
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    // Of this server, with every value escaped.
    document.querySelector("#campaign").innerHTML = await response.text();
    document.querySelectorAll("#campaign details").forEach((one, place) => { one.open = open[place] ?? false; });
    state.textContent = `Read at ${new Date().toLocaleTimeString()}.`;
  } catch (error) {
    state.textContent = `Not read again: ${error.message}. What stands here may be old.`;
  }
}

setInterval(refresh, EVERY_MS);
document.addEventListener("visibilitychange", refresh);
document.querySelector("#logout").addEventListener("click", () => call("POST", "/api/logout", {}).then(toLogin));
