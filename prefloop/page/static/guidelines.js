// The campaign's instructions on a key; a changed text is pointed out once.

import {Unreachable, call, toLogin} from "./api.js";
import {keep, kept} from "./outbox.js";

const READ = "prefloop.guidelines";
const dialog = document.querySelector("#guidelines");
const button = document.querySelector("#open-guidelines");
const text = document.querySelector("#guidelines-text");

export const guidelines = {
  version: null,
  shown: null,

  /** The version that a comparison was given with. */
  saw(version) {
    this.version = version;
    button.hidden = version === null;
    const isNew = version !== null && kept(READ) !== version;
    button.classList.toggle("new", isNew);
    button.querySelector(".hint").textContent = !isNew ? "" : kept(READ) === null ? " (not read yet)" : " (changed)";
  },

  async open() {
    if (button.hidden) return;
    if (!dialog.open) dialog.showModal();
    if (this.shown !== this.version) await this.load();
    if (this.shown !== null) keep(READ, this.shown);
    this.saw(this.version);
  },

  async load() {
    text.textContent = "Loading…";
    try {
      const {status, body} = await call("GET", "/api/guidelines");
      if (status === 401) return toLogin();
      text.innerHTML = body.html ?? "";
      document.querySelector("#guidelines-version").textContent = `Version ${String(body.version).slice(0, 12)}`;
      this.shown = this.version = body.version;
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      text.textContent = `Not loaded: ${error.message}. Close this and try again.`;
    }
  },
};
