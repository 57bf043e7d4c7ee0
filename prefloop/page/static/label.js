// The page on which people compare: one comparison at a time, by keys or buttons.

import {call, insist, pause, toLogin} from "./api.js";
import {Clock} from "./clock.js";
import {Extras} from "./extras.js";
import {guidelines} from "./guidelines.js";
import {listen} from "./keys.js";
import {Looks} from "./looks.js";
import {Outbox} from "./outbox.js";
import {show} from "./show.js";

const $ = (selector) => document.querySelector(selector);
const person = document.body.dataset.person;
const outbox = new Outbox(person);
const clock = new Clock();
const looks = new Looks(say);
const extras = new Extras($("#extras"));
const WORDS = {left: "left is better", right: "right is better", tie: "tie", both_bad: "both bad", skip: "skipped"};
const WAITS = {
  empty: ["No pair is waiting", "The next ones are being chosen. This page goes on by itself."],
  others: [
    "What waits is for other people",
    "You have answered all comparisons that wait now; they want another person's answer. Further ones appear by themselves.",
  ],
  budget: ["The budget is used up", "No more labels are asked for. Thank you."],
  done: ["All done", "Nothing is left to compare. Thank you."],
};

// What the campaign's desk says of a verdict itself; after any other refusal it is kept, since it may be taken yet.
const FINAL = new Set(["unknown_lease", "anothers_lease", "gone", "over_budget"]);

let task = null; // the comparison that is shown
let chosen = null; // its verdict, where more is asked before it is sent
let isBusy = true; // while something is sent or fetched
let lastLease = null; // of the verdict that undo takes back, so that an undo sent twice takes back one

// ---- what is said of the state

function say(text, kind = "") {
  const state = $("#state");
  state.className = kind;
  document.body.classList.toggle("stuck", kind === "unsent");
  if (state.textContent !== text) state.textContent = text;
}

function busy(value) {
  isBusy = value;
  $("#answers").setAttribute("aria-busy", String(value));
  // Not `disabled`, under which the focus would be lost.
  document.querySelectorAll("#verdicts button, #undo").forEach((button) => {
    button.setAttribute("aria-disabled", String(value || (button.id !== "undo" && !task)));
  });
}

/** How a sentence on what was sent is marked. */
function kindOf(said) {
  if (said.startsWith("Not sent")) return "unsent";
  return said.startsWith("Not") ? "failed" : said && "saved";
}

function showProgress({yours, minute_rate: rate, total, wanted, last_lease: last}) {
  lastLease = last;
  $("#yours").textContent = String(yours);
  $("#rate").textContent = rate === null ? "–" : rate.toFixed(1);
  $("#total").textContent = `${total} of ${wanted}`;
  Object.assign($("#progress"), {max: Math.max(wanted, 1), value: Math.min(total, wanted)});
}

// ---- one comparison

function present(next, said) {
  task = next;
  show($("#prompt-text"), task.prompt, "user");
  show($("#left"), task.left, "assistant");
  show($("#right"), task.right, "assistant");
  $("#ids").textContent = task.ids?.length ? task.ids.join(", ") : "";
  document.querySelectorAll("[data-verdict]").forEach((button) => {
    button.hidden = !task.asks.verdicts.includes(button.dataset.verdict);
  });
  extras.ask(task.asks);
  choose(null);
  showProgress(task.progress);
  $("#comparison").hidden = $("#bar").hidden = $("#verdicts").hidden = false;
  $("#waiting").hidden = true;
  guidelines.saw(task.guidelines_version);
  clock.begin(task.lease);
  busy(false);
  // Last, since all of it asks for the layout.
  looks.shown();
  say(said.endsWith(".") ? said : `${said}Comparison ${task.progress.yours + 1}.`, kindOf(said));
  for (const box of ["#prompt-text", "#left", "#right"]) $(box).scrollTop = 0;
  $("#prompt-title").focus({preventScroll: true});
  window.scrollTo(0, 0);
}

function presentWait(reason, said, progress) {
  task = null;
  choose(null);
  if (progress) showProgress(progress);
  const [title, text] = WAITS[reason] ?? WAITS.empty;
  $("#waiting-title").textContent = title;
  $("#waiting-text").textContent = text;
  $("#comparison").hidden = true;
  $("#waiting").hidden = false;
  $("#bar").hidden = !lastLease;
  $("#verdicts").hidden = true;
  busy(false);
  say(`${said}${title}.`, kindOf(said));
}

