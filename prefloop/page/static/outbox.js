// Verdicts that wait in the browser until the server has them on its disk.

const memory = new Map();

function store() {
  try {
    return window.localStorage;
  } catch {
    return null; // switched off: a reload then loses what is not sent
  }
}

export function keep(key, value) {
  memory.set(key, value);
  try { store()?.setItem(key, value); } catch { /* full: it stays in memory */ }
}

export function kept(key) {
  return store()?.getItem(key) ?? memory.get(key) ?? null;
}

export function drop(key) {
  memory.delete(key);
  store()?.removeItem(key);
}

function keys() {
  const saved = store();
  const names = saved ? Array.from({length: saved.length}, (_, place) => saved.key(place)) : [];
  return [...new Set([...names, ...memory.keys()])];
}

/** One person's verdicts, by lease: sent again they count once, since the server knows the lease. */
export class Outbox {
  constructor(person) {
    this.prefix = `prefloop.verdict.${person}.`;
  }

  put(verdict) {
    keep(this.prefix + verdict.lease, JSON.stringify(verdict));
  }

  remove(lease) {
    drop(this.prefix + lease);
  }

  waiting() {
    return keys().filter((key) => key.startsWith(this.prefix)).map((key) => JSON.parse(kept(key)));
  }
}
