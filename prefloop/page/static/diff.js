// Differences between two shown texts: words that only one of them has, marked without touching the texts.

// Cells of the table in which words are matched; texts with more are compared by lines first.
const CELLS = 4_000_000;
const WORD = /[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu;

/** Which items of a and of b belong to their longest common subsequence; null where the table would be too large. */
export function common(a, b) {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const rows = a.length - start - end;
  const columns = b.length - start - end;
  if (rows * columns > CELLS) return null;
  const inA = new Uint8Array(a.length).fill(1, 0, start).fill(1, a.length - end);
  const inB = new Uint8Array(b.length).fill(1, 0, start).fill(1, b.length - end);
  const width = columns + 1;
  const longest = new Uint16Array((rows + 1) * width);
  for (let i = rows - 1; i >= 0; i--) {
    for (let j = columns - 1; j >= 0; j--) {
      longest[i * width + j] = a[start + i] === b[start + j]
        ? longest[(i + 1) * width + j + 1] + 1
        : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
    }
  }
  for (let i = 0, j = 0; i < rows && j < columns;) {
    if (a[start + i] === b[start + j]) inA[start + i++] = inB[start + j++] = 1;
    else if (longest[(i + 1) * width + j] >= longest[i * width + j + 1]) i++;
    else j++;
  }
  return [inA, inB];
}

/** The same for long texts: lines are matched first, then words between lines that match. */
export function commonWords(a, b) {
  const whole = common(a.map((word) => word.text), b.map((word) => word.text));
  if (whole) return whole;
  const lines = [lineKeys(a), lineKeys(b)];
  const matched = common(lines[0].map((line) => line.key), lines[1].map((line) => line.key));
  const inA = new Uint8Array(a.length);
  const inB = new Uint8Array(b.length);
  if (!matched) return [inA, inB];
  let [i, j] = [0, 0];
  while (i < lines[0].length || j < lines[1].length) {
    const [fromA, fromB] = [i, j];
    while (i < lines[0].length && !matched[0][i]) i++;
    while (j < lines[1].length && !matched[1][j]) j++;
    between(a, b, spanOf(lines[0], fromA, i), spanOf(lines[1], fromB, j), inA, inB);
    if (i < lines[0].length) inA.fill(1, lines[0][i].from, lines[0][i++].to);
    if (j < lines[1].length) inB.fill(1, lines[1][j].from, lines[1][j++].to);
  }
  return [inA, inB];
}

function between(a, b, [fromA, toA], [fromB, toB], inA, inB) {
  const part = common(
    a.slice(fromA, toA).map((word) => word.text),
    b.slice(fromB, toB).map((word) => word.text),
  );
  if (!part) return;
  inA.set(part[0], fromA);
  inB.set(part[1], fromB);
}

function spanOf(lines, from, to) {
  return from < to ? [lines[from].from, lines[to - 1].to] : [0, 0];
}

function lineKeys(words) {
  const lines = [];
  for (let from = 0, to = 0; from < words.length; from = to) {
    while (to < words.length && words[to].line === words[from].line) to++;
    lines.push({from, to, key: words.slice(from, to).map((word) => word.text).join(" ")});
  }
  return lines;
}

/** Without the short matches that two different passages have by chance: one or two words between differences. */
export function smoothed([inA, inB]) {
  const places = [inA, inB].map((marks) => [...marks.keys()].filter((place) => marks[place]));
  const count = places[0].length;
  for (let from = 0, to = 1; from < count; from = to++) {
    while (to < count && places.every((side) => side[to] === side[to - 1] + 1)) to++;
    const isInside = [inA, inB].some((marks, side) => places[side][from] > 0 && places[side][to - 1] < marks.length - 1);
    if (to - from > 2 || !isInside) continue;
    for (let place = from; place < to; place++) inA[places[0][place]] = inB[places[1][place]] = 0;
  }
  return [inA, inB];
}

/** Words of a shown text with the place that each has in it. */
function wordsOf(root) {
  const words = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  let block = null;
  let line = 0;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!node.parentElement.checkVisibility()) continue;
    const around = node.parentElement.closest("p, li, pre, td, th, h3, h4, h5, h6");
    if (around !== block) [block, line] = [around, line + 1];
    let last = 0;
    for (const found of node.data.matchAll(WORD)) {
      line += node.data.slice(last, found.index).split("\n").length - 1;
      last = found.index;
      words.push({text: found[0], node, from: found.index, to: found.index + found[0].length, line});
    }
    line += node.data.slice(last).split("\n").length - 1;
  }
  return words;
}

/** Ranges of the words that are not common; neighbours within one text node are one range. */
function rangesOf(words, isCommon) {
  const ranges = [];
  let last = null;
  words.forEach((word, place) => {
    if (isCommon[place]) {
      last = null;
    } else if (last && last.startContainer === word.node) {
      last.setEnd(word.node, word.to);
    } else {
      last = new Range();
      last.setStart(word.node, word.from);
      last.setEnd(word.node, word.to);
      ranges.push(last);
    }
  });
  return ranges;
}

export const canMark = () => "highlights" in CSS && typeof Highlight === "function";

/** Mark what differs; gives how many passages are marked on each side. */
export function mark(left, right) {
  const sides = [wordsOf(left), wordsOf(right)];
  const inBoth = smoothed(commonWords(...sides));
  return sides.map((words, side) => {
    const ranges = rangesOf(words, inBoth[side]);
    CSS.highlights.set(side ? "only-right" : "only-left", new Highlight(...ranges));
    return ranges.length;
  });
}

export function unmark() {
  CSS.highlights.delete("only-left");
  CSS.highlights.delete("only-right");
}
