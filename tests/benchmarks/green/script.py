"""A dialogue of 50 turns: facts, small talk, and questions on the facts, with answers of the usual length."""

from __future__ import annotations

FACTS = (
    ("My sister Maria lives in Porto.", "Where does my sister Maria live?", "Porto"),
    ("I am allergic to peanuts.", "What am I allergic to?", "peanuts"),
    ("My dog is called Biscuit.", "What is my dog called?", "Biscuit"),
    ("I work as a nurse.", "What do I work as?", "nurse"),
    ("My brother Tom plays the cello.", "Which instrument does my brother Tom play?", "cello"),
    ("I was born in Tartu.", "Where was I born?", "Tartu"),
    ("My favourite colour is teal.", "What is my favourite colour?", "teal"),
    ("I drive a Skoda.", "Which car do I drive?", "Skoda"),
    ("My wife Elena is a geologist.", "What is my wife Elena's job?", "geologist"),
    ("I am learning Finnish.", "Which language am I learning?", "Finnish"),
    ("My best friend is called Omar.", "What is my best friend called?", "Omar"),
    ("I live in Leipzig.", "Where do I live?", "Leipzig"),
    ("My son Paul is seven years old.", "How old is my son Paul?", "seven"),
    ("I love mushroom risotto.", "Which dish do I love?", "risotto"),
    ("My grandmother grew roses.", "What did my grandmother grow?", "roses"),
    ("I hate horror films.", "Which films do I hate?", "horror"),
    ("My boss is called Ingrid.", "What is my boss called?", "Ingrid"),
    ("I play badminton on Thursdays.", "On which day do I play badminton?", "Thursday"),
    ("My cat Luna is fifteen.", "How old is my cat Luna?", "fifteen"),
    ("I studied chemistry in Graz.", "What did I study?", "chemistry"),
)
TALK = (
    ("How do tides come about?", "Tides come about because the moon and the sun pull on the water of the oceans, and the earth turns below the bulges that this makes, so that most coasts have two high waters a day."),
    ("What is a good way to sleep better?", "Go to bed and get up at the same hours every day, keep the room dark and cool, leave screens and coffee alone in the evening, and move enough while it is light outside."),
    ("Explain what a thesaurus is.", "A thesaurus is a book that groups words by what they mean, so that a writer who has one word in mind finds others near it, and also its opposites, without knowing them beforehand."),
    ("Why is the sky blue?", "Air scatters short waves of light more than long ones, so that blue light reaches the eye from all directions of the sky while red light goes straight on and is seen at sunset."),
    ("How long does bread keep?", "A loaf keeps three to five days in a box or a paper bag at room temperature, longer if it has much rye in it, and for months in a freezer if it is wrapped well."),
    ("What is a haiku?", "A haiku is a short Japanese poem of three lines with five, seven and five syllables that usually names a season and sets two pictures beside each other without saying how they belong together."),
    ("What does a barometer show?", "A barometer shows the pressure of the air; when it falls quickly, wind and rain are likely to come, and when it rises slowly the weather tends to become fair and to remain so."),
    ("How are candles made?", "A wick is dipped into molten wax again and again until it is thick enough, or the wax is poured into a mould around the wick, and both ways take some hours until all is cold."),
    ("What is a leap year for?", "The earth takes about a quarter of a day more than 365 days for its way around the sun, so a day is added every fourth year to keep the calendar and the seasons together."),
    ("What is compost?", "Compost is what is left of leaves, peels and cut grass when small animals, fungi and bacteria have taken them apart for some months; it feeds the soil and holds water in it."),
)  # fmt: skip
NOTED = (
    "Thank you for telling me. I will keep it in mind, and you can ask me about it whenever you like, today or later."
)


def turns() -> list[tuple[str, str, str | None]]:
    """(what the user says, what is answered, what a right answer must hold or None), 50 of them."""
    said: list[tuple[str, str, str | None]] = []
    for place, (fact, _, _) in enumerate(FACTS):
        said.append((fact, NOTED, None))
        if place % 2:
            said.append((*TALK[place // 2], None))
    said += [(question, f"{gold}, as you told me.", gold) for _, question, gold in FACTS]
    return said
