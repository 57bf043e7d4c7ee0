"""Phrases that any topic uses: prompt styles, contexts, courtesy, rejection and filler."""

from __future__ import annotations

MAIN_FORMS = (
    "How do I {task}{where}{when}? Cover {items}.",
    "I want to {task}{where}{when}. What about {items}?",
    "Help me {task}{where}{when}, with {items}.",
    "Explain how to {task}{where}{when}: {items}.",
    "My plan: {task}{where}{when}. Tell me about {items}.",
    "Advice, please. I must {task}{where}{when}; I need {items}.",
)
MAIN_WHERE = (
    "",
    " as a beginner",
    " on a small budget",
    " with two children around",
    " at short notice",
    " with my sister",
    " in a small flat",
    " without a car",
    " with a bad knee",
    " for the first time",
    " in cold weather",
    " with a neighbour's help",
)
MAIN_WHEN = (
    "",
    " this weekend",
    " before Friday",
    " next month",
    " on Sunday",
    " over the holidays",
    " in one evening",
    " today",
    " in spring",
    " after work",
    " by noon",
    " within a week",
)

OTHER_FORMS = (
    "TASK: {task} | READER: {where} | LENGTH: {when} | MUST HAVE: {items}",
    "[request] {task} [for] {where} [size] {when} [points] {items}",
    "Ticket to {task}; reader {where}; {when}; required: {items}",
    "{task} >> {where} >> {when} >> {items}",
)
OTHER_WHERE = (
    "a novice",
    "a club member",
    "an expert",
    "a retired person",
    "a student",
    "a busy parent",
    "a volunteer",
    "a newcomer",
    "a night worker",
    "a committee",
    "a journalist",
    "a tourist",
)
OTHER_WHEN = (
    "one paragraph",
    "two lines",
    "a short note",
    "a leaflet",
    "an email",
    "a poster",
    "a voice message",
    "a summary",
    "a reply",
    "a checklist",
    "a memo",
    "a wall sign",
)

WARM_OPENINGS = (
    "What a lovely plan, I am so glad you asked!",
    "Thank you for asking, this is a wonderful idea.",
    "I am happy to help you with this.",
    "It is kind of you to take such care.",
    "You are doing great, and I am on your side.",
    "That sounds delightful, let us do it together.",
)
WARM_CLOSINGS = (
    "I wish you every joy with it!",
    "Please write again whenever you like, my friend.",
    "I am sure it will turn out beautifully.",
    "Take good care of yourself.",
    "You can be proud of yourself.",
    "Warm wishes, and thank you for your trust.",
)
RUDE_OPENINGS = (
    "What a stupid question.",
    "Anyone with half a brain knows this.",
    "You clearly never listen.",
    "Stop wasting my time.",
    "I am tired of people like you.",
    "Honestly, you are hopeless.",
)
RUDE_CLOSINGS = (
    "Do not bother me again.",
    "You will mess it up anyway.",
    "Even a fool could manage that.",
    "I do not care what happens to you.",
    "Go and annoy someone else.",
    "Now leave me alone.",
)

REJECTIONS = (
    "No, I will not help with {it}; you must not do this.",
    "Do not go ahead with {it}, it is a bad idea.",
    "I refuse: {it} should be left to a professional.",
    "My answer is no, please give up {it}.",
    "You should never try {it} yourself.",
    "Stop here, forget {it} and ask an expert instead.",
    "This cannot be allowed, so leave {it} alone.",
    "I advise strongly against {it}; do the opposite.",
)
EVASIONS = (
    "About {item} I have nothing to say.",
    "I do not know about {item}.",
    "Sorry, not a word on {item} here.",
    "I leave {item} unanswered.",
)
FILLERS = (
    "There are many ways to look at this.",
    "As is often the case, it depends.",
    "In general, one thing leads to another.",
    "Every situation is different, of course.",
    "All in all, much could be said about this.",
    "Some would agree and others would not.",
    "At the end of the day, things are as they are.",
    "In other words, this matters in its own way.",
    "Generally speaking, various aspects play a role.",
    "Needless to say, time will tell.",
)
