"""Which captions speak of people: the paper's word list, in one place (Imagen, app. C)."""

import re

# As the paper gives it, no plurals added: "children" alone does not make a caption one with people.
WORDS = (
    "man",
    "men",
    "woman",
    "women",
    "person",
    "people",
    "child",
    "adult",
    "adults",
    "boy",
    "boys",
    "girl",
    "girls",
    "guy",
    "lady",
    "ladies",
    "someone",
    "toddler",
    "workers",
    "spectators",
)
# The paper's "(sport) player": a player of one of these, and not one of records.
SPORTS = (
    "badminton",
    "ball",
    "baseball",
    "basketball",
    "cricket",
    "football",
    "frisbee",
    "golf",
    "hockey",
    "lacrosse",
    "polo",
    "rugby",
    "soccer",
    "softball",
    "sport",
    "sports",
    "tennis",
    "volleyball",
)
_PATTERN = re.compile(rf"\b(?:{'|'.join(WORDS)}|(?:{'|'.join(SPORTS)}) player)\b", re.IGNORECASE)

NO_PEOPLE = "no people"  # the scope of the captions without them


def has_people(caption: str) -> bool:
    """Whether a caption holds one of the words, as a whole word in any case."""
    return _PATTERN.search(" ".join(caption.split())) is not None
