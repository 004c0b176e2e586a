"""How English says the one-valued things of a life: verb phrases and the nouns that own a value.

In a pattern, ``<PLACE>`` and its like stand for a value, words in capitals for the groups of ``_WORDS``. A line is the
relation, marks, and the verb phrase; ``~`` marks a phrase that may tell of a passing stay, and ``?`` one that counts
only where the sentence speaks of the matter (``CONTEXT``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bethink.memory.reading import values
from bethink.memory.words import ADVERBS

_HOMES = (
    "flat|house|home|studio|apartment|place|room|cottage|bungalow|farmhouse|loft|condo|villa|caravan|houseboat"
    "|maisonette"
    "|townhouse|terrace|duplex|bedsit|farm|cabin|basement|penthouse|property"
)
_ADVERB = (
    rf"(?:{'|'.join(ADVERBS)}|officially|permanently|happily|instead|only|again|mainly|since|basically|newly|soon)"
)
_WORDS = {
    "NOTBUT": r"(?: (?:no longer|not) (?:an? )?[\w' -]{2,25}?,? but(?: now)?)?",
    "BECAME": r"(?:became|become)",
    "HAVE": r"(?:(?:have|has|'ve)(?: (?:now|just|recently|finally|already|since|also|actually|officially|always"
    r"|only))*)",
    "BE": r"(?:(?:am|is|are|'m|'re|'s)(?: (?:now|currently|still|officially|finally|just|actually|already|also"
    r"|again|back|only|really))?)",
    "ADVS": rf"(?:,? ?\b{_ADVERB}\b,?)*",
    "WAY": r"(?:(?: back| up| down| out| over| across| away| house| here| home| on| in| off| along| ship| jobs?"
    r"| sides?| closer"
    r"| north| south| east| west| abroad| together| full-time| well| nicely| right)*)",
    "HOMES": rf"(?:{_HOMES})",
    "JOB": r"(?:(?:an?|my|the|another|this|his|her|their)(?: [a-z-]+){0,2}? (?:job|role|position|post|offer|gig"
    r"|contract)|work|employment|something)",
    "AS": r"(?: as (?:an?|the|their) [\w -]{2,40}?)?",
}
_VALUES = {
    "PLACE": rf"(?:(?:an?|the|our own|my own) (?:[a-z-]+ ){{0,3}}?(?:{_HOMES})\b(?: (?:in|near|outside|by|on|off"
    rf"|of) (?:the )?(?:{values.NAMES}))?"
    rf"|(?:the )?{values.NAMES})",
    "ORG": rf"(?:the )?{values.NAMES}(?!(?:'s)? (?:resident|fan|supporter))",
    "NAME": values.NAMES,
    "OCC": r"[a-z][\w ,'-]{2,60}",
    "PLW": values.PEOPLE_LIVED_WITH,
    "CAR": r"(?:(?:an?|the|my|our|his|her|their|same|brand|new|old|used|second-hand|secondhand|electric|little"
    r"|big|tiny|battered"
    rf"|hybrid|diesel|vintage|family|company|{values.COLOUR}) )*(?:{values.NAMES}|(?<=a )(?:[a-z-]+ )?(?:van"
    rf"|truck|tractor|"
    r"motorbike|scooter|camper|campervan|pickup|hybrid|convertible|minivan|moped|hatchback|estate|saloon|coupe))",
    "ACAR": rf"(?:an?|the|my|our|his|her) (?:[a-z-]+ ){{0,3}}?{values.NAMES}",
    "DIET": values.DIET,
    "MARITAL": values.MARITAL,
    "RELIGION": values.RELIGION,
    "NATIONALITY": values.NATIONALITY,
    "AGE": values.AGE,
    "HEIGHT": values.HEIGHT,
    "WEIGHT": values.WEIGHT,
    "TIMEZONE": values.TIME_ZONE,
    "TIME": values.TIME,
    "COLOUR": values.COLOUR,
    "PERSON": rf"(?:(?:Mrs?|Ms|Mx|Dr|Prof|Sir|Professor|Captain|Sister)\.? )?{values.NAMES}",
}
_LINES = r"""
lives in = (?:lives?|resides?|BE (?:living|based|residing|settled|renting|housed)|HAVE (?:been (?:living|based)
    |settled|lived)|settled)ADVS(?: down| up| permanently| happily| together| over| out| back| again| now| here
    | there)* (?:in|near|outside|on|at|by) <PLACE>
