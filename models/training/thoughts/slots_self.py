"""Body, birthday and those one goes to: one value at a time."""

TABLE = """
== diet : diet : diet : one
state:
$I be~ <v>[, (so no steak for $me|before you suggest anything)].
$I have~ been <v> (for years|since school|for a while).
(please |)(bear in mind|note|remember) that $I be~ <v>.
being <v> (is|can be) (hard|annoying|easy) (in this town|when travelling), and that is what $I be~. => $s | diet | <v>
$I eat~ (out a lot|at the canteen) but $i be~ <v>, so it is (mostly salad|tricky).
change:
$I (went|have~ gone|turned) <v>[ <past>].
$I be~ <v> now[, (no longer|not) <o>].
$I stopped being <o>, $i be~ <v> these days.
$I have~ become <v>[ <past>].
past:
$I was <v> (at university|for a year|once). => -
$I tried being <v> (in January|for a month) and gave up. => -
plan:
$I be~ thinking about going <v>. => -
maybe $I should try being <v>. => -
near:
the new canteen has <v> (days|options). => -
$My flatmate keeps buying <v> cookbooks. => -
exact:
forget:
forget $My diet.
I am not <v>, (delete|drop) that.
ask:
what is $My diet?
do~ $I follow any diet?
how do~ $I eat, any diet?
check:
be~ $I <v>?
say:
$I be~ <v>.
topic:
what diet $I follow~

== birthday : birthday : dayofyear : one
state:
$My birthday is (on |)<v>.
<v> is $My birthday.
$I have~ $my birthday on <v>.
(put|note) $My birthday down, it is <v>.
$I celebrate~ $my birthday on <v>[, cake and all].
change:
correction, $My birthday is <v>, not <o>.
$My birthday is not <o> but <v>.
past:
plan:
on <v> $I be~ going to a concert. => -
near:
the rent is due on <v>. => -
the course starts on <v>. => -
the wedding is on <v>. => -
exact:
forget:
forget $My birthday[, please].
<v> is not my birthday, remove it.
ask:
when is $My birthday?
what day is $My birthday[ on]?
check:
is $My birthday on <v>?
say:
$My birthday is <v>.
topic:
when $My birthday is

== dentist : dentist : doctorname : one
state:
$My dentist is <v>.
$I go~ to <v> for $my teeth, (a good dentist|the dentist by the station). => $s | dentist | <v>
<v> is $My dentist[, since the move].
change:
$My new dentist is <v>[, <o> retired].
$I switched dentists, from <o> to <v>. => $s | dentist | <v>
past:
<v> used to be $My dentist. => -
plan:
$I might try <v> as a dentist. => -
near:
<v> is $My (daughter's|son's) teacher. => -
exact:
forget:
forget who $My dentist is.
<v> is not my dentist, remove that.
ask:
who is $My dentist?
what is the name of $My dentist?
check:
is <v> $My dentist?
say:
$My dentist is <v>.
topic:
who $My dentist is

== doctor : doctor : doctorname : one
state:
$My (doctor|GP|family doctor) is <v>. => $s | doctor | <v>
<v> is $My (GP|doctor)[, on the (high street|main square)]. => $s | doctor | <v>
$I be~ registered with <v>, (the GP|a doctor) round the corner. => $s | doctor | <v>
change:
$My new doctor is <v>[, instead of <o>].
$I left <o>, $my doctor is <v> now.
past:
<v> was $My doctor (before the move|years ago). => -
plan:
$I be~ on the waiting list of <v>. => -
near:
$I met <v> at the (gym|school gate). => -
exact:
forget:
forget the name of $My doctor.
<v> is not my doctor, delete that.
ask:
who is $My (doctor|GP)?
what is the name of $My doctor?
check:
is <v> $My doctor?
say:
$My doctor is <v>.
topic:
who $My doctor is

== bedtime : bedtime : bedtime : one
state:
$I go~ to bed at <v>[ (most nights|on weekdays)]. => $s | bedtime | <v>
$My bedtime is <v>.
lights out at <v>, that is $my bedtime. => $s | bedtime | <v>
change:
$My bedtime is <v> now[, not <o>].
$I go~ to bed at <v> now instead of <o>. => $s | bedtime | <v>
past:
as a student $I went to bed at <v>. => -
plan:
$I should go to bed at <v>. => -
near:
the last (bus|train) leaves at <v>. => -
$I called $my mother at <v>. => -
exact:
forget:
forget when $I go~ to bed.
ask:
when do~ $I go to bed?
what is $My bedtime?
check:
be~ $I in bed by <v>?
say:
$My bedtime is <v>.
topic:
when $I go~ to bed

== weight : weight : weight : one
state:
$I weigh~ <v>[ (now|at the moment)].
$My weight is <v>.
the scales (say|said) <v>[ this morning], that is what $I weigh~. => $s | weight | <v>
$I be~ at <v> on the scales, (too much|not bad|all muscle). => $s | weight | <v>
change:
$I be~ down from <o> to <v>. => $s | weight | <v>
$I weigh~ <v> now[, it was <o> before].
past:
$I weighed <v> (at school|before the baby|last year). => -
plan:
$I want~ to get to <v>. => $s | wants to | get to <v>
$My goal is <v>. => -
near:
the parcel weighs <v>. => -
$I can lift <v>. => -
exact:
forget:
forget what $I weigh~.
(delete|remove) $My weight.
ask:
how much do~ $I weigh?
what is $My weight?
check:
do~ $I weigh <v>?
say:
$I weigh~ <v>.
topic:
how much $I weigh~

== height : height : height : one
state:
$I be~ <v> tall.
$My height is <v>.
at <v>, $I (hit~ $my head on doors|fit~ nowhere|can reach the top shelf). => $s | height | <v>
change:
$I have~ been measured again: <v> tall, not <o>. => $s | height | <v>
past:
plan:
near:
the wardrobe is <v> (high|tall). => -
exact:
forget:
forget how tall $I be~.
ask:
how tall be~ $I?
what is $My height?
check:
be~ $I <v> tall?
say:
$I be~ <v> tall.
topic:
how tall $I be~

== bank : bank : bank : one
state:
$My bank is <v>.
$I bank~ with <v>.
$I have~ $my account (at|with) <v>. => $s | bank | <v>
change:
$I (moved|switched) $my account from <o> to <v>[ <past>]. => $s | bank | <v>
$My bank is <v> now[, <o> charged too much].
past:
$I used to be with <v>. => -
plan:
$I might switch to <v>. => -
near:
$I walk~ past <v> every day. => -
the cash machine of <v> is broken. => -
exact:
forget:
forget which bank $I use~.
I am not with <v>, delete that.
ask:
(which|what) bank do~ $I use?
what is $My bank?
check:
is <v> $My bank?
say:
$My bank is <v>.
topic:
which bank $I use~

== nationality : nationality : nationality : one
state:
$I be~ <v>[, (born and bred|by passport)].
$I have~ a <v> passport. => $s | nationality | <v>
$My nationality is <v>.
as a <v> (living abroad|person), $I miss~ (the food|the light) most. => $s | nationality | <v>
change:
$I be~ <v> now, the papers came <past>. => $s | nationality | <v>
past:
plan:
$I be~ applying for <v> citizenship. => -
near:
$I like~ <v> films. => $s | likes | <v> films
$My (neighbours|in-laws) are <v>. => -
exact:
forget:
forget $My nationality.
I am not <v>, you made that up.
ask:
what is $My nationality?
what passport do~ $I have?
check:
be~ $I <v>?
say:
$I be~ <v>.
topic:
what $My nationality is
"""
