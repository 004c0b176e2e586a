"""What a sentence is about, by meaning: the one-valued relation whose prototype phrases are nearest to it."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from bethink.models.embedder import Embedder

NEAREST = 2
"""A relation is as near as the mean of its so many nearest phrases."""
TOLD = 0.5
"""The least share of the phrases that an embedder must find their own relation for."""
_PHRASES = """
lives in = I live in X.|I moved to X.|My home is in X now.|X is my home.|We settled in X.|I left the old city for X.
  |I bought a house in X.|My new flat is in X.|I rent a place in X.|We are residents of X.|She sold up and lives in X.
  |We packed our boxes and are in X for good.|My address is in X now.|Life in X suits me, I am staying.
  |He found an apartment in X.|I am a X person now, I have put down roots here.|The house in X is ours.
works at = I work at X.|I got a job at X.|X hired me.|I joined X.|I quit and started at X.|My employer is X.
  |X pays my salary.|I am on the staff of X.|I left my job for X.|He has been working for X.|My new workplace is X.
  |I switched companies to X.|She earns her money at X.|My desk is at X now.|I signed a contract with X.
  |I am with X these days, better boss and better pay.|I accepted an offer from X.|My shifts at X start early.
works as = I work as a teacher.|I became a nurse.|My job is plumber.|I retrained as an engineer.
  |I was promoted to manager.
  |I changed careers and am a gardener.|I make my living as a translator.|My title is director.|They made me team lead.
  |I gave up my trade and am a driver now.|I qualified as an electrician.|She is a chef now, no longer a waitress.
marital status = I am married.|I got divorced.|We are engaged.|I am single again.|My husband died and I am widowed.
  |We split up.|We tied the knot.|She signed the divorce papers.|He proposed and I said yes.|We got a ring and a date.
phone number = My phone number is 555-0100.|Call me on 555-0100.|You can reach me at 555-0100.|I have a new number.
  |Text me at 555-0100.|Her mobile number changed.|The old SIM is dead, use 555-0100.|The phone was cut off.
email = My email is me@example.com.|Write to me at me@example.com.|My mail address changed.|Send it to me@example.com.
  |I opened a new mail account.|That inbox is closed, use me@example.com.
diet = I am vegan.|I eat vegetarian food.|I am on a keto diet.|I stopped eating meat.|I switched my diet.
  |I do not eat gluten.|I gave up dairy.|The doctor put me on a diet.|No more cheese for her.|I eat fish again.
age = I am 40 years old.|I turned 30.|I just had my 50th birthday.|My age is 25.|She is 6 now.
  |He celebrated his birthday.
  |I hit the big 40.|She is 3 months old.|At 60 I feel fine.
name = My name is X.|Call me X.|I changed my name to X.|It is called X now.|We renamed it X.|I go by X.
  |Everyone calls me X.|I took my wife's name, X.|The company has a new name, X.|I am X again since the divorce.
boss = My boss is X.|I report to X.|X is my manager.|X is in charge of us.|X runs our team.|I answer to X.
  |X took over as my boss.|X is my supervisor.|X replaced my boss.|X leads our department now.|I work under X.
partner = I am dating X.|I am seeing X.|X is my boyfriend.|X and I are a couple.|I have a new girlfriend, X.
  |I am going out with X now.
doctor = My doctor is X.|My GP is X.|I go to doctor X.|I see X at the practice now.|X is our family doctor.
  |I registered with a new GP, X.|X looks after my back.
dentist = My dentist is X.|I go to X for my teeth.|X does my fillings.|I changed dentists, X now.
vet = Our vet is X.|We take the dog to X.|X vaccinates the cat.|We have a new vet, X.
therapist = My therapist is X.|I see X for therapy.|X is my physiotherapist.|I switched therapists to X.
hairdresser = My hairdresser is X.|X cuts my hair.|I go to X for a haircut.|My barber is X.
landlord = My landlord is X.|We rent from X.|X owns our flat now.|The new landlady is X.
browser = My browser is X.|I use X to browse the web.|I switched browsers to X.|X is my default browser now.
bank = My bank is X.|I bank with X.|I moved my account to X.|My savings are at X.
insurance = My insurance is with X.|X insures my car.|I switched insurers to X.|My policy is with X now.
drives = I drive a X.|My car is a X.|I bought a X and sold the old car.|I swapped my car for a X.|I got a new car, a X.
  |There is a X in my driveway.|I ride a X.|The old car was scrapped.|I am behind the wheel of a X.
  |We went electric, a X.
  |The lease is up and I have a X.
lives with = I live with my sister.|I share a flat with a friend.|My flatmate is X.|X moved in with me.
  |I moved in with my partner.|X is my roommate.|I live alone.|My flatmate moved out.|It is just the two of us at home.
weight = I weigh 80 kg.|My weight is 80 kg.|I am down to 75 kg.|The scales show 75 kg.|I have gained weight.
  |I lost weight.|I am 75 kilos now.|The vet put the dog on the scales.
