"""The values that examples are filled with. Companies, products, teams and titles are generic or made up."""

from __future__ import annotations

import hashlib
from functools import cache

_TABLE = {
    "city": """Porto|Braga|Lyon|Nantes|Leeds|York|Cork|Galway|Ghent|Bruges|Basel|Geneva|Graz|Linz|Malmö|Bergen|Tromsø
    |Turku|Tartu|Riga|Vilnius|Gdańsk|Kraków|Brno|Zagreb|Split|Ljubljana|Novi Sad|Varna|Cluj|Thessaloniki|Patras|Izmir
    |Ankara|Haifa|Beirut|Amman|Cairo|Tunis|Fez|Accra|Kumasi|Lagos|Nairobi|Mombasa|Kampala|Kigali|Lusaka|Durban|Mumbai
    |Pune|Chennai|Jaipur|Kochi|Dhaka|Lahore|Karachi|Colombo|Hanoi|Da Nang|Bangkok|Chiang Mai|Penang|Jakarta|Bandung
    |Cebu|Manila|Taipei|Seoul|Busan|Osaka|Kyoto|Sapporo|Shanghai|Chengdu|Perth|Adelaide|Hobart|Auckland|Wellington
    |Toronto|Halifax|Montreal|Calgary|Seattle|Portland|Denver|Austin|Boston|Chicago|Tucson|Omaha|Mérida|Oaxaca|Puebla
    |Bogotá|Medellín|Quito|Lima|Cusco|La Paz|Santiago|Valparaíso|Córdoba|Rosario|Montevideo|Recife|Curitiba|Salvador
    |Bristol|Cardiff|Dundee|Aberdeen|Bath|Exeter|Utrecht|Leiden|Delft|Antwerp|Cologne|Leipzig|Dresden|Hamburg|Munich
    |Seville|Valencia|Bilbao|Turin|Bologna|Naples|Palermo|Trieste|Coimbra|Faro|Évora|Reykjavik|Aarhus|Odense|Uppsala""",
    "country": """Portugal|Ghana|Kenya|Japan|Peru|Norway|Vietnam|Mexico|Italy|Ireland|Turkey|India|Brazil|Chile|Egypt
    |Morocco|Iceland|Croatia|Poland|Estonia|Georgia|Nepal|Thailand|Canada|Argentina|Greece|Spain|Scotland|Finland
    |Colombia|Senegal|Lebanon|South Korea|New Zealand|Sri Lanka|Cuba|Jordan|Slovenia|Austria|Denmark""",
    "job": """nurse|teacher|plumber|electrician|lawyer|baker|chef|barista|software developer|data analyst|accountant
    |midwife|dentist|vet|bus driver|pilot|flight attendant|carpenter|florist|librarian|translator|journalist|architect
    |paramedic|physiotherapist|social worker|graphic designer|tax adviser|bookkeeper|beekeeper|welder|tram driver
    |pharmacist|primary school teacher|piano teacher|gardener|postman|waiter|bartender|civil engineer|product manager
    |project manager|recruiter|estate agent|radiologist|optician|hairdresser|tattoo artist|photographer|video editor
    |game designer|truck driver|crane operator|fisherman|shepherd|farmer|sound engineer|stage manager|dance teacher
    |yoga instructor|swimming coach|security guard|caretaker|cleaner|night porter|tailor|goldsmith|bricklayer|roofer
    |painter|research assistant|lab technician|statistician|meteorologist|geologist|marine biologist|zookeeper
    |speech therapist|psychologist|childminder|kindergarten teacher|head teacher|driving instructor|tour guide
    |travel agent|customs officer|firefighter|police officer|judge|notary|archivist|museum guide|sales assistant
    |call centre agent|warehouse worker|site manager|test engineer|network administrator|network engineer|actuary""",
    "company": """Northgate Bakery|Halden Logistics|Bluepine Software|Marlow & Sons|Castell Dental|Ridgeway Hospital
    |St Anne's Clinic|Oakfield School|Kestrel Airlines|Tern Energy|Lumen Studio|Ferrow Bank|Greenhill Nursery|Vanto
    |Quillmark Press|Arbor Insurance|Solmar Hotel|Pixelmoor|Dunmore Council|Westbrook Library|Harrow Motors
    |Ostrava Steel
    |Calder Foods|Brightwater Labs|Mirko Logistics|Tallow Street Theatre|Nordvik Shipping|Pellegrini Coffee|Zentra
    |Kolibri Games|Havel Consulting|Sunder Solar|Orchard Vets|Lindqvist Architects|Cobalt Records|Maple Care Home
    |Fennel Kitchen|Rivermouth Museum|Yarrow Pharma|Tidewell|Amberley Farm|Stonebridge Police|Delta Fibre|Ivory Dental
    |Corvus Security|Papaya Media|Hillcrest Primary|Moss & Flint|Aurelia Travel|Grindstone Gym""",
    "university": """the University of Porto|Leiden University|Trinity College|Uppsala University
    |the University of Ghana
    |Kyoto University|Delhi University|McGill|Bologna University|the University of Leeds|Ghent University|Makerere
    |the Technical University of Graz|Aarhus University|Coimbra|Jagiellonian University|Otago|Boston College|Tartu
    |Chulalongkorn University|the University of Lima|Cairo University|Heidelberg University|Cork Institute""",
    "subject": """biology|marine biology|law|medicine|nursing|economics|computer science|architecture|philosophy|physics
    |history|art history|chemistry|linguistics|psychology|geography|civil engineering|music|fashion design|statistics
    |theology|veterinary medicine|social work|sociology|environmental science|mathematics|journalism|dentistry""",
    "food": """sushi|lasagne|pierogi|biryani|jollof rice|pho|ramen|tacos|falafel|moussaka|paella|ceviche|dumplings|curry
    |pizza|pancakes|risotto|gnocchi|goulash|kimchi|hummus|couscous|dal|fish and chips|bacalhau|feijoada|arepas|poutine
    |borscht|pad thai|banana bread|apple pie|tiramisu|mango|olives|mushrooms|aubergines|coriander|blue cheese|liquorice
    |dark chocolate|peanut butter|avocado|beetroot|anchovies|marzipan|oysters|cabbage soup|fried plantain|okra
    |rhubarb""",
    "drink": """green tea|black coffee|oat milk cappuccinos|red wine|craft beer|ginger ale|kombucha|hot chocolate|mate
    |mint tea|cider|espresso|lemonade|chai|tomato juice|iced coffee|port|gin and tonic|buttermilk
    |elderflower cordial""",
    "allergen": """peanuts|shellfish|cats|pollen|penicillin|hazelnuts|strawberries|bee stings|latex|soy|eggs|dust mites
    |birch pollen|wasp stings|sesame|walnuts|kiwi|nickel|aspirin|mustard|horses|ibuprofen|celery|lobster|cashews""",
    "colour": "green|teal|dark blue|purple|yellow|orange|burgundy|turquoise|black|lilac|olive|coral|mint|silver|indigo",
    "film": """Paper Lanterns|The Long Harbour|Midnight in Tartu|Seven Winters|The Glass Orchard|Saltwater
    |Red Kite Summer
    |The Beekeeper's Son|Northern Line|Blue Hour|Winter Ferry|Nine Bridges""",
    "band": """The Velvet Foxes|Lunar Tide|Cardboard Kings|Mira and the Wolves|Static Garden|Os Barcos|Night Tram
    |The Paper Cranes|Ember Choir|Kalevi|Brass Monkeys|Saffron Road""",
    "book": """The Salt Road|A House of Clocks|Winter Wheat|The Cartographer's Wife|Small Rivers|The Last Lighthouse
    |Under a Tin Roof|Letters to Ines|Moss|The Quiet Engine""",
    "game": "chess|Ludo|backgammon|Go|Stone Harbour|Farmtown|Star Courier|Dungeon Post|mahjong|Scrabble|poker|bridge",
    "season": "spring|summer|autumn|winter",
    "diet": "vegetarian|vegan|pescatarian|vegetarian|vegan|on a keto diet|gluten-free|flexitarian|on a low-carb diet",
    "status": "married|single|divorced|engaged|widowed|separated",
    "car": """Skoda Octavia|red Fiat Panda|Toyota Yaris|VW Golf|old Volvo estate|Renault Clio|Tesla|Dacia Duster|Mini
    |Honda Civic|Peugeot 208|Ford Fiesta|Kia Niro|Seat Ibiza|Mazda MX-5|grey Opel Corsa|Nissan Leaf|Suzuki Swift
    |Subaru Forester|white Citroën van|BMW|Hyundai Kona|Land Rover|Polestar""",
    "team": """Benfica|Leeds United|Ajax|the Harbour Hawks|Celtic|Boca Juniors|the Dundee Stars|Werder Bremen
    |Kaizer Chiefs
    |Sporting|Red Star|the Tucson Owls|Hibernian|Rayo Vallecano|Asante Kotoko|the Auckland Blues|Feyenoord|St Pauli""",
    "instrument": """cello|violin|piano|guitar|drums|flute|clarinet|trumpet|accordion|harp|ukulele|saxophone|oboe|bass
    |banjo|double bass|trombone|sitar|viola|bagpipes|tabla|kora""",
    "sport": """tennis|badminton|football|basketball|volleyball|squash|cricket|rugby|hockey|table tennis|water polo
    |padel
    |handball|netball|golf|ice hockey|darts|pickleball|futsal|ultimate frisbee""",
    "language": """Portuguese|French|Japanese|Arabic|Swahili|Turkish|Polish|Italian|Mandarin|Korean|Greek|Finnish|Hindi
    |Dutch|Catalan|Welsh|Irish|Vietnamese|Tagalog|Ukrainian|Romanian|Norwegian|sign language|Hungarian|Czech|Twi|Zulu
    |Basque|Estonian|Hebrew|Persian|Urdu|Russian|Spanish|German""",
    "condition": """diabetes|asthma|migraines|high blood pressure|arthritis|epilepsy|coeliac disease|insomnia|tinnitus
    |hay fever|anaemia|eczema|type 1 diabetes|a thyroid condition|sciatica|vertigo|dyslexia|ADHD|psoriasis|gout
    |endometriosis
    |a heart murmur|glaucoma|chronic back pain|Crohn's disease|lactose intolerance|depression|anxiety|sleep apnoea""",
    "medicine": """metformin|ibuprofen|levothyroxine|insulin|antihistamines|iron tablets|vitamin D|blood thinners
    |statins
    |magnesium|beta blockers|omeprazole|melatonin|sertraline|an inhaler|folic acid|ramipril|eye drops|probiotics""",
    "fear": """spiders|heights|flying|the dark|dogs|thunder|needles|deep water|lifts|snakes|clowns|crowds|moths|wasps
    |mice
    |public speaking|open water|tunnels|dentists""",
    "activity": """hiking|knitting|bouldering|gardening|birdwatching|baking bread|painting|pottery|running|cycling
    |sailing
    |swimming|salsa dancing|photography|fishing|chess|board games|crosswords|yoga|karaoke|surfing|camping|origami
    |calligraphy|stargazing|skiing|kayaking|sewing|woodworking|home brewing|geocaching|foraging|video games|reading
    |wild swimming|embroidery|rock climbing|volunteering|stand-up comedy|model trains|singing in a choir|tap dancing
    |fencing|judo|horse riding|roller skating|juggling|scuba diving|pub quizzes|jigsaw puzzles""",
    "disliked": """early mornings|horror films|loud music|small talk|queues|cold weather|commuting|ironing|phone calls
    |open-plan offices|crowded trains|surprise parties|reality TV|wet socks|karaoke|rollercoasters|group projects
    |hospital waiting rooms|long meetings|spam calls|humid summers|chewing noises|wasps|fireworks|country music""",
    "liked": """jazz|old maps|thunderstorms|flea markets|rainy Sundays|Korean dramas|detective novels|board games
    |road trips
    |opera|podcasts about space|hip hop|musicals|cheap detective shows|documentaries|spicy food|train journeys|sunrises
    |street art|science fiction|crime series|silent films|folk music|stationery|long baths|cricket on the radio
    |K-pop""",
    "skill": """Japanese|to knit|to drive|the guitar|Python|sign language|to swim|Italian|to bake sourdough|calligraphy
    |chess|to ski|the accordion|Korean|first aid|to sew|Arabic|to juggle|salsa|woodworking|to ride a motorbike""",
    "collection": """stamps|vinyl records|fridge magnets|old coins|sneakers|fountain pens|postcards|comic books
    |sea glass
    |toy cars|matchboxes|board games|snow globes|teapots|football shirts|cacti|beer mats|typewriters|old cameras""",
    "thing": """bike|laptop|camera|tent|sewing machine|electric guitar|kayak|motorbike|espresso machine|telescope|tablet
    |sofa|cargo bike|drone|e-reader|air fryer|phone|second-hand piano|campervan|standing desk|bread maker|rowing machine
    |3D printer|dishwasher|winter coat|road bike|record player|greenhouse|allotment|caravan|sailing boat|smartwatch""",
    "petkind": """dog|cat|dog|cat|rabbit|hamster|parrot|tortoise|budgie|guinea pig|horse|goldfish|pony|ferret|gecko
    |puppy
    |kitten|canary|hedgehog|greyhound|labrador|Siamese cat|goat|chinchilla""",
    "petname": """Rex|Mia|Luna|Biscuit|Pepper|Mango|Tofu|Pixel|Bruno|Nala|Waffles|Olive|Ziggy|Kiwi|Hugo|Bella|Simba
    |Shadow
    |Ginger|Miso|Pablo|Noodle|Figo|Balu|Ringo|Socks|Maya|Tango|Peanut|Freya|Otto|Pumpkin|Fado|Chili|Momo|Sushi|Duke""",
    "exam": """maths exam|driving test|chemistry final|history exam|statistics exam|bar exam|German test|physics exam
    |theory test|biology final|oral exam|entrance exam|piano exam|anatomy exam|algebra test|thesis defence
    |economics resit""",
    "bodypart": "arm|ankle|wrist|leg|collarbone|thumb|toe|nose|elbow|rib|shin|foot|finger|shoulder",
    "doctor": "dentist|GP|eye doctor|dermatologist|physio|cardiologist|orthodontist|therapist|gynaecologist|podiatrist",
    "event": """job interview|parent-teacher evening|wedding|house viewing|blood test|MRI scan|school play|half marathon
    |choir concert|tax appointment|book club|garage appointment|chess tournament|driving lesson|knee operation
    |court date
    |thesis deadline|team offsite|farewell party|vaccination|visa appointment|graduation|rehearsal|photo shoot""",
    "feeling": """lonely|anxious|exhausted|homesick|overwhelmed|proud|hopeful|stressed|heartbroken|burnt out|relieved
    |guilty|happy|jealous|low|nervous|bored at work|restless|ashamed|grateful|angry|excited""",
    "ordered": """spare keys|winter tyres|concert tickets|hiking boots|a new mattress|cat food|the textbook|curtains""",
    "surname": """Costa|Okafor|Lindqvist|Nguyen|Haddad|Kowalski|Murphy|Patel|Yamamoto|Rossi|Novak|Mensah|Schneider|Silva
    |Papadakis|Demir|Ivanov|Garcia|Hughes|Dubois|Fernando|Reyes|Bianchi|Larsen|Petrov|Chowdhury|Evans|Brandt|Mbeki""",
    "newsplace": "the town hall|the museum|the old harbour|parliament|the stadium|the central station|the zoo",
    "bedtime": """10 pm|11 pm|half past nine|midnight|9:30 pm|around ten|1 am|quarter past ten|ten thirty|11:45 pm
    |eleven
    |two in the morning|22:30""",
    "weight": "68 kg|72 kg|81 kilos|59 kg|90 kg|155 pounds|11 stone|64.5 kg|77 kilos|180 lbs|13 stone|101 kg|53 kg",
    "height": "1.72 m|180 cm|5 foot 6|165 cm|six foot two|1.91 m|158 cm|5'9|174 cm|1.60 m|six feet",
    "shoesize": "38|42|44|37|41|45|39.5|43|9|7.5|6|11",
    "blood": "A positive|0 negative|B positive|AB negative|0 positive|A negative|AB positive|B negative",
    "bank": "Ferrow Bank|Northern Union|Caixa Verde|Post Bank|Kronor Bank|First Harbour|Savanna Bank|Bluestone",
    "browser": "Firefox|Chrome|Safari|Brave|Opera|Vivaldi|Edge|Konqueror",
    "nationality": """Portuguese|Ghanaian|Kenyan|Japanese|Peruvian|Norwegian|Vietnamese|Mexican|Italian|Irish|Turkish
    |Indian|Brazilian|Chilean|Egyptian|Moroccan|Polish|Canadian|Greek|Scottish|Finnish|Lebanese|Danish|Filipino""",
    "topping": "extra cheese|pineapple|chilli oil|garlic|pickles|mushrooms",
}
_ADULT_AGES = [str(age) for age in range(19, 91)]
_AGE_WORDS = "twenty-two|twenty-nine|thirty|thirty-one|thirty-eight|forty|forty-four|fifty|fifty-two|sixty|sixty-five"


@cache
def values(name: str) -> tuple[str, ...]:
    """All values of a kind.

    Raises:
        KeyError: an unknown kind.
    """
    if name == "age":
        return (*_ADULT_AGES, *_AGE_WORDS.split("|"))
    return tuple(dict.fromkeys(" ".join(each.split()) for each in _TABLE[name].split("|")))


def kinds() -> tuple[str, ...]:
    """The names of all kinds of values."""
    return (*_TABLE, "age")


def bucket(text: str, of: int) -> int:
    """A number below ``of`` that depends on the text alone."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:6], "big") % of


@cache
def values_for(name: str, split: str) -> tuple[str, ...]:
    """The values that a split draws from: training leaves about a seventh out, which the others prefer."""
    every = values(name)
    kept = tuple(value for value in every if bucket(f"{name}:{value}", 7))
    if split == "train" or len(every) < 8:
        return kept if len(every) >= 8 else every
    held_out = tuple(value for value in every if value not in kept)
    return (*kept, *(held_out * (1 + len(kept) // max(1, len(held_out)))))
