"""What the value of a one-valued relation looks like: numbers with units, names, and closed classes of words."""

from __future__ import annotations

import re

from bethink.memory.words import listed

UPPER = "A-ZÀ-ÖØ-ÞĀĂĄĆČĎĐĒĘĚĞĢĪĮİĶŁĻĽŃŅŇŌŐŒŘŚŞŠȘŤȚŪŮŰŹŻŽ"
"""Capital letters, for a character class."""
_CAPITAL = rf"(?!I\b)(?:[{UPPER}][\w'&.-]*[\w']|[{UPPER}])"
NAMES = rf"(?-i:{_CAPITAL}(?: (?:(?:&|of|of the|de|da|do|du|la|le|van|von|der|del|di|upon|y) )*(?:{_CAPITAL}|\d+))*)"
"""A run of capitalised words: a place, a person, a firm."""
EMAIL = r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
PHONE = r"(?<![\w@.+-])\+?\(?\d{2,5}\)?(?:[ -/.]?\(?\d{2,5}\)?){1,5}(?![\w@]|[.,]\d)"
_NO_COMPANY = (
    "gardens?|views?|balcon(?:y|ies)|terrace|garage|pool|lift|fireplace|conditions?|disability|illness|fear|cats?|dogs?"
    "|plants?|pupp(?:y|ies)|kittens?|rabbits?|hamsters?|parrots?|birds?|fish|budgies?|tortoises?|pets?"
)
_UNITS = "years?|yrs?|months?|weeks?|days?"
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_WORD_NUMBER = (
    rf"(?:{_TENS})(?:[ -](?:one|two|three|four|five|six|seven|eight|nine))?|thirteen|fourteen|fifteen|sixteen|seventeen"
    r"|eighteen|nineteen|ten|eleven|twelve|five|six|seven|eight|nine|one|two|three|four"
)
NUMBER = rf"(?:\d{{1,3}}|{_WORD_NUMBER})"
AGE = (
    rf"(?:\d{{1,3}}|(?:{_WORD_NUMBER}))(?:(?: (?:and a half )?|-)(?:{_UNITS})(?:[ -]old)?)?"
    r"(?=$|[,;!?)]|\.(?:\s|$)| (?:and|but|now|so|or|as|too|this|in|on|today|already|since|tomorrow|last|next|yesterday"
    r"|with|when|because|if|at|soon|these|still|again|though|going|not|years? young)\b)"
)
"""A number that nothing else is counted with; months and weeks are for the small."""
HEIGHT = (
    r"(?:[12][.,]\d{1,2} ?(?:m\b|met(?:re|er)s?\b)|1 ?m ?\d\d\b|\d{2,3} ?(?:cm\b|centimet(?:re|er)s?\b)"
    r"|[3-8] ?(?:'|ft\b|foot\b|feet\b) ?(?:\d{1,2} ?(?:\"|''|in\b|inch(?:es)?\b)?|(?:one|two|three|four|five|six|seven"
    r"|eight|nine|ten|eleven)\b)?)"
)
WEIGHT = (
    r"(?:\d{1,3}(?:[.,]\d)? ?(?:kgs?\b|kilos?\b|kilogram(?:me)?s?\b|pounds?\b|lbs?\b|st\b|stone\b)"
    r"(?: (?:\d{1,2}|and a half)(?: ?(?:lbs?|pounds?))?)?)"
)
_HOUR_WORD = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
TIME = (
    rf"(?:\d{{1,2}}(?:[:.]\d\d)? ?(?:[ap]\.?m\b\.?|o'clock)|\d{{1,2}}[:.h]\d\d|midnight|noon"
    rf"|(?:(?:half|quarter|twenty|ten|five)(?: past| to)? )?(?:{_HOUR_WORD}|\d{{1,2}})(?: thirty| fifteen)?"
    r"(?: ?[ap]\.?m\b| o'clock)?)(?!\w)"
)
TIME_ZONE = (
    r"(?:(?-i:UTC|GMT)(?: ?[+-−] ?\d{1,2}(?::\d\d)?)?|(?-i:CES?T|EES?T|WES?T|[ECMP][SD]T|BST|IST|JST|KST|HKT|SGT|MSK"
    r"|A[CEW]?[SD]T|AK[SD]T|HST|NZ[SD]T|SAST|BRT|ART|CAT|EAT|WAT|PKT|ICT|PHT|[ECMP]T)\b"
    r"|(?:Pacific|Eastern|Central|Mountain|Atlantic|Hawaii|Alaska)(?: (?:Standard|Daylight))?(?: Time)?"
    rf"|(?-i:[{UPPER}][\w]+(?: [{UPPER}]\w+)?) time\b)"
)


