"""What happens to people, what they plan, feel, own and leave: lines for the task of extracting.

A line after ``=>`` tells its triples; ``;`` stands between them. Where a line names a day, the day belongs to each
of its triples that does not end with ``| -``.
"""

TABLE = """
== exams
$I (failed|flunked) $my <exam>[ <past>][, all that studying for nothing]. => $s | failed | <exam>
<past> $I failed $my <exam>, $i could (cry|scream). => $s | failed | <exam>
$I passed $my <exam>[ <past>]! => $s | passed | <exam>
the results came <past>: $I passed the <exam>, (first try|barely|with top marks). => $s | passed | <exam>
my <exam> (is|will be) <future>[ and I am not ready]. => user | has | <exam>
$I have~ $my <exam> <future>[, wish us luck]. => $s | has | <exam>
$I did not pass the <exam>[, again|, missed it by two points]. => $s | failed | <exam>
they postponed $My <exam>, it is <future> now. => $s | has | <exam>
== deaths
$My <petkind> <petname> died <past>. => <petname> | is | dead
my <petkind> died <past>[, the house feels empty]. => user's <petkind> | is | dead
we had to put our <petkind> <petname> to sleep <past>. => <petname> | is | dead
my <k=grandmother|grandfather|uncle|aunt|godmother> (died|passed away) <past>, (I can not think straight|we were very
    close). => user's <k> | is | dead
<past> we buried <petname>, $My old <petkind>. => <petname> | is | dead
== accidents
$I broke $my <bodypart> <past>[ (playing football|on the stairs|skiing)]. => $s | broke | <bodypart>
$I fell off (the ladder|a horse|the bike) <past> and broke $my <bodypart>. => $s | broke | <bodypart>
$I sprained $my <bodypart>[ <past>][, it is as big as a melon]. => $s | sprained | <bodypart>
$My <bodypart> is broken, it happened <past>. => $s | broke | <bodypart>
$I lost $my (wallet)[ (on the tram|somewhere in the park)] <past>. => $s | lost | wallet
somebody stole $My bike <past>. => $s | lost | bike
$I (lost|mislaid) $my passport[ <past>][, of all things]. => $s | lost | passport
the phone screen cracked <past>, typical. => -
== work
$I used to work (at|for) <company>, (ten|five|three) years in the (warehouse|lab|kitchen). => $s | used to work at |
    <company>
$My old job was at <company>, $i used to work there (for ages|before the baby). => $s | used to work at | <company>
back when $I worked at <company>, (lunch was free|we had Fridays off). => $s | used to work at | <company>
$I graduated from <university>[ <past>][, in <subject>]. => $s | graduated from | <university>
$I (finished|have~) a degree from <university>[, for what it is worth]. => $s | graduated from | <university>
<past> $I graduated from <university>, (cap and gown and all|with honours|my parents cried). => $s | graduated from |
    <university>
$I won the <x=chess tournament|photo contest|pub quiz|raffle|spelling bee> <past>. => $s | won | <x>
first place! $I won the <x=cooking contest|poetry slam|city race|science prize>[ <past>]. => $s | won | <x>
we won the <x=cup|league|tender|bake-off>[ <past>], (at last|unbelievable|my voice is gone). => user | won | <x>
$I (was|got) laid off <past>. => $s | is | laid off
$I lost $my job <past>[, out of the blue]. => $s | lost | job
$I quit $my job[ <past>][, best decision ever]. => $s | quit | job
$I handed in $my notice <past>, $i be~ leaving <company>. => $s | quit | <company>
$I got promoted <past>[, finally]. => $s | got | promoted
$I be~ <x=retired|unemployed|self-employed>[ now][, so the days are (long|my own)]. => $s | employment | <x>
$I have~ retired[, and do not miss it]. => $s | employment | retired
$I got a (raise) <past>. => $s | got | raise
$I will start at <company> <future>. => $s | plans to | start at <company>
$I won a <x=prize|medal|trophy|scholarship|cooking contest|raffle>[ <past>], (me of all people|can you imagine). =>
    $s | won | <x>
I am on (parental leave) <since>. => user | is on | parental leave
$I work~ night shifts[, so mornings are for sleeping]. => $s | works | night shifts
I work from home on (Fridays). => user | works from home on | Fridays
== buying
$I bought a <thing> <past>. => $s | got | <thing>
$I treated $myself to a new <thing>[ <past>]. => $s | got | new <thing>
$I finally got (that|a) <thing>[ <past>][, on sale]. => $s | got | <thing>
we (adopted|picked up) a <petkind> <past>[, she is a handful|, he has no name yet]. => user | got | <petkind>
$I sold $my <thing>[ <past>]. => $s | not has | <thing>
$I ordered <x=spare keys|winter tyres|curtains|concert tickets>, they arrive <future>. => $s | ordered | <x> | -
my parents gave me a <thing> for (my birthday|Christmas). => user | has | <thing>
$My new <thing> arrived <past>[ and it is gorgeous]. => $s | has | new <thing>
== family
$I (got married|married) <past>. => $s | marital status | married
$I got engaged <past>! => $s | marital status | engaged
$I got divorced <past>. => $s | marital status | divorced
$I be~ pregnant[, due <future>][, we are over the moon]. => $s | is | pregnant | -
$I be~ expecting a (baby)[ <future>]. => $s | expecting | baby
$I have~ <num> <x=sons|daughters|grandchildren|cats|brothers|nieces>[ and no time]. => $s | has | <num> <x>
$I have~ <num> children[ and never a quiet minute]. => $s | has | <num> children
$I have~ <num> (siblings). => $s | has | <num> siblings
$I be~ an only child. => $s | is | only child
the <x=christening|family reunion|wedding|barbecue> is <future>, everybody is coming. => user | has | <x>
my parents are <x=divorced|separated> now, it happened <past>[, after thirty years]. => user's parents | marital
    status | <x>
our baby <x=daughter> <girl> was born <past>[, tiny and loud]. => <girl> | is | user's <x>
my sister is called <girl>. => <girl> | is | user's sister
my brother's name is <boy>. => <boy> | is | user's brother
my best friend is <name>[, we met at school]. => <name> | is | user's best friend
I have a (twin) sister, <girl>. => <girl> | is | user's twin sister
I have a (boyfriend) now, <boy>. => <boy> | is | user's boyfriend
my girlfriend <girl> and I moved in together <past>. => user | lives with | <girl>
my flatmate <name> plays the <instrument>, it never stops. => <name> | plays | <instrument>
I met my husband, <boy>, in <city>. => <boy> | is | user's husband
<name> and I broke up <past>. => user | broke up with | <name>
my daughter started (school) <past>. => user's daughter | started | school
$I started <x=therapy|piano lessons|a new course|physiotherapy|night school> <past>. => $s | started | <x>
== health
$I need~ glasses now, so $i wear~ <x=glasses|reading glasses|bifocals>. => $s | wears | <x>
$I have~ worn <x=glasses|hearing aids|a wig|contact lenses> (since school|for years|since the illness). => $s | wears
    | <x>
$I caught a <x=cold|stomach bug|fever|chest infection>[ <past>][, the nose is running non-stop]. => $s | has | <x>
$I had <x=knee surgery|a root canal|an MRI scan|a biopsy|cataract surgery|a miscarriage> <past>. => $s | had | <x>
$I had surgery on $my <bodypart> <past>. => $s | had | surgery on <bodypart>
$I quit smoking[ <past>][, wish us luck]. => $s | quit | smoking
$I stopped drinking (alcohol)[ <past>]. => $s | not drinks | alcohol
$I do~ not drink alcohol[ any more]. => $s | not drinks | alcohol
$I do~ not eat (meat)[ any more|, for the animals]. => $s | not eats | meat
$I stopped eating <food>[ <past>]. => $s | not eats | <food>
$I do~ not eat <food>[ (since that one night in <city>|at all)]. => $s | not eats | <food>
$I never drink~ <drink>. => $s | not drinks | <drink>
$I drink~ <drink> (every morning|all day|after dinner). => $s | drinks | <drink>
three cups of <drink> a day, that is $My limit. => $s | drinks | <drink>
$I wear~ <x=glasses|hearing aids|contact lenses|a brace>[ now]. => $s | wears | <x>
$I use~ a <x=wheelchair|walking stick|white cane>[ since the accident]. => $s | uses | <x>
$I can not sleep (because of|thanks to) $my <condition>. => $s | has | <condition>
$I donated <x=blood|a kidney|bone marrow> <past>. => $s | donated | <x>
$I be~ trying to lose weight. => $s | wants to | lose weight
== appointments
$I have~ a <doctor> appointment <future>. => $s | has | <doctor> appointment
(do not let me forget|note to self): <doctor> appointment <future>. => user | has | <doctor> appointment
$I have~ to see the <doctor> <future>[, not looking forward to it]. => $s | plans to | see the <doctor>
my <doctor> appointment got moved, it is <future>. => user | has | <doctor> appointment
$I have~ a <event> <future>. => $s | has | <event>
<future> there is my <event>[, I am so nervous]. => user | has | <event>
the <event> is <future>, I hope I do not mess up. => user | has | <event>
I am meeting <name> <future>[ for (lunch|coffee)]. => user | plans to | meet <name>
$My <event> is <future>. => $s | has | <event>
== plans
$I be~ going to <city> <future>. => $s | plans to | go to <city>
we fly to <city> <future>[, first time on a plane]. => user | plans to | fly to <city>
$I booked <x=a week|ten days|a room|a cabin> in <city> <future>. => $s | booked | <x> in <city>
$I be~ planning a trip to <country>[ <future>]. => $s | plans to | trip to <country>
$I be~ moving to <city> <future>. => $s | plans to | move to <city>
$I be~ getting married <future>. => $s | plans to | get married
$I want~ to learn <skill>[ this year|, it is never too late]. => $s | wants to | learn <skill>
$I would (love|like) to see <country> (one day|before $i turn~ fifty). => $s | wants to | see <country>
$I have~ signed up for a <sport> course. => $s | plans to | <sport> course
$I want~ to run a (marathon) [<future>]. => $s | wants to | run a marathon
$I be~ saving for a <thing>. => $s | wants to | <thing>
I will start therapy <future>. => user | plans to | start therapy
we are throwing a party for <name> <future>. => user | plans to | party for <name>
$I be~ renovating the <x=kitchen|bathroom|attic|old barn>[ at the moment][, dust everywhere]. => $s | renovates | <x>
my goal this year: read fifty books. => user | wants to | read fifty books
== travel
$I used to drive a <car>[, what a car]. => $s | used to drive | <car>
for years $I drove a <car>, (but no longer|then it was stolen). => $s | used to drive | <car>
$I have~ never been (abroad). => $s | not visited | abroad
$I have~ still not been to <country>[, shame on me]. => $s | not visited | <country>
$I have~ never seen <city>[, and $i be~ <age>]. => $s | not visited | <city>
$I cycle~ to <x=work|school|the office|university>[ every day|, rain or shine]. => $s | cycles to | <x>
by bike, that is how $I get~ to <x=work|school|the office>. => $s | cycles to | <x>
$I (went to|visited) <city> <past>. => $s | visited | <city>
we (spent a week|were) in <country> <past>[, it rained the whole time]. => user | visited | <country>
$I (came|got) back from <city> <past>. => $s | visited | <city>
$I have~ never been to <country>. => $s | not visited | <country>
$I grew up in <city>. => $s | grew up in | <city>
$I be~ (originally |)from <country>. => $s | is from | <country>
$I come~ from <city>[, you can hear it]. => $s | is from | <city>
$I was born in <year>[, do the maths]. => $s | birth date | <year>
$I was born in <city>. => $s | born in | <city>
$I was born and raised in <city>. => $s | born in | <city>
$I take~ the <x=train|tram|bus|ferry> to work[, forty minutes each way]. => $s | takes | <x> to work
$I cycle~ to work[ even in the rain]. => $s | cycles to | work
== feelings
$I feel~ (so |really |a bit |)<feeling>[ (today|lately|these days)]. => $s | feels | <feeling>
$I have~ been feeling <feeling> (for weeks|lately|since the move). => $s | feels | <feeling>
(not gonna lie|to be honest|honestly), I feel <feeling>. => user | feels | <feeling>
$I feel~ <feeling> about (the move|work|everything). => $s | feels | <feeling>
I do not know why but I feel <feeling>[, it comes in waves]. => user | feels | <feeling>
I miss <name> (so much|like crazy|every day). => user | misses | <name>
I had a fight with <name> <past>. => user | had | fight with <name>
I had an argument with my boss <past>[ and could not sleep]. => user | had | argument with boss
== tastes
$I sing~ in (a|the|our) <x=choir|church choir|gospel choir|rock band>[ on (Mondays|Wednesdays)]. => $s | sings in | <x>
choir practice was great, $I sing~ in a <x=gospel choir|barbershop quartet|women's choir>. => $s | sings in | <x>
my <x=email|mail> address is <email>. => user | email | <email>
write to me at <email>[, that is my email]. => user | email | <email>
(phone|number)? It is <phone>. => user | phone number | <phone>
call me on <phone>[, any time]. => user | phone number | <phone>
$I prefer~ <drink> to <drink2>. => $s | prefers | <drink>
I would take <drink> over <drink2> any day. => user | prefers | <drink>
$I prefer~ <x=short answers|trains|paper books|aisle seats|metric units|plain text>[, if possible]. => $s | prefers |
    <x>
I prefer window seats. => user | prefers | window seats
I like <food> but I hate <food2>. => user | likes | <food> ; user | dislikes | <food2>
$I love~ <activity>, <food> and <liked>. => $s | likes | <activity> ; $s | likes | <food> ; $s | likes | <liked>
<food> yes, <food2> never: I can not stand it. => user | dislikes | <food2>
<name> loves <food> but I find it (disgusting|awful). => <name> | likes | <food> ; user | dislikes | <food>
we both like <activity>, <name> and I. => user | likes | <activity> ; <name> | likes | <activity>
$I be~ reading <book>[ (at the moment|on the train)]. => $s | reads | <book>
$I finished <book> <past>. => $s | finished | <book>
$I watched <film> <past> and loved it. => $s | likes | <film>
$I be~ addicted to <game>. => $s | likes | <game>
call me <name>. => user | name | <name>
my name is <name>[, nice to meet you]. => user | name | <name>
I am <name>[ by the way|, hello]. => user | name | <name>
everybody calls me <name>. => user | name | <name>
my name is <name>, not <name2>. => user | name | <name>
== mixed
I am a <job> from <city>. => user | works as | <job> ; user | is from | <city>
I work as a <job> at <company> in <city>. => user | works as | <job> ; user | works at | <company>
I am <age>, live in <city> and work as a <job>. => user | age | <age> ; user | lives in | <city> ; user | works as |
    <job>
$I moved to <city> <past> and started at <company>. => $s | lives in | <city> ; $s | works at | <company>
I have a <petkind> called <petname> and a <petkind2> called <petname2>. => <petname> | is | user's <petkind> ;
    <petname2> | is | user's <petkind2>
my sister <girl> is a <job> and lives in <city>. => <girl> | works as | <job> ; <girl> | lives in | <city>
my brother lives in <city>, my parents are still in <city2>. => user's brother | lives in | <city> ; user's parents |
    live in | <city2>
my mother has <condition> and takes <medicine>. => user's mother | has | <condition> ; user's mother | takes |
    <medicine>
my (wife|husband) and I are both from <city>. => user | is from | <city>
<name> works at <company>, I work at <company2>. => <name> | works at | <company> ; user | works at | <company2>
my son plays the <instrument> and my daughter plays <sport>. => user's son | plays | <instrument> ; user's daughter |
    plays | <sport>
we have <num> cats and a <thing>. => user | has | <num> cats ; user | has | <thing>
my boss, <name>, is moving to <city> <future>. => <name> | plans to | move to <city>
I speak <language>, <language2> and a little <language3>. => user | speaks | <language> ; user | speaks | <language2>
    ; user | speaks | <language3>
I play the <instrument>, <name> plays the <instrument2>. => user | plays | <instrument> ; <name> | plays | <instrument2>
my father, a retired <job>, spends his days on <activity>. => user's father | hobby | <activity>
$I studied <subject> in <city> but now $i work~ as a <job>. => $s | works as | <job>
I am not a <job>, I am a <job2>. => user | works as | <job2>
no, not <city>, <city2>. I live in <city2>. => user | lives in | <city2>
sorry, I meant <city2>, not <city>, when I said where I live. => user | lives in | <city2>
wait, wrong: it is <company2> where I work, not <company>. => user | works at | <company2>
I am allergic to <allergen>, not to <allergen2>, you mixed that up. => user | allergic to | <allergen>
the <doctor> appointment is not <day>, it is <future>. => user | has | <doctor> appointment
my <petkind> is <petname>, not <petname2>. => <petname> | is | user's <petkind>
I do not have a <petkind>, I have a <petkind2>. => user | has | <petkind2>
since the divorce I live alone in <city>. => user | lives in | <city>
I teach <language> at <company>. => user | teaches | <language> ; user | works at | <company>
I run a small <x=bakery|bookshop|bike shop|café|laundry|nursery>[, just me and one helper]. => user | runs | <x>
I run a bakery in <city>. => user | runs | bakery in <city>
I volunteer at the <x=food bank|animal shelter|fire brigade|hospice|repair café>[ on Saturdays]. => user | volunteers
    at | <x>
I sing in a (choir). => user | sings in | choir
$I go~ to the gym (three times a week|before work). => $s | goes to | gym
$I go~ to church[ every Sunday]. => $s | goes to | church
my landlord, <name>, wants to sell the house. => <name> | wants to | sell the house
my neighbour <name> looks after <petname>, my <petkind>. => <petname> | is | user's <petkind>
my phone number is <phone>. => user | phone number | <phone>
you can (reach|mail) me at <email>. => user | email | <email>
"""
