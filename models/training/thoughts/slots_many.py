"""Skills, hobbies and possessions: what one has more than one of."""

TABLE = """
== language : speaks : language : many
state:
$I speak~ <v>[, (more or less|fluently|a bit rusty)].
$I be~ fluent in <v>. => $s | speaks | <v>
$I grew up speaking <v>. => $s | speaks | <v>
<v> is a language $I speak~.
you can write to $me in <v>, $I speak~ it. => $s | speaks | <v>
another:
$I also speak~ <v>.
besides <o>, $I speak~ <v>.
$I speak~ <v> as well.
stop:
$I have~ forgotten all $my <v>. => -
past:
$I spoke <v> as a child. => -
plan:
$I want~ to learn <v>. => $s | wants to | learn <v>
$I would love to speak <v>. => -
near:
$I heard people speak <v> on the bus. => -
the manual is in <v>. => -
exact:
$I speak~ <v> at a (B2|C1) level.
forget:
forget that I speak <v>.
I do not speak <v>, that is wrong, delete it.
ask:
(which|what) languages do~ $I speak?
check:
do~ $I speak <v>?
say:
$I speak~ <v>.
topic:
what languages $I speak~

== learning : learns : language : many
state:
$I be~ learning <v>[, (slowly|with an app|twice a week)].
$I be~ taking <v> lessons[ on (Mondays|Thursdays)]. => $s | learns | <v>
$I (started|have~ started) learning <v>[ <past>].
$I be~ doing a course in <v>. => $s | learns | <v>
another:
$I have~ also started learning <v>.
on top of <o>, $I be~ learning <v>.
stop:
$I gave up learning <v>. => -
past:
$I learnt <v> at school. => -
plan:
$I want~ to learn <v>. => $s | wants to | learn <v>
near:
$I bought a <v> cookbook. => -
exact:
$I be~ learning <v>, (level A2 already|mostly with podcasts).
forget:
forget that I am learning <v>.
I am not learning <v>, drop that.
ask:
(which|what) language be~ $I learning?
what be~ $I learning?
check:
be~ $I learning <v>?
say:
$I be~ learning <v>.
topic:
what language $I be~ learning

== instrument : plays : instrument : many
state:
$I play~ the <v>[, (badly|in a band|since school)].
$I have~ played the <v> (for years|since school|<since>).
$I (practise~|take~ lessons on) the <v>[ every day|, the neighbours hate it]. => $s | plays | <v>
$My instrument is the <v>. => $s | plays | <v>
on the <v> $I be~ (not bad|a beginner), but $i play~ every day. => $s | plays | <v>
another:
$I also play~ the <v>.
$I took up the <v> too. => $s | plays | <v>
$I (started|have~ started) playing the <v>.
stop:
$I gave up the <v>. => $s | not plays | <v>
$I do~ not play the <v> any more. => $s | not plays | <v>
past:
$I used to play the <v>. => $s | used to play | <v>
plan:
$I want~ to learn the <v>. => $s | wants to | learn the <v>
near:
$I love~ the sound of the <v>. => -
the busker with the <v> was there again. => -
exact:
$I play~ the <v> in (an orchestra|a wedding band|a jazz trio).
forget:
forget that I play the <v>.
I do not play the <v>, that was somebody else.
ask:
(which|what) instrument do~ $I play?
do~ $I play an instrument?
check:
do~ $I play the <v>?
say:
$I play~ the <v>.
topic:
what instrument $I play~
whether $I play~ an instrument

== sport : plays : sport : many
state:
$I play~ <v>[ (on Tuesdays|every week|with colleagues)].
$I be~ in a <v> (team|club). => $s | plays | <v>
<v> is $My sport. => $s | plays | <v>
$I have~ <v> (practice|training) (twice a week|on Mondays). => $s | plays | <v>
another:
$I also play~ <v>.
$I have~ started playing <v>.
stop:
$I do~ not play <v> any more[, the knee]. => $s | not plays | <v>
$I stopped playing <v>. => $s | not plays | <v>
past:
$I used to play <v> at school. => $s | used to play | <v>
plan:
$I might try <v>. => -
near:
$I watch~ <v> on TV. => -
exact:
$I play~ <v> in the (second|local) league.
forget:
forget that I play <v>.
I do not play <v>, wrong person.
ask:
(which|what) sport do~ $I play?
check:
do~ $I play <v>?
say:
$I play~ <v>.
topic:
what sport $I play~

== hobby : hobby : activity : many
state:
$My hobby is <v>[, for years now].
<v> is $My (hobby|big hobby|way to relax). => $s | hobby | <v>
in $my (free|spare) time it is <v>, <v> and more <v>. => user | hobby | <v>
$I spend~ $my (weekends|evenings|free time) on <v>. => $s | hobby | <v>
after work $I unwind~ with <v>. => $s | hobby | <v>
$I do~ a lot of <v>[ (lately|at weekends)]. => $s | hobby | <v>
another:
$I have~ taken up <v>[ too]. => $s | hobby | <v>
$My new hobby is <v>.
another hobby of $Mine is <v>.
stop:
$I gave up <v>. => -
past:
$I used to do a lot of <v>. => -
plan:
$I should try <v>. => -
near:
$I saw a film about <v>. => -
exact:
$My hobby is <v>, (mostly at the lake|with a club|every Saturday).
forget:
forget that $My hobby is <v>.
<v> is not my hobby, delete it.
ask:
what (is $My hobby|are $My hobbies)?
what do~ $I do in $my (free|spare) time?
check:
is <v> $My hobby?
say:
$My hobby is <v>.
topic:
what $My hobbies are
what $I do~ in $my free time

== collects : collects : collection : many
state:
$I collect~ <v>[, (hundreds of them|since school)].
$I have~ a (huge|small) collection of <v>. => $s | collects | <v>
another:
$I also collect~ <v>.
$I have~ begun collecting <v>. => $s | collects | <v>
stop:
$I sold all $my <v>. => -
past:
as a child $I collected <v>. => -
plan:
near:
$I saw an exhibition of <v>. => -
exact:
$I collect~ <v> from the (sixties|twenties).
forget:
forget that I collect <v>.
ask:
what do~ $I collect?
check:
do~ $I collect <v>?
say:
$I collect~ <v>.
topic:
what $I collect~

== owns : has : thing : many
state:
$I have~ a <v>[ (in the cellar|at home|that nobody uses)].
$I own~ a <v>. => $s | has | <v>
$My <v> is (as good as new|older than some colleagues|in the cellar|a gift from a cousin). => $s | has | <v>
$I have~ got a <v>.
another:
$I (bought|got) a <v>[ <past>]. => $s | got | <v>
$I treated $myself to a <v>[ <past>]. => $s | got | <v>
$I have~ a <v> as well.
stop:
$I sold $my <v>[ <past>]. => $s | not has | <v>
$My <v> was stolen[ <past>]. => -
$I gave $my <v> away. => $s | not has | <v>
past:
$I had a <v> once. => -
plan:
$I be~ saving for a <v>. => -
$I want~ to buy a <v>. => $s | wants to | buy a <v>
near:
the shop has a <v> in the window. => -
$I borrowed a <v> from the library. => -
exact:
$I have~ a <v>, (bought second-hand|a gift from my aunt|bright red).
forget:
forget that I have a <v>.
I do not own a <v>, delete that.
ask:
check:
do~ $I have a <v>?
say:
$I have~ a <v>.
topic:
whether $I have~ a <v>
"""
