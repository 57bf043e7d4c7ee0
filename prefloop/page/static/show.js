// Messages as elements. Only `html`, which the server has made safe, goes in as HTML; all else is text.

const NAMES = {system: "System", user: "User", assistant: "Assistant", tool: "Tool"};

export function element(name, properties = {}, children = []) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function called(call) {
  const {name, arguments: given} = call.function ?? call;
  const text = typeof given === "string" ? given : JSON.stringify(given, null, 2);
  return element("div", {className: "call"}, [
    element("p", {className: "call-name"}, ["Calls ", element("code", {dir: "ltr"}, [name])]),
    element("pre", {dir: "auto"}, [element("code", {}, [text])]),
  ]);
}

function body(message) {
  const parts = [];
  if (message.content) {
    const rendered = element("div", {className: "rendered"});
    if (message.role === "tool") rendered.append(element("pre", {dir: "auto"}, [message.content]));
    else rendered.innerHTML = message.html;
    parts.push(rendered, element("pre", {className: "raw-text", dir: "auto"}, [message.content]));
  }
  parts.push(...(message.tool_calls ?? []).map(called));
  if (!parts.length) parts.push(element("p", {className: "nothing"}, ["(empty)"]));
  return parts;
}

function spoken(message) {
  return element("li", {className: `message ${message.role}`}, [
    element("p", {className: "role"}, [NAMES[message.role] ?? message.role]),
    ...body(message),
  ]);
}

/** Fill a box with messages: a lone one of the expected role as a text, several as a conversation. */
export function show(box, messages, expected) {
  const alone = messages.length === 1 && messages[0].role === expected && !messages[0].tool_calls?.length;
  box.replaceChildren(...(alone ? body(messages[0]) : [
    // A list without signs is no list to some screen readers unless it says so.
    Object.assign(element("ol", {className: "conversation"}, messages.map(spoken)), {role: "list"}),
  ]));
}
