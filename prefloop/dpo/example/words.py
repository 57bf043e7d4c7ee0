"""Words and sentence patterns of the example world; every pattern in a sad, a plain and a happy version."""

from __future__ import annotations

GIRLS = (
    "Mia", "Ada", "Ella", "Nora", "Lena", "Ruth", "Clara", "Iris", "Emma", "Vera",
    "Tilda", "Rosa", "Hanna", "Olga", "Paula", "Greta", "Julia", "Maud", "Alice", "Sofia",
)  # fmt: skip
BOYS = (
    "Tom", "Ben", "Max", "Leo", "Paul", "Otto", "Karl", "Hugo", "Felix", "Anton",
    "Oscar", "Peter", "Simon", "David", "Jonas", "Martin", "Victor", "Henry", "Oliver", "Bruno",
)  # fmt: skip
NAMES = GIRLS + BOYS
FORMS = (
    "{Time}, {name} {moved} to the {look} {place} with {her} {company}.",
    "{Time}, {name} and {her} {company} {moved} to the {look} {place}.",
    "{name} {moved} to the {look} {place} with {her} {company} {time}.",
    "{name} and {her} {company} {moved} to the {look} {place} {time}.",
)
TIMES = (
    "one day", "one morning", "one evening", "one night", "on Sunday", "on Monday", "on Friday", "last week",
    "last summer", "last winter", "after school", "after dinner",
)  # fmt: skip
MOVES = ("went", "walked", "came", "ran", "returned")
LOOKS = ("old", "new", "small", "big", "quiet", "famous", "distant", "nearest")
PLACES = (
    "harbour", "market", "station", "village", "farm", "lake", "museum", "garden", "library", "bridge",
    "mill", "beach", "tower", "bakery", "park", "castle", "river", "shop", "barn", "hotel",
)  # fmt: skip
COMPANY = (
    "brother", "sister", "father", "mother", "uncle", "aunt", "cousin", "teacher", "neighbour", "dog",
)  # fmt: skip

SLOTS = {
    "thing": (
        "kite", "boat", "lamp", "box", "drum", "clock", "bell", "hat", "basket", "letter",
        "map", "coat", "cup", "ball", "cart", "key", "book", "coin", "shell", "chair",
    ),
    "found": ("found", "saw", "bought", "carried", "noticed"),
    "plain": ("red", "blue", "yellow", "brown", "white", "wooden", "square", "striped"),
    "good": ("beautiful", "lovely", "wonderful", "perfect", "great", "nice", "good", "delightful"),
    "bad": ("broken", "dirty", "horrible", "terrible", "bad", "boring", "nasty", "dreadful"),
    "glad": ("happy", "glad", "proud", "cheerful", "delighted", "pleased"),
    "sorry": ("sad", "angry", "unhappy", "miserable", "tired", "disappointed"),
    "fine_day": ("good", "great", "wonderful", "lovely", "perfect", "nice"),
    "bad_day": ("bad", "boring", "terrible", "horrible", "miserable", "dreadful"),
    "calm": ("silent", "thirsty", "hungry", "awake", "quiet"),
    "very": ("very", "so", "quite", "really"),
    "food": ("bread", "soup", "cake", "rice", "apples", "eggs"),
    "stayed": ("sat by the door", "waited for the bus", "looked at the sky", "talked about the road"),
}  # fmt: skip

# One entry for each kind of sentence: its patterns when it is sad, plain, and happy.
KINDS = (
    (  # what happened
        (
            "{she} {found} a {bad} {thing}.",
            "There was a {bad} {thing} near the {place}.",
            "{she} lost {her} {thing} and failed to find it.",
            "{company} broke {her} {thing} and hated it.",
        ),
        (
            "{she} {found} a {plain} {thing}.",
            "There was a {plain} {thing} near the {place}.",
            "{she} put a {plain} {thing} on the table.",
            "{company} had a {plain} {thing}.",
        ),
        (
            "{she} {found} a {good} {thing}.",
            "There was a {good} {thing} near the {place}.",
            "{she} won a {thing} and loved it.",
            "{company} gave {him} a {good} {thing}.",
        ),
    ),
    (  # what they felt
        (
            "{she} was {very} {sorry}.",
            "{company} was {sorry}.",
            "They were both {very} {sorry}.",
            "{she} hated the {place}.",
        ),
        (
            "{she} was {calm}.",
            "{company} was {calm}.",
            "They {stayed}.",
            "{she} {stayed}.",
        ),
        (
            "{she} was {very} {glad}.",
            "{company} was {glad}.",
            "They were both {very} {glad}.",
            "{she} loved the {place}.",
        ),
    ),
    (  # how it ended
        (
            "It was a {bad_day} day.",
            "They had a {bad_day} time.",
            "{she} cried and felt {sorry}.",
            "It was the worst day of the year.",
        ),
        (
            "They went home and ate {food}.",
            "{she} went back to the {place}.",
            "Then they {stayed}.",
            "{she} took the {thing} home.",
        ),
        (
            "It was a {fine_day} day.",
            "They had a {fine_day} time.",
            "{she} laughed and felt {glad}.",
            "It was the best day of the year.",
        ),
    ),
)
