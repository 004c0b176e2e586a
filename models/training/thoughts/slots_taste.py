"""Likes and dislikes (many), and favourites, teams and cars (one at a time)."""

TABLE = """
== car : drives : car : one
state:
$I drive~ a <v>[, (and it rattles|it still runs)].
$My car is a <v>[, (ten|twelve) years old].
$I have~ a <v>, (it is parked outside|good on the motorway|terrible to park). => $s | drives | <v>
the car $I drive~ is a <v>.
$I get~ around in a <v>. => $s | drives | <v>
$I own~ a <v>. => $s | drives | <v>
change:
$I (swapped|traded) (the|$my) <o> for a <v>[ <past>]. => $s | drives | <v>
$I drive~ a <v> now[, the <o> is gone].
$I sold the <o> and (bought|got) a <v>[ <past>]. => $s | drives | <v>
$My new car is a <v>.
$I crashed the <o>, so now $i drive~ a <v>.
past:
$My first car was a <v>. => -
$I used to drive a <v>. => $s | used to drive | <v>
plan:
$I be~ saving up for a <v>. => -
$I test drove a <v>, (nice|too dear) though. => -
one day $I will buy a <v>. => -
near:
a <v> nearly hit $me at the crossing. => -
the taxi was a <v>. => -
$I rented a <v> (on holiday|for the weekend). => -
exact:
$I drive~ a <v> from (2011|2016|2019) with a dent in the door.
forget:
forget what car $I drive~.
I do not have a <v>, that is wrong.
(delete|remove) the <v>, it was never $My car.
ask:
what (car|kind of car) do~ $I drive?
what is $My car?
check:
do~ $I drive a <v>?
say:
$I drive~ a <v>.
topic:
what car $I drive~

== team : supports : team : one
state:
$I support~ <v>[, (sadly|for better or worse|always have)].
$I be~ a <v> (fan|supporter|season ticket holder). => $s | supports | <v>
$My team is <v>. => $s | supports | <v>
$I have~ supported <v> (since school|all $my life|for years).
when <v> lose, $I do~ not talk for a day, that is how much $i support~ them. => $s | supports | <v>
change:
$I support~ <v> now[, not <o>].
$I switched from <o> to <v>, (do not tell anyone|sorry). => $s | supports | <v>
past:
as a child $I supported <v>. => -
plan:
$I might go and see <v> play. => -
near:
<v> won again, $i saw on the news. => -
$My neighbour has a <v> flag. => -
exact:
forget:
forget which team $I support~.
I do not support <v>, you mixed me up with someone.
ask:
(which|what) team do~ $I support?
who do~ $I support in the league?
check:
do~ $I support <v>?
say:
$I support~ <v>.
topic:
which team $I support~

== favouritefood : favourite food : food : one
state:
$My favourite (food|dish|meal) is <v>. => $s | favourite food | <v>
nothing beats <v>, $My absolute favourite food.
$I would eat <v> every day, it is $my favourite food.
<v> is $My favourite food[, by far].
change:
$My favourite food is <v> now[, no longer <o>].
$My new favourite food is <v>[, sorry <o>].
past:
$My favourite food used to be <v>. => -
plan:
$I want~ to try <v>. => $s | wants to | try <v>
near:
$I cooked <v> for the (neighbours|kids). => -
$I like~ <v>. => $s | likes | <v>
exact:
forget:
forget $My favourite food.
(delete|remove) what you have as $My favourite food.
ask:
what is $My favourite (food|dish)?
what food do~ $I like best?
check:
is <v> $My favourite food?
say:
$My favourite food is <v>.
topic:
what $My favourite food is

== favouritecolour : favourite colour : colour : one
state:
$My favourite colour is <v>.
<v> is $My favourite (colour|color). => $s | favourite colour | <v>
of all colours $I like~ <v> best[, it is $my favourite colour]. => $s | favourite colour | <v>
change:
$My favourite colour is <v> now[, not <o>].
$I have~ gone off <o>, $my favourite colour is <v>.
past:
as a child $My favourite colour was <v>. => -
plan:
$I might paint the kitchen <v>. => -
near:
$My (door|scarf|bike) is <v>. => -
$I bought a <v> jumper. => -
exact:
forget:
forget $My favourite colour.
<v> is not my favourite colour, delete it.
ask:
what is $My favourite (colour|color)?
(which|what) colour do~ $I like best?
check:
is <v> $My favourite colour?
say:
$My favourite colour is <v>.
topic:
what $My favourite colour is

== favouritefilm : favourite film : film : one
state:
$My favourite film is <v>.
<v> is $My favourite (film|movie) of all time. => $s | favourite film | <v>
$I have~ seen <v> ten times, it is $my favourite film.
change:
$My new favourite film is <v>[, it beats <o>].
$My favourite film is <v> now.
past:
$My favourite film used to be <v>. => -
plan:
$I want~ to see <v>. => $s | wants to | see <v>
near:
$I fell asleep during <v>. => -
$I watched <v> (on the plane|with the kids). => -
exact:
forget:
forget $My favourite film.
ask:
what is $My favourite (film|movie)?
(which|what) film do~ $I like most?
check:
is <v> $My favourite film?
say:
$My favourite film is <v>.
topic:
what $My favourite film is

== favouriteband : favourite band : band : one
state:
$My favourite band is <v>.
<v>, what a band, $My favourite. => $s | favourite band | <v>
$I listen~ to <v> all the time, they are $my favourite band. => $s | favourite band | <v>
change:
$My favourite band is <v> now[, <o> got boring].
past:
$My favourite band used to be <v>. => -
plan:
$I would like to see <v> live. => -
near:
<v> are playing in the park. => -
exact:
forget:
forget $My favourite band.
ask:
what is $My favourite band?
(which|what) band do~ $I like best?
check:
is <v> $My favourite band?
say:
$My favourite band is <v>.
topic:
what $My favourite band is

== favouriteseason : favourite season : season : one
state:
$My favourite season is <v>.
<v> is $My favourite season[, hands down].
change:
$My favourite season is <v> now[, $i have~ grown tired of <o>].
past:
plan:
in <v> $I will (travel|paint the house). => -
near:
the course runs in <v>. => -
exact:
forget:
forget $My favourite season.
ask:
what is $My favourite season?
(which|what) season do~ $I like best?
check:
is <v> $My favourite season?
say:
$My favourite season is <v>.
topic:
what $My favourite season is

== likes : likes : likedthing : many
state:
$I (like~|love~|really like~|enjoy~) <v>[, always have].
$I be~ (really |)into <v>[ (these days|lately)].
$I be~ a (big|huge) fan of <v>.
<v> (make|makes) $me happy[, what can I say], $I love~ it. => $s | likes | <v>
(nothing|few things) cheer(s|) $me up like <v>. => $s | likes | <v>
$I can not get enough of <v>.
there is nothing $I (like~|enjoy~) more than <v>.
$I adore~ <v>[, as everyone knows].
if there is one thing $I love~, it is <v>.
another:
$I also like~ <v>.
besides <o>, $I love~ <v>.
$I have~ discovered <v> and love~ it.
(another thing $I like~|something else $I love~): <v>.
$I like~ <v> too.
stop:
$I do~ not like <v> any more. => $s | dislikes | <v>
$I have~ gone off <v>[ completely]. => $s | dislikes | <v>
$I can not stand <v> any more. => $s | dislikes | <v>
past:
$I used to love <v>. => $s | used to like | <v>
plan:
$I should give <v> a try. => -
near:
$I know~ nothing about <v>. => -
there was something about <v> on the radio. => -
exact:
$I love~ <v>, (above all on Sundays|ever since a trip to Oaxaca).
forget:
forget that I like <v>.
(please |)delete the (thing|note) about <v>.
I never said I like <v>, remove it.
ask:
what do~ $I like?
check:
do~ $I like <v>?
say:
$I like~ <v>.
topic:
what $I like~

== dislikes : dislikes : disliked : many
state:
$I (hate~|dislike~|detest~|really dislike~) <v>.
$I can not (stand|bear) <v>[, they drive $me mad].
$I do~ not like <v>[ at all|, sorry].
<v>: no thanks, $I hate~ that. => $s | dislikes | <v>
<v> can drive $me (mad|up the wall). => $s | dislikes | <v>
please no <v>, $I can not bear (that|it). => $s | dislikes | <v>
$I be~ not a fan of <v>. => $s | dislikes | <v>
another:
$I also hate~ <v>.
$I do~ not like <v> either.
apart from <o>, $I can not stand <v>.
stop:
$I have~ come to like <v>. => $s | likes | <v>
$I do~ not mind <v> any more, $i even like~ it now. => $s | likes | <v>
past:
as a child $I hated <v>. => -
plan:
near:
the article was about <v>. => -
exact:
forget:
forget that I hate <v>.
I never said I dislike <v>, delete it.
ask:
what do~ $I (hate|dislike)?
check:
do~ $I dislike <v>?
say:
$I dislike~ <v>.
topic:
what $I dislike~

== foodlike : likes : food : many
state:
$I (love~|like~|really love~) <v>.
$I could (live on|eat) <v> (every day|all week). => $s | likes | <v>
<v> for dinner, always a yes from $me[, $I love~ it]. => $s | likes | <v>
$I have~ a weakness for <v>. => $s | likes | <v>
$I be~ crazy about <v>.
another:
$I like~ <v> as well.
$I also love~ <v>.
stop:
$I do~ not (like|eat) <v> any more. => -
$I have~ lost $my taste for <v>. => $s | dislikes | <v>
past:
$I used to love <v>. => $s | used to like | <v>
plan:
$I have~ never tried <v>. => -
near:
we had <v> at the (wedding|office). => -
exact:
$I love~ <v>, (the way grandmother made it|with lots of garlic).
forget:
forget that I like <v>.
(delete|drop) the bit about <v>.
ask:
(which|what) food do~ $I like?
check:
do~ $I like <v>?
say:
$I like~ <v>.
topic:
which food $I like~
"""
