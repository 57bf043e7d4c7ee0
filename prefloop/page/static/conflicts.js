// Conflicts: pairs on which people disagree, with their votes, decided one after another by key or button.

import {call, insist, pause, toLogin} from "./api.js";
import {listen} from "./keys.js";
import {Looks} from "./looks.js";
import {element, show} from "./show.js";

const $ = (selector) => document.querySelector(selector);
const WORDS = {a: "A is better", b: "B is better", tie: "Tie", both_bad: "Both bad", skip: "Skipped"};
const SIDES = {left: "a", right: "b", tie: "tie", both_bad: "both_bad", skip: "skip"};

const say = (text, kind = "") => Object.assign($("#state"), {textContent: text, className: kind});
const lost = (error, seconds) => say(`Waiting for the server: ${error.message}. Trying again in ${seconds} s.`, "unsent");
const looks = new Looks(say);
const STRENGTHS = {0.5: "slightly", 1: "clearly"};
let waiting = []; // the oldest conflicts that are not decided; the first is shown
let left = 0; // how many there are, those included that are not here yet
let textless = 0; // those that cannot be shown
const later = new Set(); // pairs that were put off
let isBusy = true;

function voted(vote) {
  const more = [STRENGTHS[vote.strength] ?? vote.strength, ...vote.reasons, vote.comment].filter(Boolean).join(" · ");
  return element("li", {dir: "auto"}, [
    element("b", {}, [vote.annotator]), ` ${WORDS[vote.verdict] ?? vote.verdict}${more ? ` (${more})` : ""}`,
  ]);
}

function present(said = "") {
  const conflict = waiting[0];
  isBusy = false;
  $("#left-over").textContent = String(left);
  $("#comparison").hidden = $("#bar").hidden = !conflict;
  $("#waiting").hidden = Boolean(conflict);
  if (!conflict) {
    $("#waiting-title").textContent = "No conflicts";
    const gone = textless ? `The texts of ${textless} have left the data, so that they cannot be shown. ` : "";
    $("#waiting-text").textContent = `${gone}No ${textless ? "other " : ""}pair waits for a last word. This page looks again by itself.`;
    return say(said || "No conflicts.");
  }
  show($("#prompt-text"), conflict.prompt, "user");
  show($("#left"), conflict.a, "assistant");
  show($("#right"), conflict.b, "assistant");
  for (const box of ["#prompt-text", "#left", "#right"]) $(box).scrollTop = 0;
  $("#ids").textContent = conflict.ids?.join(", ") ?? "";
  $("#votes ul").replaceChildren(...conflict.votes.map(voted));
  looks.shown();
  $("#prompt-title").focus({preventScroll: true});
  return say(`${said}${left - textless} to decide.`, said ? "saved" : "");
}

async function load(said = "") {
  isBusy = true;
  const {status, body} = await insist(() => call("GET", "/api/admin/conflicts"), lost);
  if (status === 401 || status === 403) return toLogin();
  const order = (conflict) => Number(later.has(conflict.pair_id));
  [left, textless] = [body.total, body.without_texts];
  waiting = body.conflicts.sort((one, other) => order(one) - order(other));
  present(said);
  if (!waiting.length) {
    await pause(20);
    return load();
  }
}

async function decide(verdict) {
  if (isBusy || !waiting.length) return;
  const conflict = waiting[0];
  if (verdict === "skip") {
    later.add(conflict.pair_id);
    waiting.push(waiting.shift());
    return present("Put off. ");
  }
  isBusy = true;
  say("Saving…");
  const {status, body} = await insist(() => call("POST", "/api/admin/adjudicate", {pair_id: conflict.pair_id, verdict}),
    (error, seconds) => say(`Not sent yet: ${error.message}. Trying again in ${seconds} s.`, "unsent"));
  if (status === 401 || status === 403) return toLogin();
  if (status !== 200 && status !== 201) {
    isBusy = false;
    return say(`Not counted: ${body?.error ?? status}.`, "failed");
  }
  waiting.shift();
  left--;
  const said = `Decided: ${WORDS[verdict]}. `;
  return waiting.length ? present(said) : load(said);
}

listen({
  verdict: (word) => decide(SIDES[word]),
  look: (name) => looks.toggle(name),
  scroll: (event) => looks.scroll(event),
  hasChosen: () => false,
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.verdict) decide(button.dataset.verdict);
  else if (looks.has(button.id)) looks.toggle(button.id);
  else if (button.id === "logout") call("POST", "/api/logout", {}).then(toLogin);
});
looks.restore();
load();