/** Ask for the next comparison, and wait for one where there is none. */
async function next(said = "") {
  busy(true);
  for (const asked = ++next.asked; asked === next.asked;) {
    const {status, headers, body} = await insist(() => call("GET", "/api/next"), lost);
    if (asked !== next.asked) return;
    if (status === 401) return toLogin();
    if (status === 200) return present(body, said);
    if (status !== 204) return say(`${said}${body?.error ?? status}. Load the page again.`, "failed");
    const reason = headers.get("X-Prefloop-Wait");
    const progress = (await insist(() => call("GET", "/api/status"), lost)).body?.progress;
    if (asked !== next.asked) return;
    presentWait(reason, said, progress);
    said = "";
    await pause(Number(headers.get("Retry-After")) || 5);
  }
}
next.asked = 0;

function lost(error, seconds) {
  say(`Waiting for the server: ${error.message}. Trying again in ${seconds} s.`, "unsent");
}

// ---- verdicts

function choose(verdict) {
  chosen = verdict;
  document.querySelectorAll("[data-verdict]").forEach((button) => {
    if (task && extras.anyFor("left")) button.setAttribute("aria-pressed", String(button.dataset.verdict === verdict));
    else button.removeAttribute("aria-pressed");
  });
  for (const side of ["left", "right"]) {
    $(`#${side}-answer`).classList.toggle("chosen", verdict === side || verdict === "tie");
  }
}

/** A verdict by key or button: sent at once, or, where more is asked, when it is given again or by Enter. */
function give(verdict) {
  if (isBusy || !task || !task.asks.verdicts.includes(verdict)) return;
  if (extras.anyFor(verdict) && chosen !== verdict) {
    choose(verdict);
    extras.chosen(verdict);
    say(`Chosen: ${WORDS[verdict]}. Enter or Send sends it.`);
    return;
  }
  choose(verdict);
  send();
}

async function send() {
  if (isBusy || !task || !chosen) return;
  const verdict = {lease: task.lease, verdict: chosen, duration_ms: clock.ms(), ...extras.given(chosen)};
  busy(true);
  say("Saving…");
  outbox.put(verdict);
  clock.end();
  await next(await sent(verdict));
}

/** Send a verdict until the server has it, or says why it takes none; gives the sentence to say. */
async function sent(verdict) {
  const {status, body} = await insist(() => call("POST", "/api/verdicts", verdict), (error, seconds) => {
    say(`Not sent yet: ${error.message}. Kept in this browser; trying again in ${seconds} s.`, "unsent");
  });
  if (status === 401) {
    toLogin();
    return new Promise(() => {}); // the page goes; the verdict stays
  }
  const isTaken = (status === 200 || status === 201) && body?.lease === verdict.lease;
  if (!isTaken && !FINAL.has(body?.code)) {
    return `Not sent: ${body?.error ?? status}. Kept in this browser until the page is loaded again. `;
  }
  outbox.remove(verdict.lease);
  if (!isTaken) return `Not counted: ${body.error}. `;
  return body.verdict === verdict.verdict ? `Saved: ${WORDS[body.verdict]}. ` : `Known already: ${WORDS[body.verdict]}. `;
}

async function undo() {
  if (isBusy) return;
  if (!lastLease) {
    say("There is no verdict to take back.");
    return;
  }
  busy(true);
  next.asked++; // a wait for the next comparison ends here
  say("Taking the last verdict back…");
  const {status, body} = await insist(() => call("POST", "/api/undo", {lease: lastLease}), lost);
  if (status === 401) return toLogin();
  if (status === 200) return present(body, "Taken back: its pair is here again.");
  return next(`Not asked again: ${body?.error ?? status}. `);
}

// ---- keys and buttons

function openSheet() {
  $("#keys").showModal();
}

listen({
  verdict: give,
  send,
  undo,
  scroll: (event) => looks.scroll(event),
  hasChosen: () => chosen !== null && !isBusy,
  look: (name) => looks.toggle(name),
  keys: openSheet,
  guidelines: () => guidelines.open(),
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button || button.getAttribute("aria-disabled") === "true") return;
  if (button.dataset.verdict) give(button.dataset.verdict);
  else if (button.id === "undo") undo();
  else if (looks.has(button.id)) looks.toggle(button.id);
  else if (button.id === "open-keys") openSheet();
  else if (button.id === "open-guidelines") guidelines.open();
  else if (button.id === "logout") insist(() => call("POST", "/api/logout", {}), lost).then(toLogin);
});
$("#extras").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});

async function start() {
  busy(true);
  looks.restore();
  let said = "";
  for (const verdict of outbox.waiting()) {
    const one = await sent(verdict);
    said = said.startsWith("Not") ? said : one;
  }
  await next(said);
}

start();
