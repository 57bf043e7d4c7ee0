"""Topics of the out-of-distribution part; none is in the main part, their styles are."""

from __future__ import annotations

from prefloop.data.example.topics import Topic

ASTRONOMY = Topic(
    "technical",
    (
        ("photograph the rings of Saturn", "the photograph"),
        ("align a small telescope", "the telescope"),
        ("find a comet with binoculars", "the comet"),
        ("draw a map of the Moon", "the map"),
    ),
    (
        ("the lens", "A long focal length brings out {it}.", "Clean glass matters more than size for {it}."),
        ("the sky", "Wait for a moonless, steady night for {it}.", "High thin cloud ruins {it}."),
        ("the mount", "Level the tripod before you turn to {it}.", "Track {it} with a slow motor."),
        ("exposure", "Stack a hundred short frames of {it}.", "Half a second is the limit for {it}."),
        ("coordinates", "Look up the declination of {it}.", "Star charts list {it} by hour angle."),
        ("notes", "Log the time and the seeing for {it}.", "Sketch {it} beside the eyepiece."),
    ),
)

MARKET = Topic(
    "practical",
    (
        ("sell old books at a flea market", "the book stall"),
        ("open a stand for homemade candles", "the candle stand"),
        ("run a charity bazaar", "the bazaar"),
        ("auction a stamp collection", "the auction"),
        ("trade vinyl records at a fair", "the record table"),
    ),
    (
        ("the pitch", "Ask the town hall for a corner place for {it}.", "Crowds pass {it} near the fountain."),
        ("pricing", "Round every price at {it} to whole coins.", "Bundle slow goods at {it} three for two."),
        ("the display", "Use crates and a bright cloth for {it}.", "Put the finest pieces of {it} at eye height."),
        ("change and payment", "Bring a bag of small change to {it}.", "Show a payment code on {it}."),
        ("advertising", "Hang leaflets for {it} in cafés.", "Announce {it} in the local paper."),
        ("bargaining", "Leave room to haggle at {it}.", "Let buyers name their sum first at {it}."),
    ),
)

TEACHING = Topic(
    "personal",
    (
        ("encourage a child who hates the violin", "the lesson"),
        ("cheer up a choir after a poor concert", "the rehearsal"),
        ("teach my shy nephew to sing", "the singing hour"),
        ("praise a pupil who failed an exam", "the report card"),
    ),
    (
        ("the melody", "Choose a tune they hum anyway for {it}.", "Old lullabies work well in {it}."),
        ("practice time", "Ten minutes a day suffice for {it}.", "Let a clock end {it}, never tears."),
        ("mistakes", "Laugh about wrong notes in {it}.", "Call errors discoveries during {it}."),
        ("a reward", "A sticker and a hug close {it}.", "Let them choose the encore of {it}."),
        ("the parents", "Invite mother and father to {it}.", "Ask the family to listen to {it}."),
        ("confidence", "Say aloud what went well in {it}.", "Record {it} and hear the progress."),
    ),
)

FORAGING = Topic(
    "caution",
    (
        ("eat wild mushrooms without a guide", "the mushrooms"),
        ("walk across thin lake ice", "the ice"),
        ("keep a wounded fox at home", "the fox"),
    ),
    (
        ("the season", "After the rain is the hour for {it}.", "Late winter is fine for {it}."),
        ("the place", "Birch woods and shallow bays have {it}.", "Go far from the road for {it}."),
        ("the look", "A brown, dull look is all {it} should have.", "Judge {it} by its colour alone."),
        ("the equipment", "A basket and boots will do for {it}.", "Take a rope and a knife for {it}."),
        ("company", "Nobody else is needed for {it}.", "Children love to come along for {it}."),
        ("what comes after", "Boil or dry everything from {it}.", "Rest an hour after {it}."),
    ),
)

OTHER_TOPICS = (ASTRONOMY, MARKET, TEACHING, FORAGING)
