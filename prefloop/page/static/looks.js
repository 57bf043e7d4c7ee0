// How two answers are shown, the same for those who label and for who decides conflicts: differences, raw text, scrolling.

import {canMark, mark, unmark} from "./diff.js";
import {keep, kept} from "./outbox.js";
import {Together, reachable, scrollByKey} from "./scroll.js";

const $ = (selector) => document.querySelector(selector);

export class Looks {
  constructor(say) {
    this.say = say;
    this.together = new Together($("#left"), $("#right"));
    this.changes = {
      diff: (on) => {
        say(on && !canMark() ? "This browser cannot mark differences." : "");
        this.remark();
      },
      raw: (on) => {
        document.body.classList.toggle("raw", on);
        this.shown();
      },
      scroll: (on) => { this.together.on = on; },
    };
  }

  /** As this browser had it last. */
  restore() {
    for (const name of Object.keys(this.changes)) {
      const wanted = kept(`prefloop.${name}`);
      if (wanted !== null && wanted !== $(`#${name}`).getAttribute("aria-pressed")) this.toggle(name);
    }
  }

  has(name) {
    return name in this.changes;
  }

  toggle(name) {
    const on = $(`#${name}`).getAttribute("aria-pressed") !== "true";
    $(`#${name}`).setAttribute("aria-pressed", String(on));
    keep(`prefloop.${name}`, String(on));
    this.changes[name](on);
  }

  /** Texts are there that were not there before. */
  shown() {
    for (const box of ["#prompt-text", "#left", "#right"]) reachable($(box));
    this.remark();
  }

  /** Mark what differs anew, where that is wanted. */
  remark() {
    unmark();
    if ($("#diff").getAttribute("aria-pressed") !== "true" || $("#comparison").hidden || !canMark()) return;
    const [left, right] = mark($("#left"), $("#right"));
    this.say(left + right ? `Differences: ${left} left, ${right} right.` : "No differences.");
  }

  /** Scroll by a key where nothing has the focus that scrolls itself; whether it did. */
  scroll(event) {
    if (event.target.closest?.("[data-scroll], pre, .table") || $("#comparison").hidden) return false;
    if (matchMedia("(max-width: 699px), (max-height: 519px)").matches) return false;
    return scrollByKey($(event.shiftKey ? "#prompt-text" : "#left"), event.key);
  }
}
