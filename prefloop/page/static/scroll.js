// Two boxes that scroll alike: each as far down as the other, in parts of its own length.

export class Together {
  constructor(left, right) {
    this.on = true;
    this.leader = null;
    for (const [one, other] of [[left, right], [right, left]]) {
      one.addEventListener("scroll", () => this.follow(one, other), {passive: true});
    }
  }

  follow(one, other) {
    if (!this.on || this.leader === other) return;
    const length = one.scrollHeight - one.clientHeight;
    if (length <= 0) return;
    this.leader = one;
    other.scrollTop = (one.scrollTop / length) * (other.scrollHeight - other.clientHeight);
    // The other box tells of this scrolling in the next frame.
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => requestAnimationFrame(() => { this.leader = null; }));
  }
}

/** Scroll a box by a key of the keyboard; whether the key was one of those. */
export function scrollByKey(box, key) {
  const page = box.clientHeight * 0.9;
  const steps = {ArrowDown: 60, ArrowUp: -60, PageDown: page, PageUp: -page, " ": page, Home: -1e9, End: 1e9};
  if (!(key in steps)) return false;
  box.scrollTop += steps[key];
  return true;
}

/** Let the Tab key come to what is wider than its box; some browsers see to that by themselves. */
export function reachable(root) {
  const wide = [...root.querySelectorAll("pre, .table, .maths")].filter((box) => box.scrollWidth > box.clientWidth);
  wide.forEach((box) => { box.tabIndex = 0; });
}
