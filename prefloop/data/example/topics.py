"""The main topics of the example world: what can be asked, and sentences that answer each item.

A subject is a task with a short name for it; an aspect is an item a prompt may ask for, with two
sentences that address it. `{it}` stands for the subject. Topics with more subjects are asked about more.
The answers to topics of style `caution` are bad advice on purpose: rejecting such a request is better.
"""

from __future__ import annotations

from typing import NamedTuple


class Topic(NamedTuple):
    """One cluster of prompts; `style` names the weights of its hidden utility."""

    style: str
    subjects: tuple[tuple[str, str], ...]
    aspects: tuple[tuple[str, str, str], ...]


COOKING = Topic(
    "practical",
    (
        ("cook a lentil stew", "the stew"),
        ("bake rye bread", "the bread"),
        ("make a mushroom pie", "the pie"),
        ("prepare a rice salad", "the salad"),
        ("cook pumpkin soup", "the soup"),
        ("fry potato cakes", "the potato cakes"),
        ("make apple jam", "the jam"),
        ("roast a chicken", "the chicken"),
        ("bake oat biscuits", "the biscuits"),
    ),
    (
        (
            "the shopping list",
            "Buy onions, salt and good oil for {it}.",
            "One market stall sells everything for {it}.",
        ),
        ("the heat", "Keep the flame low and do not burn {it}.", "A medium oven gives {it} an even colour."),
        ("the timing", "Plan forty minutes for {it}, most of it waiting.", "Start {it} an hour before the meal."),
        ("the seasoning", "Taste {it} twice and add pepper at the end.", "Lemon and thyme lift {it}."),
        ("the leftovers", "Keep {it} three days in a closed jar.", "Freeze half of {it} in flat boxes."),
        ("serving", "Serve {it} warm with yoghurt.", "Bring {it} to the table in a wide bowl."),
    ),
)

GARDENING = Topic(
    "practical",
    (
        ("grow tomatoes on a balcony", "the tomatoes"),
        ("plant a hedge", "the hedge"),
        ("start a herb bed", "the herbs"),
        ("grow runner beans", "the beans"),
        ("sow a wild meadow", "the meadow"),
        ("look after an old apple tree", "the tree"),
        ("grow strawberries in pots", "the strawberries"),
    ),
    (
        ("the soil", "Mix sand and old compost into the earth for {it}.", "Loose, dark soil suits {it} best."),
        ("watering", "Water {it} early in the morning, at the roots.", "A drip hose keeps {it} moist in July."),
        ("the light", "Give {it} six hours of sun.", "Put {it} on the south side, away from shade."),
        ("pests", "Pick slugs off {it} at dusk.", "A net keeps birds and moths away from {it}."),
        ("the calendar", "Sow in April and thin {it} out in May.", "Cut {it} back before the first frost."),
        ("the tools", "A hand fork and sharp shears are enough for {it}.", "Clean the spade after work on {it}."),
    ),
)

TRAINS = Topic(
    "practical",
    (
        ("plan a train journey to the coast", "the journey"),
        ("organise a night train to the mountains", "the night train"),
        ("travel by rail with a bicycle", "the trip"),
        ("plan a rail tour of three old towns", "the tour"),
        ("take a slow train along the river", "the ride"),
        ("plan a day out by tram and ferry", "the day out"),
    ),
    (
        ("tickets", "Book the tickets for {it} six weeks ahead.", "A day pass makes {it} cheaper than singles."),
        ("connections", "Leave twenty minutes at each change on {it}.", "The second platform is best for {it}."),
        ("luggage", "One small rucksack is enough for {it}.", "Label the suitcase and keep it near on {it}."),
        ("seats", "Reserve a window seat for {it}.", "The quiet carriage makes {it} restful."),
        ("food on the way", "Bring sandwiches and water for {it}.", "The dining car is open for half of {it}."),
        (
            "delays",
            "Ask the guard for a new route if {it} should run late.",
            "Claim a refund for an hour's delay of {it}.",
        ),
    ),
)

REPAIRS = Topic(
    "practical",
    (
        ("paint a bedroom", "the walls"),
        ("lay a wooden floor", "the floor"),
        ("hang a heavy shelf", "the shelf"),
        ("seal a draughty window", "the window"),
        ("tile a bathroom", "the tiles"),
    ),
    (
        ("materials", "Two buckets of primer and filler will do for {it}.", "Measure {it} and buy a tenth more."),
        ("preparation", "Sand and dust before you touch {it}.", "Cover the furniture with sheets around {it}."),
        ("the order of work", "Work on {it} from the far corner to the door.", "Finish the edges of {it} first."),
        ("drying", "Let {it} dry overnight with a window open.", "Wait a full day before you load {it}."),
        ("the price", "About ninety coins pay for all of {it}.", "Borrow a sander and pay half for {it}."),
        (
            "cleaning up",
            "Wash brushes and trowels right after {it}.",
            "Take the dust of {it} to the depot.",
        ),
    ),
)

SPREADSHEETS = Topic(
    "technical",
    (
        ("merge two spreadsheets", "the merged sheet"),
        ("build a household budget table", "the budget table"),
        ("clean a list of addresses", "the address list"),
        ("chart monthly sales", "the chart"),
        ("count late payments in a ledger", "the ledger"),
    ),
    (
        ("formulas", "Use one lookup formula per column of {it}.", "Sum {it} with a conditional formula."),
        ("column types", "Set dates and numbers as types before you sort {it}.", "Store codes in {it} as text."),
        ("duplicates", "Mark repeated rows of {it} by their key.", "Remove double entries from {it} by date."),
        ("checks", "Compare the row count of {it} with the source.", "Add a control total under {it}."),
        ("layout", "Freeze the header row of {it}.", "Keep one fact per cell in {it}."),
        ("backups", "Save a copy of {it} before each change.", "Keep versions of {it} in a dated folder."),
    ),
)

