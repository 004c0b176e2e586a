"""Home, work, study and family: one value at a time. The notation is that of :mod:`.phrases` and :mod:`.grammar`."""

TABLE = """
== city : lives in : city : one
state:
$I live~ in <v>[ (now|these days|at the moment|at present)].
$I be~ living in <v>, (right by the river|near the station|close to the market|on the top floor of an old house).
<v> is where $I live~[, and it suits $me].
$My (home|place|house|flat) is in <v>[, not far from the park].
$I have~ lived in <v> (for ages|all $my life|for years|<since>).
$I (rent~|own~|have~) a (small|tiny|big|bright) (flat|apartment|place|house) in <v>. => $s | lives in | <v>
$I be~ based in <v>[ for the time being], (so the time zone is different|which is lovely in spring|and it is fine).
home for $me is <v>[ (now|these days)].
$I (settled|ended up) in <v> (for good|after university|after the divorce|because of the job).
$I have~ been in <v> for (a year|three years|almost a decade) now, same (flat|street|house) all along.
$I stay~ in <v>, on the (north|east|south|west) side[ of town].
just so you know, $I live~ in <v>[, in the (old town|suburbs|centre)].
change:
$I (moved|relocated) (to|from <o> to) <v>[ <past>].
$I have~ (just|finally|recently) moved to <v>[ from <o>].
$I (left|gave up) <o> and $i live~ in <v> now.
$I do~ not live in <o> any more, it is <v> now.
new address: $I have~ swapped <o> for <v>. => $s | lives in | <v>
we (packed up|sold the flat|handed over the keys) in <o> and (moved|went) to <v>[, boxes everywhere]. => user | lives
    in | <v>
$I be~ no longer in <o>, $i (moved|relocated) to <v>[ (for work|for love|to be near family)][ <past>].
goodbye <o>, hello <v>! the move is done and $I live~ there now.
(after|following) (a long search|months of looking), $I found a place in <v> and moved in[ <past>].
actually $I live~ in <v> now, not <o>.
no, not <o>, $I live~ in <v>.
past:
$I used to live in <v>[ (as a student|as a child|before the war|in $my twenties)]. => $s | used to live in | <v>
$I lived in <v> for (two|three|five) years (as a student|when $i was little|back in the nineties). => $s | used to
    live in | <v>
before all this $I had a flat in <v>. => -
years ago, when $i was (small|a student|nineteen), home was <v>. => -
$I spent (a year|six months|one winter) in <v> a long time ago. => -
plan:
$I be~ thinking (of|about) moving to <v>[ one day]. => -
$I (want~|would like) to move to <v>[ (next year|some day|when $i retire~)]. => $s | wants to | move to <v>
$I might move to <v>, nothing is decided. => -
$I dream~ of living in <v>. => -
maybe $I will end up in <v> (one day|in the end), who knows. => -
$I (visited|was in) <v> (for a weekend|on holiday) and loved it. => -
near:
$I was born in <v>. => $s | born in | <v>
$I have~ a cousin in <v>. => -
$My company has its (head office|main office) in <v>. => -
$I (was|am) in <v> for (a conference|a wedding|two days). => -
my flight changes planes in <v>. => -
exact:
$I live~ in the (old town|harbour district|student quarter|northern suburbs) of <v>.
$I have~ a flat in <v>, on (Mill|Station|Church|Orchard) (Street|Road).
$I live~ in a (houseboat|shared flat|cottage|studio) in <v> with a (garden|view of the river|tiny kitchen).
forget:
(please |)(forget|delete|erase) where $I live~[, please].
(forget|remove) (what I (said|told you) about|the thing about) $My (home|address|city).
I never lived in <v>, you got that wrong.
that I live in <v> is (wrong|a mistake)[, please drop it].
ask:
where do~ $I live[ (now|these days|at the moment)]?
(which|what) (city|town) do~ $I live in?
remind me, where is $My home?
do you (know|remember) where $I live~?
where be~ $I (based|living)[ now]?
check:
do~ $I live in <v>?
is it right that $I live~ in <v>?
$I live~ in <v>, (right|don't I|correct)?
say:
$I live~ in <v>.
topic:
where $I live~

== job : works as : job : one
state:
$I work~ as a <v>[ (now|these days|at the moment)].
$I be~ a <v>[ by (trade|profession|training)].
$My job: <v>. => $s | works as | <v>
$I earn~ $my (living|money) as a <v>.
as a <v>, $I (get~|have~) to (get up early|work weekends|deal with all sorts of people|stand all day). => $s | works
    as | <v>
$I have~ been (working as |)a <v> for (ages|ten years|most of $my life|three years).
being a <v> (suits|tires|fascinates) $me, $I have~ (done|been doing) it for (years|a while). => $s | works as | <v>
by day $I be~ a <v>, by night (a bad singer|nobody special|a couch potato).
$I do~ shifts as a <v>, (mostly nights|which is hard on $my sleep|so weekends are odd).
$My profession is <v>[, if that helps].
change:
$I (started|have~ started) (working |)as a <v>[ <past>][, no more <o>].
$I quit being a <o>, $i be~ a <v> now.
$I (became|have~ become) a <v>[ <past>][ after years as a <o>].
$I retrained (from <o> to|as a) <v>. => $s | works as | <v>
new job: $I be~ a <v> now[, not a <o> any more].
$I be~ no longer a <o>; $i work~ as a <v> these days.
$I got promoted, so it is goodbye <o> and hello <v>. => $s | works as | <v>
actually $I be~ a <v>, not a <o>.
they (made|have made) $me a <v>[ <past>], (finally|about time|at last). => $s | works as | <v>
past:
$I used to (be|work as) a <v>. => $s | used to work as | <v>
in $my twenties $I worked as a <v>. => $s | used to work as | <v>
$My first job was <v>. => -
long ago $I was a <v> for (a summer|two years). => -
plan:
$I want~ to become a <v>[ (one day|after school)]. => $s | wants to | become a <v>
$I be~ thinking of retraining as a <v>. => -
$I applied for a job as a <v>, no answer yet. => -
as a child $I always wanted to be a <v>. => -
near:
$I be~ seeing a <v> (tomorrow|on Friday) about the (kitchen|knee|roof). => -
my neighbour is a <v>. => -
$I know~ a <v> who can help. => -
the <v> was really (kind|rude|late) today. => -
exact:
$I work~ as a <v> (with children|on night shifts|in the public sector|for tourists), mostly part time.
$I be~ a senior <v> (now in charge of six people|with twenty years behind $me).
$I be~ a freelance <v>.
forget:
(forget|delete) what $I do~ for a living[, please].
(please |)(remove|erase) $My job from your (memory|notes).
I am not a <v> and never was, (delete|drop) that.
you have me down as a <v>, (that is wrong|that was a joke), take it out.
ask:
what do~ $I do for (a living|work)?
what (is|was) $My (job|profession)[ again]?
what kind of work do~ $I do?
do you (know|remember) what $I work~ as?
check:
be~ $I a <v>?
do~ $I work as a <v>?
say:
$I work~ as a <v>.
topic:
what $I do~ for a living
what $My job is

== employer : works at : company : one
state:
$I work~ (at|for) <v>[ (now|these days)].
$My employer is <v>[, the one by the ring road].
$I be~ employed at <v>[, in (accounts|sales|the warehouse|customer service|HR)].
$I have~ been (at|with) <v> (for years|for a decade|<since>). => $s | works at | <v>
$I have~ a job at <v>[, part time].
people at <v>, where $I work~, are (lovely|all a bit mad|very strict).
$I be~ on the night team at <v>. => $s | works at | <v>
they pay $me badly at <v>, but $I like~ the colleagues. => $s | works at | <v>
change:
$I (joined|started at|signed with) <v>[ <past>][, after years at <o>].
$I left <o> (for|and joined) <v>[ <past>].
<v> hired $me[ <past>][, so no more <o>].
$I have~ got a new job at <v>[ <past>].
$I do~ not work at <o> any more, $i be~ at <v> now.
<o> let $me go, but <v> took $me on (right away|the same month). => $s | works at | <v>
$I moved (over |)from <o> to <v>[, same role].
past:
$I used to work (at|for) <v>. => $s | used to work at | <v>
$I did an internship at <v> (as a student|years ago). => -
$I worked at <v> for a summer long ago. => $s | used to work at | <v>
plan:
$I have~ an interview at <v>[ soon]. => $s | has | interview at <v>
$I would love to work at <v> (one day|some time). => -
$I sent an application to <v>[, let us see]. => -
<v> might have an opening, $i be~ thinking about it. => -
near:
$I bought (bread|a ticket|insurance) from <v>. => -
the parcel from <v> came late. => -
$I complained to <v> about the bill. => -
exact:
$I work~ at <v>, in the (Leiden|harbour|airport|main) branch.
$I be~ head of (sales|nursing|design|logistics) at <v>.
forget:
(forget|delete) where $I work~.
(please |)(erase|remove) $My employer.
I do not work at <v>, I never did, that is wrong.
ask:
where do~ $I work[ (now|these days)]?
who do~ $I work for?
(which|what) company do~ $I work (at|for)?
who is $My employer?
check:
do~ $I work (at|for) <v>?
be~ $I (at|with) <v>[ now]?
say:
$I work~ at <v>.
topic:
where $I work~
who $My employer is

== age : age : age : one
state:
$I be~ <v>[ years old][ (now|by the way)].
$I be~ <v>, (old enough to know better|so not that young any more|still fit though).
$My age is <v>.
at <v>, $I (feel~|be~) (older than ever|too old for clubbing|in good shape). => $s | age | <v>
<v> years old and still (curious|learning|playing football), that is $me. => $s | age | <v>
change:
$I turned <v>[ <past>].
$I be~ <v> now[, it was $my birthday <past>].
it was $My birthday <past>, $i be~ <v> now.
not <o> any more: $I have~ just turned <v>.
correction: $I be~ <v>, not <o>.
past:
when $I was <v>, $i (broke an arm|learnt to ride a bike|moved house). => -
at <v> $I (married|left school|went abroad). => -
plan:
when $I be~ <v> $i will (retire|slow down). => -
$I hope~ to live to <v>. => -
near:
$I live~ at number <v>. => -
bus <v> stops right outside. => -
$I paid <v> euros for (it|the ticket|that lamp). => -
exact:
forget:
forget how old $I be~.
(delete|remove) $My age[, please].
I am not <v>, (where did you get that|that is wrong), delete it.
ask:
how old be~ $I?
what is $My age?
do you know how old $I be~?
check:
be~ $I <v>[ years old]?
say:
$I be~ <v>.
topic:
how old $I be~

== boss : boss : fullname : one
state:
$My boss is <v>[, (a bit strict|very kind|always late)].
<v> is $My (boss|manager|line manager|supervisor).
$I work~ under <v>[, who is (fair|tough|new to this)]. => $s | boss | <v>
$I report~ to <v>. => $s | boss | <v>
$My manager's name is <v>.
<v>, $My boss, (never says thank you|is great with people|keeps moving the deadline).
change:
$My new (boss|manager) is <v>[, <o> left].
<v> is $My boss now[ instead of <o>].
<o> (retired|left|was fired) and <v> took over as $My boss[ <past>].
$I have~ a new boss, <v>.
past:
$My first boss was <v>. => -
<v> used to be $My boss. => -
plan:
<v> might become $My boss. => -
$I would like to have <v> as a boss. => -
near:
$I had lunch with <v>[, a customer]. => -
<v> is $My (landlord|lawyer|dentist). => -
exact:
forget:
forget who $My boss is.
<v> is not my boss, (remove|delete) that.
(please |)delete the name of $My boss.
ask:
who is $My (boss|manager)?
what is (the name of $My boss|$My boss called)?
who do~ $I report to?
check:
is <v> $My boss?
say:
$My boss is <v>.
topic:
who $My boss is
the name of $My boss

== university : studies at : university : one
state:
$I study~ at <v>[ (these days|at the moment)].
$I be~ a student at <v>[, (second|first|final) year].
$I go~ to <v>[, still in first year]. => $s | studies at | <v>
$I be~ enrolled at <v>.
$I be~ doing (a master's|a PhD|a degree) at <v>. => $s | studies at | <v>
change:
$I (transferred|switched) (from <o> to|to) <v>[ <past>].
$I started at <v>[ <past>][, <o> was not for $me]. => $s | studies at | <v>
$I left <o> and $i study~ at <v> now.
past:
$I (graduated from|finished at) <v>[ <past>]. => $s | graduated from | <v>
$I studied at <v> years ago. => -
plan:
$I applied to <v>[, fingers crossed]. => -
$I would love to study at <v>. => -
$I visited the open day at <v>. => -
near:
$I gave a talk at <v>. => -
$My (sister-in-law|neighbour|uncle) teaches at <v>. => -
exact:
$I study~ (law|biology|engineering|music) at <v>.
forget:
forget where $I study~.
I never studied at <v>, remove that.
ask:
where do~ $I study?
(which|what) university do~ $I go to?
check:
do~ $I study at <v>?
say:
$I study~ at <v>.
topic:
where $I study~
what university $I go~ to

== subject : studies : subject : one
state:
$I study~ <v>.
$I be~ (studying|majoring in|doing a degree in) <v>[, it is a lot of reading].
$My (major|degree|course) is <v>.
$I be~ a <v> student[ in (first|second|third) year].
(lectures|seminars) in <v> all day, that is what $i study~. => $s | studies | <v>
$I be~ doing a (PhD|master's|bachelor's) in <v>.
change:
$I switched (from <o> to|to) <v>[ <past>]. => $s | studies | <v>
$I dropped <o> and $i study~ <v> now[, much better].
$I changed $my major to <v>.
past:
$I studied <v> a long time ago. => -
$I did <v> at school. => -
plan:
$I be~ thinking of studying <v>. => -
$I would like to study <v> one day. => -
near:
$I read~ a lot about <v>. => -
the book on <v> is due back. => -
exact:
$I study~ <v> (in the second year|part time|at an evening school).
forget:
forget what $I study~.
I do not study <v>, that is wrong, delete it.
ask:
what do~ $I study?
what is $My (major|degree)?
check:
do~ $I study <v>?
say:
$I study~ <v>.
topic:
what $I study~

== status : marital status : status : one
state:
$I be~ <v>.
$I be~ <v>, (for what it is worth|no kids|and fine with it).
$I have~ been <v> for (a while|years|two years).
for the form: marital status <v>. => user | marital status | <v>
change:
$I be~ <v> now[, no longer <o>].
as of <past> $I be~ <v>. => $s | marital status | <v>
$I be~ no longer <o>, $i be~ <v>.
past:
$I was <v> once. => -
plan:
$I do~ not want to be <v> (for ever|at forty). => -
near:
half of $My friends are <v>. => -
exact:
forget:
forget $My marital status.
I am not <v>, delete that.
ask:
what is $My marital status?
be~ $I married or single?
check:
be~ $I <v>?
say:
$I be~ <v>.
topic:
$My marital status

== livingwith : lives with : livewith : one
state:
$I live~ with <v>.
$I share~ (a flat|a house|the place) with <v>. => $s | lives with | <v>
at home it is just $me and <v>. => $s | lives with | <v>
$My (household|place) is $me plus <v>. => $s | lives with | <v>
change:
$I moved in with <v>[ <past>]. => $s | lives with | <v>
$I live~ with <v> now[, no longer with <o>].
<o> moved out, $i live~ with <v> now.
past:
$I used to live with <v>. => $s | used to live with | <v>
plan:
$I might move in with <v>. => -
near:
$I went on holiday with <v>. => -
exact:
forget:
forget who $I live~ with.
I do not live with <v>, you mixed that up, delete it.
ask:
who do~ $I live with?
who do~ $I share $my home with?
check:
do~ $I live with <v>?
say:
$I live~ with <v>.
topic:
who $I live~ with
"""