lives in ! = (?:moved|relocated|emigrated|decamped|upped sticks|shifted)(?! on to)(?: (?:the|my
    |our) (?:whole |entire )?family)?WAY(?: out of [^,]{2,25}?)?(?: from .{1,40}?)?,?(?: and)?(?: to
    | into) <PLACE>(?![\w.]*@)
lives in ! = (?:ended up|settled|started over|started afresh|started again|began again
    |started a new life|gone to live|went to live|came to live|put down roots|landed|wound up|found (?:an?|my
    |our) (?:[a-z-]+ )?HOMES|bought (?:an?|my|our) (?:[a-z-]+ ){0,2}HOMES|set up home|made (?:my
    |our) home)WAY in <PLACE>
lives in = (?:rents?|owns?|BE renting|HAVE(?: got)?|took|got|bought|HAVEADVS (?:rented|taken|bought|got))(?: myself
    | ourselves)? (?P<o>(?:an?|the|our|my|his|her) (?:[a-z-]+ ){0,3}?HOMES (?:in|near|outside|by|on|off
    |of) (?:the )?NAMES)
lives in ~ = BEADVS(?: back| over| up| down| out| living)* in <PLACE>
lives in = HAVEADVS been (?:in|near) <PLACE>(?= (?:since|for (?:\d+|two|three|four|five|six|ten|many|several|a few
    |some) years))
lives in = BEADVS an? (?:proud |new |full-time |official )?(?:resident|inhabitant|citizen) of <PLACE>
lives in = BE (?:resident|domiciled|registered) in <PLACE>
lives in ! ? = (?:swapped|traded|exchanged|left|gave up|given up) (?:the )?NAMES for <PLACE>
lives in = BE an? <NAME> (?:resident|local|dweller)
lives in ! = had to (?:move|relocate)WAY to <PLACE>
lives in ! = (?:swapped|traded|exchanged|gave up|given up|left)\b[^,.;]{1,40}? for (?P<o>(?:an?|the|our
    |my) (?:[a-z-]+ ){0,3}?HOMES (?:in|near|outside|by|on|of) (?:the )?NAMES)
lives in ! = (?:got|picked up|collected|have) the keys (?:to|for) (?P<o>(?:an?|the|our
    |my) (?:[a-z-]+ ){0,3}?HOMES (?:in|near|outside|by|on|of) (?:the )?NAMES)
lives in ! = (?:calls?|HAVE made|made) <PLACE> (?:my |our |his |her )?(?:new )?home
lives with = (?:lives?|BE living|HAVE (?:been living|moved in|lived)|moved in|BE (?:flat-?sharing|house-?sharing
    |rooming|bunking)|shares? (?:an?|the|my|our|his|her) (?:[a-z-]+ )?HOMES|shares?|rooms|HAVE (?:got|taken
    |rented) (?:an?|the) (?:[a-z-]+ )?HOMES|(?:took|rented|got|found) (?:an?|the) (?:[a-z-]+ )?HOMES)(?: together
    | again| now| back| here| in [\w ]{2,25}?| at [\w ]{2,25}?)* with <PLW>
lives with = (?:lives?|BE living|HAVE been living)(?: all| completely| entirely| now)* (?P<o>alone|by (?:my|him|her
    |them)sel(?:f|ves)|on (?:my|his|her|their) own)
lives with ! = (?:left|HAVE left|swapped|HAVE swapped|moved|HAVE moved|moved out) .{0,50}?\b(?:for|to|into
    |in) (?:an?|the) (?:[a-z-]+ )?HOMES with <PLW>
works at = (?:works?|BE (?:working|employed|contracted)|HAVE (?:been working|worked|been employed))(?: ADVS
    | part-time| full-time| nights| days| evenings| weekends| here| over| remotely
    | mostly)*AS(?: in [a-z ]{2,20}?)? (?:at|for|with|by) <ORG>
works at = (?:works?|BE working|HAVE been working)(?: only| just| solely| full-time| now
    | entirely)* for (?P<o>myself|himself|herself|themselves|ourselves)
