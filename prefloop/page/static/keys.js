// Keys of the labelling page. They can be switched off, for those who speak to their browser or press keys by accident.

import {keep, kept} from "./outbox.js";

const VERDICTS = {
  1: "left", ArrowLeft: "left", 2: "right", ArrowRight: "right", 3: "tie", "=": "tie", 4: "both_bad", s: "skip",
};
const LOOKS = {d: "diff", r: "raw", l: "scroll"};
const OTHERS = {u: "undo", Backspace: "undo", "?": "keys", g: "guidelines"};
const SWITCH = "prefloop.keys";

function isTyping(target) {
  return target.closest?.("textarea, input:not([type=radio], [type=checkbox]), select") !== null;
}

function isWidget(target, key) {
  const moves = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].includes(key);
  if (moves && target.matches?.("input[type=radio]")) return true;
  // Code and tables that are wider than their box are scrolled sideways.
  if (moves && target.matches?.("pre, .table") && target.scrollWidth > target.clientWidth) return true;
  return [" ", "Enter"].includes(key) && target.closest?.("button, input, a, summary") !== null;
}

/** Let keys do what buttons do. */
export function listen(actions) {
  const box = document.querySelector("#single-keys");
  if (box) {
    box.checked = kept(SWITCH) !== "false";
    box.addEventListener("change", () => keep(SWITCH, String(box.checked)));
  }

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) {
      if (event.key === "Enter" && event.ctrlKey && actions.hasChosen()) actions.send();
      return;
    }
    if (document.querySelector("dialog[open]") || isTyping(event.target) || isWidget(event.target, event.key)) return;
    if (act(event)) event.preventDefault();
  });

  function act(event) {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key === "Enter") return actions.hasChosen() && (actions.send(), true);
    if (actions.scroll(event)) return true;
    if (kept(SWITCH) === "false") return false;
    if (key in VERDICTS) {
      if (!event.repeat && !event.shiftKey) actions.verdict(VERDICTS[key]);
      else if (!event.repeat && key === "=") actions.verdict("tie"); // a shifted key on many keyboards
      return true;
    }
    if (event.repeat) return false;
    const [name, value] = key in LOOKS ? ["look", LOOKS[key]] : [OTHERS[key]];
    if (!(name in actions)) return false;
    actions[name](value);
    return true;
  }
}