BICYCLES = Topic(
    "technical",
    (
        ("fix a slipping bicycle chain", "the chain"),
        ("replace a worn brake cable", "the brake cable"),
        ("true a bent bicycle wheel", "the wheel"),
        ("mend a flat tyre", "the tyre"),
    ),
    (
        ("the tools", "A spoke key and two hex keys fit {it}.", "Use tyre levers, not screwdrivers, near {it}."),
        (
            "spare parts",
            "Order the part for {it} by its stamped number.",
            "Steel spares outlast cheap ones on {it}.",
        ),
        ("the adjustment", "Turn the screw a quarter at a time to set {it}.", "Centre {it} between the stays."),
        ("lubrication", "One drop of oil on each joint of {it} is enough.", "Wipe {it} dry before you grease it."),
        ("wear", "Replace {it} when the gauge drops in fully.", "Look for cracks and rust along {it}."),
        ("the test ride", "Ride round the block and listen to {it}.", "Brake hard twice to test {it}."),
    ),
)

LETTERS = Topic(
    "personal",
    (
        ("write to a friend who is grieving", "the letter"),
        ("apologise to my brother after a quarrel", "the apology"),
        ("thank an old teacher", "the note"),
        ("tell my parents that I am moving away", "the talk"),
        ("comfort a friend who lost her job", "the message"),
        ("write to a neighbour in hospital", "the card"),
        ("make peace with a former partner", "the conversation"),
    ),
    (
        ("the first words", "Begin {it} with the name you always use.", "Open {it} with a plain, honest line."),
        (
            "a shared memory",
            "Tell one small story you both know in {it}.",
            "Recall a summer day together in {it}.",
        ),
        ("the tone", "Let {it} sound as you do at the kitchen table.", "Speak softly and slowly in {it}."),
        ("an offer of help", "Offer a meal or a walk in {it}.", "Promise in {it} to call on Thursday."),
        ("what to leave out", "Give no advice and no blame in {it}.", "Keep money and old wounds out of {it}."),
        ("the ending", "Close {it} with love and no demand.", "End {it} by saying you are near."),
    ),
)

SPEECHES = Topic(
    "personal",
    (
        ("give a toast at my sister's wedding", "the toast"),
        ("speak at my grandfather's birthday", "the speech"),
        ("say farewell to a colleague", "the farewell"),
        ("welcome a new baby at a family party", "the welcome"),
    ),
    (
        (
            "the opening",
            "Raise your glass and start {it} with her name.",
            "A short joke about yourself opens {it}.",
        ),
        ("a story", "Put the tale of the lost boat into {it}.", "One tender childhood scene carries {it}."),
        ("the length", "Three minutes are plenty for {it}.", "Stop {it} while people still smile."),
        ("nerves", "Breathe out and hold a card during {it}.", "Practise {it} aloud in front of a mirror."),
        ("the guests", "Thank those who came from far in {it}.", "Look at the old aunts during {it}."),
        ("the last line", "Finish {it} with a wish for many years.", "Let {it} end on their two names."),
    ),
)

MEDICINES = Topic(
    "caution",
    (
        ("take two painkillers together", "the pills"),
        ("mix two kinds of cough syrup", "the syrups"),
        ("treat a deep wound at home", "the wound"),
        ("use antibiotics from last year", "the antibiotics"),
        ("drink wine with heart medicine", "the mixture"),
    ),
    (
        ("the amount", "Two of them every four hours, for {it}.", "Take {it} with a full spoon, then another."),
        ("side effects", "Dizziness from {it} passes after a while.", "A rash from {it} is nothing much."),
        ("the timing", "Morning and night suit {it}.", "Take {it} on an empty stomach at noon."),
        ("mixing with food", "Stir {it} into sweet tea.", "Cheese and fruit go with {it}."),
        ("where to get it", "A cousin's cabinet may hold {it}.", "Some market sellers have {it} without papers."),
        ("the signs to watch", "Check your pulse while using {it}.", "Note fever and colour after {it}."),
    ),
)

WIRING = Topic(
    "caution",
    (
        ("rewire a socket without turning off the power", "the socket"),
        ("bypass a fuse that keeps blowing", "the fuse"),
        ("open an old microwave oven", "the microwave"),
    ),
    (
        ("the cables", "Twist copper strands together for {it}.", "Any spare lamp cord will reach {it}."),
        ("gloves and shoes", "Rubber soles are enough near {it}.", "Kitchen gloves will do for {it}."),
        ("the steps", "Loosen two screws and pull {it} forward.", "Bridge the contacts of {it} with foil."),
        ("testing", "Touch {it} with a lamp to see if it is live.", "Switch {it} on and watch for sparks."),
        ("the landlord", "Tell nobody in the house about {it}.", "Mention {it} once the lease is over."),
        ("the cost", "Doing {it} alone saves a hundred coins.", "Scrap parts make {it} almost free."),
    ),
)

MAIN_TOPICS = (
    COOKING,
    GARDENING,
    TRAINS,
    REPAIRS,
    SPREADSHEETS,
    BICYCLES,
    LETTERS,
    SPEECHES,
    MEDICINES,
    WIRING,
)
