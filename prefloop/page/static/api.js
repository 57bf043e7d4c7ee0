// The server's JSON interface, as a page uses it.

/** What may be tried again: no network, a server that starts anew or has too much to do. */
export class Unreachable extends Error {}

const AGAIN = new Set([408, 429, 500, 502, 503, 504]);
const PATIENCE_MS = 20000;

/** One request. Gives {status, headers, body}; throws Unreachable where trying again may help. */
export async function call(method, path, body) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), PATIENCE_MS);
  try {
    const response = await fetch(path, {
      method,
      signal: stop.signal,
      cache: "no-store",
      credentials: "same-origin",
      headers: body === undefined ? {} : {"Content-Type": "application/json"},
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (AGAIN.has(response.status)) throw new Unreachable(`the server answered ${response.status}`);
    const text = await response.text();
    return {status: response.status, headers: response.headers, body: text ? JSON.parse(text) : null};
  } catch (error) {
    if (error instanceof Unreachable) throw error;
    throw new Unreachable("no connection to the server");
  } finally {
    clearTimeout(timer);
  }
}

/** Wait; less where the network comes back or the page is looked at again. */
export function pause(seconds) {
  return new Promise((done) => {
    const events = [[window, "online"], [document, "visibilitychange"]];
    const end = () => {
      clearTimeout(timer);
      events.forEach(([target, name]) => target.removeEventListener(name, seen));
      done();
    };
    const seen = () => { if (!document.hidden) end(); };
    const timer = setTimeout(end, seconds * 1000);
    events.forEach(([target, name]) => target.addEventListener(name, seen));
  });
}

/** Do something until the server can be reached; `failed(error, seconds)` is told before each pause. */
export async function insist(action, failed) {
  for (let wait = 1; ; wait = Math.min(wait * 2, 15)) {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      failed(error, wait);
      await pause(wait);
    }
  }
}

/** To the login page; what waits to be sent stays in the browser. */
export function toLogin() {
  location.assign("/login");
}
