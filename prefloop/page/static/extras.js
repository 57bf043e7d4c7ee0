// What may be asked besides the verdict: strength, reasons, criteria, a comment.

import {element} from "./show.js";

const SIDES = [["left", "Left"], ["tie", "Tie"], ["right", "Right"]];
const STRENGTHS = [["slightly", "Slightly"], ["clearly", "Clearly"]];
const LONGEST = 10000;

function choices(name, legend, options, type = "radio") {
  const boxes = options.map(([value, label]) =>
    element("label", {}, [element("input", {type, name, value}), element("span", {dir: "auto"}, [label])]));
  return element("fieldset", {}, [element("legend", {dir: "auto"}, [legend]), element("div", {className: "choices"}, boxes)]);
}

export class Extras {
  constructor(form) {
    this.form = form;
    this.asks = {strength: false, reasons: [], criteria: [], comment: false};
  }

  /** Whether anything is asked beside a verdict of this kind. */
  anyFor(verdict) {
    const {strength, reasons, criteria, comment} = this.asks;
    return verdict !== "skip" && Boolean(strength || reasons.length || criteria.length || comment);
  }

  /** Empty fields for what a comparison asks. */
  ask(asks) {
    this.asks = asks;
    this.form.hidden = !this.anyFor("left");
    if (this.form.hidden) return;
    const fields = [];
    if (asks.strength) fields.push(choices("strength", "How much better?", STRENGTHS));
    asks.criteria.forEach((name, place) => fields.push(choices(`criterion-${place}`, name, SIDES)));
    if (asks.reasons.length) fields.push(choices("reason", "Reasons", asks.reasons.map((word) => [word, word]), "checkbox"));
    if (asks.comment) {
      fields.push(element("label", {className: "comment"}, [
        element("span", {}, ["Comment"]),
        Object.assign(element("textarea", {name: "comment", rows: 2, maxLength: LONGEST}), {dir: "auto"}),
      ]));
    }
    fields.push(element("button", {type: "submit", className: "send"}, ["Send ", element("kbd", {}, ["Enter"])]));
    this.form.replaceChildren(...fields);
  }

  /** A verdict is chosen: only a preference has a strength. */
  chosen(verdict) {
    const isPreference = verdict === "left" || verdict === "right";
    this.form.querySelectorAll("[name=strength]").forEach((box) => {
      box.disabled = !isPreference;
      if (!isPreference) box.checked = false;
    });
    this.form.querySelector("input:enabled, textarea")?.focus({preventScroll: true});
    this.form.scrollIntoView({block: "nearest"});
  }

  /** The fields of the request; what was not answered is left out. */
  given(verdict) {
    if (!this.anyFor(verdict)) return {};
    const data = new FormData(this.form);
    const criteria = this.asks.criteria
      .map((name, place) => [name, data.get(`criterion-${place}`)])
      .filter(([, side]) => side);
    const given = {};
    if (data.get("strength")) given.strength = data.get("strength");
    if (data.getAll("reason").length) given.reasons = data.getAll("reason");
    if (criteria.length) given.criteria = Object.fromEntries(criteria);
    if (data.get("comment")?.trim()) given.comment = data.get("comment").trim();
    return given;
  }
}
