// Time in which a comparison could be seen. It goes on after a reload, and stands still while the page is hidden.

import {drop, keep, kept} from "./outbox.js";

const KEY = "prefloop.seen";
// More than a day was not spent on one comparison, and is no time that the server takes.
const LONGEST_MS = 86_400_000;

export class Clock {
  constructor() {
    this.lease = null;
    this.before = 0;
    this.since = null;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.stop() : this.go()));
    window.addEventListener("pagehide", () => this.stop());
    window.addEventListener("pageshow", () => this.go());
  }

  begin(lease) {
    const saved = JSON.parse(kept(KEY) ?? "null");
    this.lease = lease;
    this.before = saved?.lease === lease ? saved.ms : 0;
    this.since = null;
    this.go();
  }

  go() {
    if (this.lease && this.since === null && !document.hidden) this.since = performance.now();
  }

  stop() {
    if (!this.lease) return;
    this.before = this.ms();
    this.since = null;
    keep(KEY, JSON.stringify({lease: this.lease, ms: this.before}));
  }

  end() {
    this.lease = null;
    drop(KEY);
  }

  ms() {
    const now = this.since === null ? 0 : performance.now() - this.since;
    return Math.min(Math.round(this.before + now), LONGEST_MS);
  }
}
