"""The relations of triples: few, steady, and those of the memory's rules where these have one.

A relation is a verb in the third person with its preposition ("lives in"), or a noun ("age", "favourite food").
``not`` before it says that it is so no longer, or not at all. The object is copied from the text without the article
or possessive before it; the one word that may not stand in the text is "dead".
"""

RELATIONS: dict[str, str] = {
    # who somebody is
    "name": "what somebody is called: the user's own name",
    "is": "user's sister, user's dog (of a named person or pet); dead, pregnant, sober, dyslexic, only child",
    "age": "as it is said: 34, forty-four",
    "birthday": "day and month",
    "birth date": "year or date of birth",
    "nationality": "Portuguese",
    "is from": "city or country",
    "born in": "city or country",
    "grew up in": "city or country",
    "marital status": "married, single, divorced, engaged, widowed, separated",
    "partner": "their name",
    "expecting": "a baby",
    "broke up with": "their name",
    "misses": "a person",
    # home
    "lives in": "city, or place as it is said",
    "live in": "the same, of several people (user's parents)",
    "lives with": "people",
    # work and study
    "works as": "job",
    "works at": "employer",
    "works": "night shifts",
    "works from home on": "days",
    "employment": "retired, unemployed, self-employed",
    "boss": "name",
    "runs": "own business",
    "teaches": "what",
    "volunteers at": "where",
    "is on": "parental leave",
    "studies": "subject",
    "studies at": "school or university",
    "graduated from": "school or university",
    "learns": "what is being learnt",
    # body
    "diet": "vegetarian, vegan, keto, gluten-free",
    "allergic to": "what",
    "has": "illness, thing, pet without a name, children (with their number), appointment or event (with its day)",
    "had": "operation, fight",
    "takes": "medicine; the train to work",
    "wears": "glasses",
    "uses": "wheelchair",
    "needs": "what somebody cannot do without",
    "afraid of": "what",
    "weight": "with its unit",
    "height": "with its unit",
    "blood type": "as it is said",
    "bedtime": "time of day",
    "feels": "mood",
    # tastes and habits
    "likes": "food, music, things, activities",
    "dislikes": "the opposite, also where liking is over",
    "prefers": "what is preferred",
    "favourite food": "one value",
    "favourite colour": "one value",
    "favourite film": "one value",
    "favourite band": "one value",
    "favourite season": "one value",
    "eats": "food",
    "drinks": "drink",
    "hobby": "activity",
    "plays": "instrument or sport",
    "sings in": "choir",
    "collects": "what",
    "reads": "title, at present",
    "speaks": "language",
    "goes to": "gym, church",
    "cycles to": "work",
    "supports": "team",
    "drives": "car",
    "renovates": "what",
    # whom one goes to
    "doctor": "name",
    "dentist": "name",
    "bank": "name",
    "phone number": "as it is said",
    "email": "as it is said",
    # what happened
    "got": "bought, was given or adopted; promoted, raise",
    "lost": "thing, or job",
    "quit": "job, employer, smoking, university",
    "started": "school, therapy, a course",
    "finished": "book",
    "failed": "exam",
    "passed": "exam",
    "won": "prize",
    "ran": "race",
    "broke": "part of the body",
    "sprained": "part of the body",
    "donated": "blood",
    "ordered": "what",
    "booked": "what, and where",
    "visited": "city or country",
    # what is to come
    "plans to": "verb and the rest: go to Rome, meet Ana",
    "wants to": "verb and the rest: learn Italian",
    # what was
    "used to live in": "city",
    "used to live with": "people",
    "used to work as": "job",
    "used to work at": "employer",
    "used to like": "what",
    "used to play": "instrument or sport",
    "used to drive": "car",
}
"""Relation to what its object is."""


def known(relation: str) -> bool:
    """Whether a relation is in the table, with or without ``not`` before it."""
    return relation.removeprefix("not ") in RELATIONS