def _bars(words: str) -> str:
    return "|".join(sorted((re.escape(word) for word in listed(words)), key=len, reverse=True))


COLOUR = (
    "(?:(?:dark|light|bright|pale|deep|strawberry|dirty|platinum|ash|honey|golden|jet|fire|chestnut|electric|pastel"
    "|natural|mostly|all|reddish|bluish)[ -])*"
    f"""(?:{
        _bars(
            '''black|brown|blonde|blond|red|ginger|auburn|brunette|grey|gray|white|silver|blue|green|pink|purple
            |violet|orange|copper|platinum|chestnut|turquoise|teal|lilac|lavender|burgundy|bald|mousy|salt and pepper
            |salt-and-pepper|caramel|magenta|yellow|gold|golden|bronze|peroxide|redhead|rainbow|mahogany|peach|mint'''
        )
    })"""
)
DIET = (
    r"(?:(?:strict|strictly|fully|mostly|lacto|ovo|semi|part-time|dedicated|ethical)[ -])*(?:"
    + _bars(
        """vegan|vegetarian|pescatarian|pescetarian|flexitarian|omnivore|omnivorous|carnivore|keto|ketogenic|paleo
        |gluten-free|gluten free|dairy-free|dairy free|lactose-free|lactose free|sugar-free|sugar free|wheat-free
        |nut-free|low-carb|low carb|high-protein|low-fat|low-salt|low-sodium|raw food|raw vegan|plant-based
        |plant based|halal|kosher|macrobiotic|mediterranean|fruitarian|low-FODMAP|low FODMAP|FODMAP|DASH|diabetic
        |no-carb|carb-free|meat-free|fish-free|egg-free|veggie|meat eater|meat-eater|whole foods|wholefoods
        |intermittent fasting|no restrictions|no dietary restrictions"""
    )
    + r")\b"
)
MARITAL = (
    r"(?:(?:happily|newly|recently|legally|officially|freshly|secretly) )*(?:married|single|divorced"
    r"|engaged(?! in\b| with (?:the|an?|my work)\b)"
    r"|widowed|separated|unmarried|remarried|divorcing|a widow(?:er)?|a bachelor|a divorcee|in a relationship"
    r"|newlyweds?|an? (?:happily )?(?:single|married|divorced|widowed|engaged) (?:mum|mom|dad|mother|father"
    r"|parent|man|woman))\b(?![-'])(?! (?:room|bed|ticket|thing|one|day|malt"
    r"|speed|file|source|parent (?:home|household)))"
)
RELIGION = (
    r"(?:(?:practi[sc]ing|devout|lapsed|committed|convinced|born-again|liberal|orthodox|strict|secular) )*(?:"
    + _bars(
        """Christian|Catholic|Roman Catholic|Protestant|Lutheran|Methodist|Baptist|Anglican|Episcopalian|Presbyterian
        |Calvinist|Evangelical|Pentecostal|Mennonite|Adventist|Quaker|Mormon|Orthodox|Greek Orthodox
        |Russian Orthodox|Eastern Orthodox|Unitarian|Jehovah's Witness|Muslim|Sunni|Shia|Sufi|Jewish|Jew|Buddhist
        |Zen Buddhist|Hindu|Sikh|Jain|Taoist|Daoist|Shinto|Bahai|Baha'i|Pagan|Wiccan|Druid|atheist|agnostic|humanist
        |non-religious|nonreligious|not religious|Zoroastrian|Rastafarian|Scientologist|Buddhism|Islam|Christianity
        |Catholicism|Judaism|Hinduism|Sikhism|Protestantism|Taoism|Jainism|atheism|Anglicanism|Methodism|Lutheranism
        |Orthodoxy|paganism|Mormonism|Quakerism"""
    )
    + r")\b"
)
NATIONALITY = (
    r"(?:"
    + _bars(
        """Afghan|Albanian|Algerian|American|Andorran|Angolan|Argentinian|Argentine|Armenian|Australian|Austrian
        |Azerbaijani|Bahraini|Bangladeshi|Belarusian|Belgian|Bolivian|Bosnian|Brazilian|British|Bulgarian|Burmese
        |Cambodian|Cameroonian|Canadian|Chilean|Chinese|Colombian|Congolese|Costa Rican|Croatian|Cuban|Cypriot|Czech
        |Danish|Dominican|Dutch|Ecuadorian|Egyptian|English|Estonian|Ethiopian|Filipino|Finnish|French|Georgian
        |German|Ghanaian|Greek|Guatemalan|Haitian|Honduran|Hungarian|Icelandic|Indian|Indonesian|Iranian|Iraqi|Irish
        |Israeli|Italian|Ivorian|Jamaican|Japanese|Jordanian|Kazakh|Kenyan|Korean|South Korean|Kosovan|Kuwaiti
        |Laotian|Latvian|Lebanese|Libyan|Lithuanian|Luxembourgish|Macedonian|Malaysian|Maltese|Mexican|Moldovan
        |Mongolian|Montenegrin|Moroccan|Mozambican|Namibian|Nepalese|Nepali|New Zealander|Nicaraguan|Nigerian
        |Norwegian|Pakistani|Palestinian|Panamanian|Paraguayan|Peruvian|Polish|Portuguese|Puerto Rican|Qatari
        |Romanian|Russian|Rwandan|Salvadoran|Saudi|Scottish|Senegalese|Serbian|Singaporean|Slovak|Slovakian
        |Slovene|Slovenian|Somali|South African|Spanish|Sri Lankan|Sudanese|Swedish|Swiss|Syrian|Taiwanese|Tanzanian
        |Thai|Tunisian|Turkish|Ugandan|Ukrainian|Uruguayan|Uzbek|Venezuelan|Vietnamese|Welsh|Yemeni|Zambian
        |Zimbabwean|stateless|Austro-Hungarian|Swede|Dane|Finn|Pole|Turk|Serb|Croat|Spaniard|Scot|Briton"""
    )
    + r")\b"
)
PEOPLE_LIVED_WITH = (
    rf"(?:(?:(?:my|our|his|her|their|the|an?|some|two|three|four|five|six|\d+|several|other|old|new|younger|older|both"
    r"|best|elderly|little|big|first|ex|grown-up) )+(?:of (?:my|our|his|her"
    rf"|their) )?(?!(?:{_NO_COMPANY})\b)[a-z][\w-]*(?:-in-law)?"
    rf"(?: (?:{NAMES}))?(?: and (?:(?:my|our|his|her|their|an?|two|three|the) )*[a-z][\w-]+)?|{NAMES}"
    rf"(?: and {NAMES})?|nobody(?: else)?|no one|strangers|friends|flatmates|roommates|housemates|family|students)"
)
_CRAFTS = frozenset(
    listed(
        """nurse|chef|cook|vet|pilot|judge|clerk|architect|midwife|physio|analyst|coach|model|attorney|agent|guard
        |monk|nun|priest|imam|rabbi|nanny|au pair|host|hostess|waitress|actress|intern|apprentice|trainee|ceo|cto|cfo
        |coo|paramedic|mechanic|critic|associate|executive|lead|postdoc|barista|sommelier|rep|representative|admin
        |dev|sysadmin|pa|gp|mp|dj|cop|detective|roofer|vicar|chaplain|bishop|scribe|spy|diplomat|ambassador|magistrate
        |head|sous-chef|au-pair|cashier|concierge|valet|steward|stewardess|bouncer|auctioneer|specialist|cabbie
        |headteacher|head teacher|principal|dean|scientist|chemist|physicist|economist|novelist|poet|composer|farmhand
        |freelance|police|ranger|skipper|captain|mate|sailor|soldier|officer|nurse practitioner|lifeguard|postie
        |civil servant|servant|shepherd|blacksmith|goldsmith|temp|handyman|housekeeper|homemaker|housewife|househusband
        |butler|courier|stage manager|groom|stable hand|mayor|minister|senator|undertaker|astronaut|locksmith|cto
        |guide|translator|interpreter|florist|curator|expert|advisor|adviser|programmer|tutor"""
    )
)
_CRAFT_ENDINGS = re.compile(
    r"(?:er|or|ist|ian|eer|ant|man|woman|smith|wright|ologist|yst|ographer|aid|keeper|worker|assistant|consultant)$"
)
_NO_CRAFT = frozenset(
    listed(
        """mother|father|sister|brother|daughter|grandmother|grandfather|stepmother|stepfather|godmother|godfather
        |member|beginner|lover|believer|drinker|smoker|eater|sleeper|runner|walker|riser|learner|owner|dreamer|reader
        |gamer|swimmer|user|customer|foreigner|newcomer|supporter|follower|listener|loner|stickler|minor|junior|senior
        |pensioner|teenager|youngster|stranger|outsider|insider|partner|lodger|prisoner|survivor|sufferer|winner|loser
        |thinker|hoarder|procrastinator|fighter|quitter|commuter|homeowner|caller|visitor|hater|starter|optimist
        |pessimist|perfectionist|feminist|atheist|communist|socialist|pacifist|tourist|cyclist|motorist|nationalist
        |buddhist|methodist|baptist|realist|minimalist|vegetarian|christian|pedestrian|civilian|giant|immigrant
        |migrant|elephant|participant|donor|labrador|retriever|terrier|pointer|setter|rottweiler|number|neighbor
        |renter|tenant|latecomer|voter|widower|bachelor|carnivore|omnivore|human|woman|man|german        |fan
        |player|golfer|hiker|skier|sinner|boarder|admirer|collector|holder|breadwinner|newlywed|subscriber
        |sucker|goner|weather|summer|winter|trooper|bloomer|snorer|worrier|chatterbox|lurker|night owl
        |danger|wonder|stinker|cancer|older|taller|better
        |contributor|spender|saver|keeper|quaker|lutheran|presbyterian|episcopalian|humanist|calvinist|new yorker
        |londoner|berliner|sleepwalker|hamster|teetotaller|homosexual|left-hander|latin|gambler
        |provider|supplier|carrier|folder|computer|printer|server|router|browser|freezer|cooker|heater|charger|scooter
        |trailer|counter|tower|river|corner|quarter|dinner|supper|butter|paper|letter|order|offer|shoulder|finger
        |sweater|jumper|power|flower|shower|restaurant|plant|mixer|boiler|speaker|tracker|adapter|thriller|burger
        |cider|lager|beer|water|motor|mirror|error|floor|door|sector|factor|tractor|monitor|projector|elevator
        |generator|calculator|list|twist|wrist|mist|fist|matter|chapter|computer|disaster|monster|rollercoaster
        |redundant|pregnant|reluctant|important|distant|constant|elegant|arrogant|brilliant|significant|relevant|instant
        |tolerant|vacant|hesitant|dominant|vigilant|radiant|ignorant|bitter|clever|eager|proper|sober|tender|together|sinister
        |crier|master|hugger|boozer|stayer|egyptian|italian|martian|alien"""
    )
)
_NP_END = re.compile(
    r"\s(?:in|at|for|with|and|who|which|that|by|from|of(?! operations| staff| sales| marketing| studies)|now|these|on"
    r"|to|as|since|because|so|but|full[- ]time|part[- ]time|again|nowadays|after|before|when|there|here|instead|myself"
    r"|himself|herself|today|currently|already|too|though|while|where|officially|not|if|like|than|called|named"
    r"|without|through|until|over"
    r"|down|up|under|per|i|we|he|she|is|are|has|have|was|this|last|next)\b.*$|[,;:!?()\"—–].*$|\.(?:\s.*)?$",
    re.IGNORECASE | re.DOTALL,
)


def noun_phrase(text: str) -> str:
    """What stands before the first word that no noun phrase goes on with."""
    return _NP_END.sub("", text).strip(" .'")


def occupation(text: str) -> str:
    """The occupation that a text opens with ("teacher of maths" -> "teacher"), or nothing."""
    phrase = noun_phrase(text)
    bare = re.sub(r"^(?:an?|the|his|her|my|our|their) ", "", phrase, flags=re.IGNORECASE)
    words = bare.split()
    if re.match(r"(?:my|our|his|her|their|your)\b", phrase, re.IGNORECASE):
        return ""  # "she is my doctor" tells whose, not what for a living
    if not words or len(words) > 5 or len(bare) > 60:
        return ""
    head, last_two = words[-1].lower(), " ".join(words[-2:]).lower()
    if head in _NO_CRAFT or last_two in _NO_CRAFT:
        return ""
    if head in _CRAFTS or last_two in _CRAFTS or (len(head) > 4 and _CRAFT_ENDINGS.search(head)):
        return phrase
    return phrase if re.match(r"(?:head|director|chief|vice president|vp) of \w+", bare, re.IGNORECASE) else ""