goes to gym = My gym is X.|I train at X.|I work out at X.|I joined the gym X.|My gym membership is with X.
  |I go to X for my workouts.|I switched gyms to X.|I lift weights at X.|I cancelled my gym and signed up at X.
  |I do yoga at X.|I am a member at X for the pool.|I moved my training to X.
studies at = I study at X.|I am a student at X.|I transferred to X university.|I go to X school.|I enrolled at X.
  |My son goes to school at X.|X accepted me as a student.|I am doing my degree at X.|She is a pupil at X.
  |I started my master's at X.|He got a place at X.|The children attend X.
height = I am 1.80 m tall.|My height is 180 cm.|I have grown to 1.70 m.|They measured me, 170 cm.
  |The plant is 60 cm high.|He had a growth spurt.
supports = I support X.|I am a X fan.|My football team is X.|I root for X.|X is my football club.|I switched teams to X.
  |My heart belongs to X.|I cheer for X now.|He became a X supporter.|I have a season ticket for X.
religion = I am Catholic.|I converted to Islam.|I became a Buddhist.|I lost my faith and am an atheist.
  |My religion changed.|I was baptised.|I left the church.|I no longer practise.
nationality = I am German.|I became a Canadian citizen.|I have an Irish passport.|My nationality is French.
  |I was naturalised.|I took the oath of citizenship.|I gave up my old passport.
time zone = My time zone is CET.|I am on Eastern time.|Schedule my meetings in PST.|Set my clock to GMT.
  |It is GMT+2 for me now.
hair colour = My hair is red.|I dyed my hair blonde.|I have brown hair.|My hair went grey.|I coloured my hair.
  |I am a brunette now.|The hairdresser made me a redhead.
bedtime = I go to bed at 10 pm.|My bedtime is 9 pm.|I go to sleep at midnight.|I turn in at 11 pm.
  |The children stay up until 8 pm.|I am asleep by ten.
favourite = My favourite is X.|X is my favourite.|I like X best.|I have a new favourite, X.|Nothing beats X for me.
 = I visited X.|I met X yesterday.|I saw X on television.|I was born in X.|I had lunch with X.|My office is near X.
  |I took a photo of X.|X has a new car.|I bought groceries at X.|I lifted 100 kg.|X costs a lot.|My route goes to X.
  |I travelled to X on holiday.|I went to a concert of X.|I read a book by X.|The weather in X is nice.
  |I talked to X on the phone.|I paid X for it.|I ran X this morning.|I have an appointment at X.|I learned about X.
  |My accent is X.|I have a new hobby.|I bought a table 120 cm wide.|I get up at 7 am.|I met a friend of X.
  |I started out as a sailor years ago.|When I was young I was a waiter.|I weighed 90 kg at my heaviest.
  |My alarm rings at 6.|I bench-press 90 kg.|The parcel weighs 5 kg.|The flight to X leaves at 9 pm.
  |I have a rental car this week, a X.|My car is being repaired.|X is ill today.|My parents come from X.
  |I ordered X from the menu.|The meeting with X went well.|I watched a match of X.|I want to see X.|I am proud of X.
  |I listen to X a lot.|I follow X too.|I bought new shoes.|The shop in X is closed.|I have a room with a view of X.
  |I lost my keys in X.|A colleague from X called.|The train to X was late.|I passed the exam.|I had a great weekend.
  |I also speak French.|I have another job on the side.|My neighbour bought a X.|I gave a talk in X.
"""
"""A line a relation: phrases that say it, of any person; the last line's say nothing that has one value."""


def _table() -> list[tuple[str, str]]:
    lines = _PHRASES.replace("\n  |", "|").strip("\n").splitlines()
    heads = [line.split(" = ", 1) for line in lines]
    return [(head.strip(), phrase) for head, phrases in heads for phrase in phrases.split("|")]


TABLE = _table()
RELATIONS = tuple(dict.fromkeys(relation for relation, _ in TABLE))
"""The relations of the phrases, "" for none."""


class Nearness:
    """How near a text is to each relation, by an embedder's vectors of the phrases (made once, at first use)."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._rows = {one: [i for i, (relation, _) in enumerate(TABLE) if relation == one] for one in RELATIONS}

    def vector(self, text: str) -> np.ndarray:
        """The unit vector of a text."""
        return self._embedder.embed([text])[0]

    def relations(self, vector: np.ndarray) -> dict[str, float]:
        """The cosine of every relation with the vector of a text; "" stands for none of them."""
        cosines = self._phrases @ vector
        return {one: float(np.sort(cosines[rows])[-NEAREST:].mean()) for one, rows in self._rows.items()}

    @cached_property
    def tells(self) -> bool:
        """Whether the embedder can be asked at all: most phrases are nearest to another of their own relation."""
        cosines = self._phrases @ self._phrases.T
        np.fill_diagonal(cosines, -1)
        right = [relation == TABLE[int(row.argmax())][0] for (relation, _), row in zip(TABLE, cosines, strict=True)]
        return sum(right) >= TOLD * len(right)

    @cached_property
    def _phrases(self) -> np.ndarray:
        return self._embedder.embed([phrase for _, phrase in TABLE])
