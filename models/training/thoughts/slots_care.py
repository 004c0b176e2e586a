"""Health, fears, pets and children: what one has more than one of."""

TABLE = """
== allergy : allergic to : allergen : many
state:
$I be~ (very |badly |)allergic to <v>.
$I have~ (an|a bad|a severe) allergy to <v>. => $s | allergic to | <v>
(careful|heads up|important): $I be~ allergic to <v>.
<v> would send $me to hospital, $i be~ allergic. => $s | allergic to | <v>
no <v> for $me, $i be~ allergic. => $s | allergic to | <v>
$I react~ badly to <v>, (it is an allergy|real allergy, rash and all). => $s | allergic to | <v>
$I can not have <v> because of an allergy. => $s | allergic to | <v>
the test (came back|was clear): $I be~ allergic to <v>.
another:
$I be~ also allergic to <v>.
besides <o>, $I be~ allergic to <v>.
turns out $I be~ allergic to <v> too.
stop:
$I be~ not allergic to <v> any more. => $s | not allergic to | <v>
$My allergy to <v> is gone[, the doctor says]. => $s | not allergic to | <v>
past:
as a baby $I was allergic to <v>. => -
plan:
$I want~ to get tested for <v>. => -
near:
$I do~ not like <v>. => $s | dislikes | <v>
the shop was out of <v>. => -
exact:
$I be~ severely allergic to <v> and carry~ a pen.
forget:
forget $My allergy to <v>.
I am not allergic to <v>, I never was, delete that.
ask:
what be~ $I allergic to?
do~ $I have any allergies?
is there anything $I be~ allergic to?
check:
be~ $I allergic to <v>?
say:
$I be~ allergic to <v>.
topic:
what $I be~ allergic to
whether $I have~ any allergies

== condition : has : condition : many
state:
$I have~ <v>.
$I suffer~ from <v>[, (since childhood|on and off|unfortunately)]. => $s | has | <v>
$I was diagnosed with <v>[ <past>]. => $s | has | <v>
$I live~ with <v>[ every day]. => $s | has | <v>
$My <v> (is acting up|got worse|kept $me awake)[ again]. => $s | has | <v>
it is the <v>, the doctor confirmed that $I have~ it. => $s | has | <v>
because of $My <v>, $i (can not run|need~ breaks|avoid~ stairs). => $s | has | <v>
another:
$I also have~ <v>.
on top of <o>, $I have~ <v>.
stop:
$My <v> is gone. => $s | not has | <v>
$I do~ not have <v> any more. => $s | not has | <v>
past:
$I had <v> as a child. => -
plan:
$I be~ afraid of getting <v>. => -
$I be~ being tested for <v>. => -
near:
there was a programme about <v>. => -
$I raise~ money for people with <v>. => -
exact:
$I have~ severe <v>.
forget:
forget about $My <v>.
I do not have <v>, I never did, (delete|remove) that.
ask:
do~ $I have any (illness|health condition)s?
(which|what) (illness|condition) do~ $I have?
check:
do~ $I have <v>?
say:
$I have~ <v>.
topic:
whether $I have~ any health conditions

== medicine : takes : medicine : many
state:
$I take~ <v>[ (every morning|at night|daily)].
$I be~ on <v>[ (now|for life|for a while)]. => $s | takes | <v>
the doctor (put $me on|prescribed $me) <v>[ <past>]. => $s | takes | <v>
$My prescription is <v>. => $s | takes | <v>
another:
$I also take~ <v>.
on top of <o>, $I take~ <v>.
stop:
$I stopped taking <v>. => $s | not takes | <v>
$I be~ off <v>[ now]. => $s | not takes | <v>
past:
$I took <v> for a while years ago. => -
plan:
$I might need <v>. => -
near:
the price of <v> went up. => -
exact:
$I take~ <v>, (one|two) a day with food.
forget:
forget that I take <v>.
I do not take <v>, delete that.
ask:
(what|which) (medicine|medication) do~ $I take?
check:
do~ $I take <v>?
say:
$I take~ <v>.
topic:
what medicine $I take~

== fear : afraid of : fear : many
state:
$I be~ (really |)(afraid|scared|terrified) of <v>.
$I have~ a (phobia|fear) of <v>. => $s | afraid of | <v>
<v> always (scared|terrified) $me. => $s | afraid of | <v>
$I freeze~ when it comes to <v>, $i be~ terrified. => $s | afraid of | <v>
another:
$I be~ also scared of <v>.
stop:
$I be~ not afraid of <v> any more. => $s | not afraid of | <v>
$I got over $my fear of <v>. => $s | not afraid of | <v>
past:
as a child $I was afraid of <v>. => -
plan:
near:
the film was about <v>. => -
exact:
$I be~ so afraid of <v> that $i can not (sleep|breathe).
forget:
forget that I am scared of <v>.
I am not afraid of <v>, remove that.
ask:
what be~ $I afraid of?
check:
be~ $I afraid of <v>?
say:
$I be~ afraid of <v>.
topic:
what $I be~ afraid of

== pet : pet : pet : many
state:
$I have~ a <k> (called|named) <v>. => <v> | is | $s's <k>
$My <k> is called <v>[, a rescue|, no idea why]. => <v> | is | $s's <k>
<v>, $My <k>, (sleeps all day|steals socks|is very shy|snores). => <v> | is | $s's <k>
<v> is $My <k>. => <v> | is | $s's <k>
the name of $My <k> is <v>. => <v> | is | $s's <k>
another:
$I also have~ a <k>, <v>. => <v> | is | $s's <k>
$I (adopted|got) a <k> called <v>[ <past>]. => <v> | is | $s's <k>
we have a second pet now, a <k> named <v>. => <v> | is | user's <k>
stop:
<v> died <past>. => <v> | is | dead
<v> the <k> passed away[ <past>][, we all cried]. => <v> | is | dead
past:
as a child $I had a <k> called <v>. => -
plan:
if $I ever get~ a <k>, $i will call it <v>. => -
near:
the neighbours' <k>, <v>, was in the garden again. => -
exact:
$My <k> <v> is a (grey|three-legged|very old|tiny) <k>.
forget:
forget about <v>.
I do not have a <k> called <v>, delete that.
ask:
what is $My <k> called?
what is the name of $My <k>?
check:
do~ $I have a <k> called <v>?
say:
$My <k> is called <v>.
topic:
what $My <k> is called

== child : child : child : many
state:
$I have~ a <k> (called|named) <v>. => <v> | is | $s's <k>
$My <k> is called <v>. => <v> | is | $s's <k>
$My <k>'s name is <v>. => <v> | is | $s's <k>
<v> is $My <k>. => <v> | is | $s's <k>
another:
$I also have~ a <k>, <v>. => <v> | is | $s's <k>
$My (second|younger|other) <k> is called <v>. => <v> | is | $s's <k>
our new baby, a <k>, is called <v>. => <v> | is | user's <k>
stop:
past:
plan:
if $I have~ a <k> one day, $i will call (him|her) <v>. => -
near:
<v> is in the same class as the neighbour's <k>. => -
exact:
$My <k> <v> is (four|seven|ten) (now|years old).
forget:
forget the name of $My <k>.
I do not have a <k> called <v>, delete that.
ask:
what is $My <k> called?
what is the name of $My <k>?
check:
do~ $I have a <k> called <v>?
say:
$My <k> is called <v>.
topic:
what $My <k> is called
"""