works at ! = (?:started|begun|began|starts?)ADVS(?: working| work| out| over| afresh| again| new
    | out)*(?: JOB)?AS (?:at|with|for) <ORG>
works at ! = joined <ORG>
works at ! = (?:got|landed|accepted|taken|took|found|secured|starts?|have|has|hold
    |holds) (?:myself )?JOBAS(?: in (?:the )?[a-z ]{2,25}?)? (?:at|with|for|of|in|from) <ORG>
works at ! ? = (?:left|quit|swapped|dropped|given up|gave up) (?:the|my|an?) [a-z ]{2,25}? for <ORG>
works at = BE on the (?:payroll|staff|team|books) (?:of|at|with) <ORG>
works at ! = (?:gone|went|HAVE gone|came) to work (?:for|at) <ORG>
works at ! = signed (?:an?|my|the) (?:new )?contract (?:with|at) <ORG>
works at ! = (?:got|was|were|BE|HAVE been|HAVE got)ADVS (?:hired|taken on|headhunted|poached|snapped up|recruited
    |employed|transferred|seconded)AS (?:at|by|with|to) <ORG>
works at ! ? = (?:(?:moved|gone|went|come)(?= (?:on|over|across|back|jobs|employers))|switched|jumped
    |changed|transferred|crossed|defected|signed|signed on)WAY(?: from .{1,40}?)? (?:to|with) <ORG>
works at ! = (?:quit|left|resigned|gave up|HAVE left|HAVE quit|HAVE given up|went freelance)\b[^,.;]{0,40}? (?:to
    |and|and now) work for (?P<o>myself|himself|herself|themselves|ourselves)
works at = HAVEADVS been (?:at|with) <ORG>(?= (?:since|for (?:\w+ ){1,2}(?:years?|months?)))
works at ~ = BEADVS(?: over| working| employed| down| back| in [a-z]+)* (?:at|with) <ORG>
works at = (?:waits?(?: on)? tables|waitress(?:es)?|serves?|cooks?|bakes?|teach(?:es)?|cleans?|nurses?|manages?
    |runs?|leads?|looks? after|sells?|designs?|writes?|codes?|bartends?|tends? bar|stacks? shelves|answers?
    |delivers?|handles?|heads?|does|do|types?|cares? for|pulls? pints|(?:drives?|operates?|builds?|repairs?
    |fix(?:es)?|packs?|sorts?) (?:an?|the)|(?:BE|BECAME|HAVE become|HAVE been) (?:an?|the|their|head of
    |in) ?)(?!\w*(?:student|pupil|member|guest|patient|regular|customer)\b)(?:(?!student|pupil|member|guest|patient
    |regular|customer)[\w' -]){0,45}? (?:at|for) <ORG>
works as = (?:works?|BE (?:working|employed)|HAVE (?:been working|worked|(?:got|landed|found|taken|accepted) JOB
    |retrained|qualified|requalified|started)|(?:got|landed|took|found|accepted|starts?|started|have|has) JOB
    |earns? (?:my|his|her|their|a) (?:living|money|keep|bread)|makes? (?:my|his|her|a) living|retrained|qualified
    |requalified|started(?! out)|starts)(?: now| full[- ]time| part[- ]time| work| again| over)* as
     (?:an? |the )?<OCC>
works as = works? (?:at|for|in) [^,.;]{2,40}? as (?:an |a |the )<OCC>
works as = BENOTBUTADVS (?:an |a |the |their |(?=head of|chief |vice |director of)|(?=(?:[a-z]+ ){0,2}(?:lead
    |manager|director|head|captain|president|chair)\b))<OCC>
works as ! = (?:gave up|quit|left|stopped|HAVE (?:given up|quit|left|stopped))\b[^,.;]{0,40}? to become
     (?:an? |the )<OCC>
works as ! = (?:BECAME|HAVE become|HAVE been|turned|HAVE turned)ADVS (?:an? |the |(?=head of))<OCC>
works as ! = (?:(?:got|was|were|HAVE been|HAVE got) (?:made|appointed|elected|named))ADVS (?:an? |the )?<OCC>
works as ! = (?:(?:got|was|were|HAVE been|HAVE got)ADVS promoted|HAVE (?:switched|moved|transferred|gone|changed
    |advanced|risen)|switched|moved|transferred|went|changed|rose)WAY(?: from [\w -]{2,40}?)? to (?:an? |the )?<OCC>
works as ! = (?:moved|gone|switched|changed|crossed|transferred)\b[^,.;]{2,70},? as (?:an? )<OCC>
marital status = (?:BENOTBUT|HAVE been|HAVE (?:got|gotten|become)|got|BECAME|stays?
    |remains?)ADVS(?: back to)?(?: being)?(?: both)? <MARITAL>
marital status ! = (?P<o>married|remarried|divorced) (?=NAMES|my|the|each|last|in|on|at|again
    |yesterday|him|her|a )
marital status ! = (?P<o>remarried)
marital status = (?:was|were)(?: both| suddenly)? (?P<o>widowed)
marital status ! = (?P<o>tied the knot|got hitched|got engaged|eloped|separated|filed for divorce
    |split up|broke up|called off the (?:wedding|engagement)|broke off the engagement)
marital status ! = ticks?(?: the)?(?: box)?(?: marked| for| saying)? <MARITAL>
diet = (?:BENOTBUT|gone|HAVE (?:gone|turned|become|been|started|(?:moved|switched|changed|converted)(?: over)? to
    |gone back to|stuck to)|went|turned|BECAME|eats?|BE eating|have to eat|has to eat|keeps?|keep it|follows?
    |BE following|went back to|started|does|do|BE doing|switched to|sticks? to|cooks?
    |BE trying)ADVS(?: from [\w -]{3,20}? to| back to
    | over to| to| on)?(?: being| eating| strictly| just| an?| the| my| completely| fully| full| totally| purely
    | all| normal| regular| plain| good old| proud| still)* <DIET>
diet = HAVE(?: got)? (?P<o>no (?:dietary )?restrictions)
diet ! = eats? (?P<o>(?:meat|fish|dairy|everything|anything)(?: and \w+)?)(?= again| these days| now)
age = (?:BE|turned|HAVE (?:turned|hit|reached)|turns?|reached|hit)ADVS(?: officially| only| all of
    | a ripe old)* <AGE>
age = (?:as|BE) (?:an? )(?P<o>\d{1,3})[ -]years?[ -]old
height = (?:BE|measures?|stands?|HAVE (?:grown|shot up|sprouted|reached|shrunk|hit|gone up)|grew|reached|hit
    |shot up|sprouted|measured (?:me|him|her))ADVS(?: \d+ and| up| to| at| in at| exactly| just| about| around
    | only| over| under| tall at|,)* <HEIGHT>(?! (?:away|from|long|wide|deep|above|below|behind|ahead))
weight = (?:BE|weighs?|HAVE (?:reached|hit)|reached|hit|weighed in)ADVS(?: \d+ and| in| at| exactly| just| about
    | around| only| over| under| down to| up to| back to| down at| up at| back at)* <WEIGHT>(?! (?:short|poorer
    |richer|lighter|heavier|overweight|in debt|off|more|less|of))
weight ? = weighed(?: in)?(?: at| exactly| just| only)* <WEIGHT>
weight ! = (?:dropped|gone|went|got|gotten|come|came|slimmed|shrunk|risen|rose|crept|climbed|bulked
    |fallen|fell|made it|trimmed|lost .{1,20}?|gained .{1,20}?|put on .{1,20}?)(?: down| up| back| myself| weight
    | and BE| now| all the way)*(?: from [^,;]{2,15}?)?(?: to| at) <WEIGHT>
time zone = (?:BE|lives?|works?|BE working|runs?|operates?|HAVE (?:moved|switched|gone|changed)|moved|switched
    |changed)ADVS(?: all| over| now)*(?: from [^,]{2,15}?)? (?:on|in|at|to) <TIMEZONE>
hair colour ? = (?:BE|BECAME|went|HAVE gone|HAVE turned|turned|came out|HAVE been|stepped out|walked out|walked in
    |came home|came back)ADVS(?: an?| natural| naturally| to| all| completely| from [a-z]+ to)* <COLOUR>(?= ?(?:$
    |[,.!;]| now\b| and\b| but\b| again\b| last\b| this\b| today\b| yesterday\b| hair\b| since\b| these\b| like\b
    | by\b| for\b))
hair colour = (?:HAVE(?: got)?|with|got|wears?)(?: my| his| her| an?| long| short| curly| straight| wavy| naturally
    | natural)* <COLOUR> (?:hair|curls|locks|bob|mane)\b
hair colour ! = (?:dyed|coloured|colored|bleached|tinted|had)(?: (?:my|his|her|their
    |the)(?: [a-z]+)? ?hair| it)(?: all| to| dyed| coloured| done)* <COLOUR>
bedtime = (?:goes|go|HAVE started going|started going|am going|is going|heads?|turns?|gets?|hits?|BE)ADVS(?: off
    | straight)?(?: to bed| in| into bed| in bed| to sleep| asleep| the hay| the sack| the pillow)(?: now| only
    | usually| always| these days| at| by| around| about| before| after| until)* <TIME>
goes to gym = (?:trains?|works? out|lifts?|climbs?|exercises?|box(?:es)?|do(?:es)? (?:my |the )?(?:weights|crossfit
    |yoga|pilates|spinning|workouts?)|BE (?:training|working out|lifting|climbing))(?: now| mostly| mainly
    | these days| weights| every day| daily)* (?:at|with) <ORG>
goes to gym ! = (?:HAVE(?: got)?|got|took out) (?:an? |my )?(?:new |gym )*membership (?:at|with) <ORG>
goes to gym ~ = (?:goes|go|belongs?) to <ORG>
goes to gym ! ? = (?:left|quit|dropped|cancelled) (?:the|my) (?:old )?gym for <ORG>
goes to gym ! ? = (?:joined|signed|switched|moved|changed|transferred|gone|go|goes|went|swapped
    |belongs?|BE (?:a )?(?:member|signed up|registered|now))WAY(?: up)?(?: (?:my|his
    |her) (?:gym )?membership)?(?: gyms)?,?(?: from .{1,30}?)?(?: to| with| at| of)? <ORG>
studies at = (?:stud(?:y|ies)|BE studying|reads? [a-z]+|majors? in [\w ]+?|BE (?:doing|finishing|taking|reading
    |getting) [\w' ]{2,40}?|does? (?:my|his|her|a) [\w' ]{2,30}?)(?: [a-z][\w' ]{1,30}?)?(?: now)? (?:at|in) <ORG>
studies at = (?:BE|BECAME|HAVE become|HAVE been)ADVS(?: an?| in (?:my|his|her) [a-z]+ (?:year|semester|term)
    | the)*(?: [\w-]+){0,2}? ?(?:students?|pupils?|undergrad(?:uate)?|(?:first|second|third|fourth|final)[ -]year
    |fresher|freshman|sophomore|postgrad(?:uate)?|enrolled|registered|boarder|PhD candidate)(?: now)? (?:at|in|of
    |with) <ORG>
studies at = (?:started|begun|began) (?:my|an?|his|her) (?:[\w-]+ )?(?:degree|PhD|doctorate
    |master'?s?|bachelor'?s?|course|studies|MBA|A[- ]levels|training|first year|freshman year) at <ORG>
studies at ! = (?:enrolled|matriculated)WAY (?:at|in|to|with) <ORG>
studies at ! ? = (?:transferred|switched|moved|changed|gone|started|begun|began|starts?|got in
    |got into|got accepted|been accepted|settled in|attends?|goes|go|BE(?: now)?|joined|went|chosen
    |chose)WAY(?: from .{1,40}?)?(?: to| at| into| in)? <ORG>
supports = (?:supports?|BE supporting|roots? for|BE rooting for|cheers? (?:for|on)|HAVE (?:started
    |been) supporting)ADVS <ORG>
supports = (?:BE|BECAME|HAVE become|HAVE been|turned)ADVS (?:an? |the )(?:lifelong |proud |die-hard |big
     |huge |long-suffering )*<NAME> (?:fan|supporter|ultra|season ticket holder|follower|man|girl)\b(?! of)
supports ! = (?:switched|changed|transferred|shifted|pledged|moved) (?:my|his|her|our) (?:allegiance
    |loyalty|loyalties|support) to <ORG>
supports ? = (?:BE|BECAME|HAVE become)ADVS (?:an? )?(?:lifelong |proud |die-hard |big |huge )*(?:fan
    |supporter) of <ORG>
supports ! ? = (?:switched|changed|gone|crossed|defected|moved|converted|swapped|went
    |turned)WAY(?: from .{1,30}?)? to <ORG>
religion = (?:BENOTBUT|BECAME|HAVE become|HAVE been|calls? (?:my|him|her)self|considers? (?:my|him|her)self
    |BE (?:a )?practi[sc]ing|practi[sc]es?|turned|HAVE turned|follows?|BE (?:now )?part of the)ADVS(?: an?
    | the)? <RELIGION>(?= ?(?:$|[^\w ]| (?!school|church|priest|teacher|family|music|art|food|holiday|wedding
    |cemetery|college|hospital)))
religion ! = (?:converted|switched|gone over|returned|come back|came back
    |found my way)WAY(?: from .{1,30}?)? to <RELIGION>
religion = (?:was|were|BE) (?:raised|brought up|born|baptised|baptized)(?: as)?(?: an?)? <RELIGION>(?= and (?:(?:I
    |we|he|she) )?(?:still|always|remain|stayed))
nationality = (?:BENOTBUT|BECAME|HAVE become|HAVE been)ADVS(?: a| an| only| officially| naturalised| naturalized
    | legally| fully| just| purely| all)* <NATIONALITY>(?: citizens?| nationals?| subjects?)?(?= ?(?:$|[,.;!:)]
    | (?:now|and|but|by|these|though|so|since|because|from|born|on paper|only|again|as|with|officially|instead
    |through|who|citizen|after)\b))
nationality = (?:HAVE(?: got)?|holds?|got|HAVE (?:got|received|acquired|taken)|took|acquired|travel(?:s)? on
    |received|swapped .{2,30}? for|traded .{2,30}? for|exchanged .{2,30}? for|HAVE swapped .{2,30}? for)ADVS(?: an?
    | the| my| only an?)* <NATIONALITY> (?:citizenship|passport|nationality|one|papers)\b
name ~ = BEADVS(?: officially)? <NAME>(?= ?(?:$|[,.!;]| now\b| officially\b| from (?:now|today|here)\b
    | these days\b| again\b| since\b))
name ! = (?:go(?:es)?|HAVE gone|going|BE going|went)(?: now| back)?(?: only)? by (?:the name(?: of)? )?<NAME>
name = (?:BE|HAVE been)ADVS (?:called|named|known as|renamed|rechristened)(?: now| officially)? <NAME>
name ! = (?:took|taken|changed|adopted|readopted|chosen|reclaimed)(?: on| back)? (?:my|his
    |her) (?:last |married |maiden |first |family |legal |husband's
     |wife's |partner's )?(?:sur)?name
    (?:(?: [\w ]{0,20}?)? (?:to|of)|,? (?:and|so)(?: now)? (?:it is|I am)(?: now)?) <NAME>
boss = (?:reports?|answers?|BE (?:reporting|answering))ADVS(?: directly| only)? to <PERSON>
boss = (?:works?|BE(?: working)?|BE placed) under <PERSON>
boss ~ = (?:works?|BE working) for (?P<o>(?:Mrs?|Ms|Dr|Prof|Sir)\.? NAMES)
partner = BE (?:dating|seeing|going out with|together with) <PERSON>
works at = HAVE been (?:at|with) <ORG>(?= (?:for|since)\b)
doctor = BE (?:registered|a patient) with <PERSON>
bank = banks? with <ORG>
insurance = BE insured (?:with|by) <ORG>
drives = (?:drives?|BE driving|HAVE been driving|been driving|HAVE driven)ADVS <CAR>
drives ! ? = (?:traded|swapped|exchanged|replaced|upgraded|switched|changed|part-exchanged|sold
    |given up|gave up|ditched)\b[^.;]{0,50}? (?:for|with|to) <ACAR>
drives ! ? = (?:bought|got|purchased|picked up|leased|ordered|collected|BE (?:on to|onto|leasing)
    |moved on to|HAVE)(?: (?:my|him|her|our)(?:self|selves)| me| us)?(?: on lease)? <CAR>
"""
CONTEXT = {
    "weight": r"check-?up|doctor|nurse|midwife|vet|clinic|scales|today|this morning|yesterday|now|these days",
    "lives in": r"flat|rent|house|city|town|village|countryside|move|moved|live|living|neighbours?|neighbors?"
    r"|apartment|commute|sea|garden",
    "works at": r"jobs?|work|working|employers?|company|firm|boss|office|colleagues?|coworkers?|salary|pay|paid"
    r"|career|quit|resigned"
    r"|shifts?|closed down|hired|desk|ship|made redundant|laid off|fired|payroll|contract|agency|bank|hospital"
    r"|factory|restaurant|practice|handed in|notice|commute",
    "goes to gym": r"gyms?|training|workouts?|work out|lifting|membership|treadmills?|fitness|climbing|weights|spinning"
    r"|crossfit|pilates|yoga|boxing",
    "studies at": r"school|uni|university|college|campus|degree|term|semester|courses?|bachelor's?|master's?|phd"
    r"|exams?|lectures?"
    r"|studies|study|studying|student|pupil|graduated|transfer(?:red)?|classes|academy|faculty|law|professors?|lessons",
    "supports": r"fans?|club|team|supports?|supporter|season ticket|match(?:es)?|stadium|scarf|sides|football"
    r"|league|derby"
    r"|rugby|hockey|basketball|baseball|cricket",
    "hair colour": r"hair|hairdresser|dyed?|dyeing|bleach|salon|roots|blondes?|brunettes?|redheads?|barber|colou?rist",
    "drives": r"cars?|drives?|driving|boot|engine|seats?|garage|traded|mileage|petrol|diesel|electric|wheels"
    r"|trunk|mechanic|gears?"
    r"|motor|vehicle|dealer|part-exchanged|parking|park|banger|license|licence",
}
"""What a sentence speaks of where its verb alone does not tell."""
ATTRIBUTES = {
    "boss": r"(?:new |direct |line |immediate )*(?:boss|manager|supervisor|team lead(?:er)?"
    r"|head of department)(?: and boss)?",
    "phone number": r"(?:(?:work|home|house|mobile|cell|office|private|personal|new) )*(?:(?:phone|telephone"
    r"|mobile|cell|contact)"
    r" number|number|phone|mobile|landline|cell|cellphone|telephone)",
    "email": r"(?:(?:work|personal|private|new|main) )*(?:e-?mail(?: address)?|mail(?: address)?|address|inbox)",
    "drives": r"(?:(?:family|company|daily|main) )?(?:car|ride|motor|vehicle|set of wheels|wheels)",
    "goes to gym": r"(?:(?:climbing|boxing|home|regular|local) )*(?:gym|fitness (?:club|studio)|climbing hall"
    r"|health club)",
    "works at": r"(?:employer|workplace|place of work|work place)",
    "works as": r"(?:job title|job|role|occupation|profession|position|title|line of work|trade|career)",
    "lives in": rf"(?:(?:home|current|postal) )?(?:address|residence|{_HOMES})",
    "diet": "diet",
    "age": "age",
    "weight": r"(?:body )?weight",
    "height": "height",
    "nationality": r"(?:nationality|citizenship|passport)",
    "religion": r"(?:religion|faith|denomination|church)",
    "time zone": r"(?:time ?zone|times|clock|meeting times)",
    "bedtime": r"(?:bed ?time|lights[- ]out)",
    "marital status": r"(?:marital|relationship) status",
    "hair colour": r"hair(?: colou?r)?",
    "name": r"(?:(?:full|legal|first|official|married) )*name",
    "supports": r"(?:football |rugby |hockey )?(?:club|team)",
    "studies at": r"(?:university|uni|college|school)",
    "lives with": r"(?:flat|room|house)mates?",
    "partner": r"(?:new )?(?:partner|boyfriend|girlfriend)",
    "doctor": r"(?:(?:new|family|own) )*(?:doctor|GP|physician)",
    "dentist": r"(?:new )?dentist",
    "vet": r"(?:new )?vet",
    "therapist": r"(?:new )?(?:therapist|psychologist|counsellor|physio(?:therapist)?)",
    "hairdresser": r"(?:new )?(?:hairdresser|barber)",
    "landlord": r"(?:new )?(?:landlord|landlady)",
    "browser": r"(?:(?:new|main|default|web) )*browser",
    "bank": r"(?:new )?bank",
    "insurance": r"(?:(?:new|car|home|health|travel|dental) )*(?:insurance|insurer|cover)(?: company)?",
}
"""What a person has one of, by the relation that its value has."""
FAVOURITE = (
    r"(?:(?:all-time |absolute |very |new |current )*favou?rite|number[- ]one|go-to|preferred|top|best-loved)"
    r"(?! (?:priority|rule|goal|concern|fear|reason|tip|problem|issue|question|speed|floor|shelf|drawer|left|right"
    r"|of)\b) (?:new )?"
    r"(?P<thing>(?-i:[a-z][\w-]*(?: (?!(?:is|are|has|have|was|were|these|now|to|in|of|at|by|for|and|but|because"
    r"|since|this"
    r"|that|right|any|so|then|as|with|on|or|used|switched|moved|turned|replaced|went|got|does|did|became|when"
    r"|will|would|at|changed|these|after|before|again|ever|from|all"
    r"|nowadays|currently|instead|not|no|whatsoever|anyway|though|too|a|an|the|it|we|I)\b)[a-z][\w-]*){0,2}))"
)


_CLOSED = ("DIET", "MARITAL", "RELIGION", "NATIONALITY", "COLOUR", "TIMEZONE")
_NAME = rf"(?<=.)\b(?!I\b)[{values.UPPER}]"
_COUNT = (
    r"\d|\b(?i:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thir|four|fif|six|seven|eight|nine"
    r"|twen|for)"
    r"(?:teen|ty)?\b"
)
NEEDS: dict[str, re.Pattern[str]] = {
    "name": re.compile(_NAME),
    "place": re.compile(rf"{_NAME}|\b(?i:{_HOMES})\b"),
    "number": re.compile(_COUNT),
    "time": re.compile(rf"{_COUNT}|(?i:midnight|noon|half|quarter)"),
    **{kind: re.compile(rf"\b(?:{_VALUES[kind]})", re.IGNORECASE) for kind in _CLOSED},
}
"""A quick look for the kinds of value, so that most sentences are spared most of the phrases."""


@dataclass(frozen=True)
class VerbPhrase:
    """A compiled line: what it tells of, whether it says that this is new, may pass, or needs its context."""

    relation: str
    pattern: re.Pattern[str]
    moves: bool
    passing: bool
    context: re.Pattern[str] | None
    needs: str
    """What else a sentence must hold for the phrase to be looked for, a key of :data:`NEEDS`."""


def _needs(line: str) -> str:
    kinds = re.findall(r"<([A-Z]+)>", line)
    if not kinds:
        return "name" if "NAMES" in line else ""
    return {"PLACE": "place", "PLW": "", "OCC": "", "CAR": "", "AGE": "number", "TIME": "time"}.get(
        kinds[0], "number" if kinds[0] in ("HEIGHT", "WEIGHT") else kinds[0] if kinds[0] in _CLOSED else "name"
    )


def _compiled() -> list[VerbPhrase]:
    found = []
    for line in re.sub(r"\n {4}", "", _LINES).strip().splitlines():
        head, pattern = line.split(" = ", 1)
        for short, full in _WORDS.items():
            pattern = pattern.replace(short, full)
        for short, full in _VALUES.items():
            called = "(?:an? (?:[a-z-]+ ){0,3}?(?:called|named) )?" if short == "ORG" else ""
            pattern = pattern.replace(f"<{short}>", f"{called}(?P<o>{full})")
        pattern = pattern.replace("NAMES", values.NAMES)
        relation = head.rstrip(" !~?")
        context = re.compile(rf"\b(?:{CONTEXT[relation]})\b", re.IGNORECASE) if "?" in head else None
        rule = re.compile(rf"(?<![\w'-]){pattern}", re.IGNORECASE)
        found.append(VerbPhrase(relation, rule, "!" in head, "~" in head, context, _needs(line)))
    return found


VERB_PHRASES = _compiled()
