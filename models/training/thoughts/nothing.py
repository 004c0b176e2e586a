"""Turns, and parts of turns, with nothing to remember; and frames that make nothing of what stands in them."""

TABLE = """
== questions
what is the capital of <country>?
(how|where) (do|can) I (renew a passport|get a library card|recycle batteries|buy stamps) in <city>?
is <city> (worth a visit|expensive|safe at night)?
what is the weather (like |)in <city> [tomorrow|this weekend]?
how many people live in <city>?
who (invented|came up with) the (telephone|zip|umbrella|microwave)?
can you (eat|freeze) <food>[ the next day]?
how (long|hot) should I (cook|bake) <food>?
what does a <job> (earn|do all day)[ in <country>]?
is <medicine> (safe|addictive)?
what are the (symptoms|signs) of <condition>?
what is the difference between <instrument> and <instrument2>?
how do you say (thank you|good morning|cheers|where is the station) in <language>?
do <petkind>s (dream|get lonely|like music)?
why is the sky blue[ though]?
any (tips|ideas) for a (rainy day|birthday present|cheap dinner)?
which is better, <food> or <food2>?
could a <job> explain this better?
have you ever been to <city>?
do you like <food>?
are you a real person[ or a machine]?
what did I (just say|ask before)?
is it normal that <petkind>s (sleep so much|scratch the sofa)?
how far is it from <city> to <city2>?
what time is it in <city>?
who plays the <instrument> in <band>?
is a <car> (reliable|good on long trips)?
should people with <condition> avoid <food>?
what is a good name for a <petkind>?
when does <team> play next?
== requests
(please |)(summarise|summarize) (the attached|this|that) (report|text|article)[ in (three|two) sentences].
(plot|draw) (the sales|a sine wave|revenue by month|the temperature in <city>).
translate (good night|the menu|this paragraph) into <language>[, please].
set a timer for (ten|twenty) minutes.
(write|draft) (a poem|an email|a limerick) about <food>.
show me (the last five rows|all columns|the mean of each column).
(calculate|work out) (15 percent of 230|the square root of 1764|17 times 23).
(open|read) the file <food> notes and (count the lines|find the total).
recommend (a film|three books|some music), anything but <film>.
give me a recipe for <food>.
make (it|that) shorter[ and less formal].
(rank|sort) (these|the) (films|candidates|rows) by (score|price|date).
explain (black holes|inflation|photosynthesis) (to a five-year-old|in simple words).
estimate the probability of (rain|two heads in three tosses).
fit a (mixture|density) to the (ages|weights) column.
convert (5 miles to km|200 euros to pounds|3 cups to ml).
(list|name) five (cities|rivers|mountains) in <country>.
find me a cheap flight from <city> to <city2>, (just to compare|only looking).
tell me a joke about a <job>.
(play|put on) something by <band>.
(help me|can you help me) with (a crossword|this regex|an equation)?
check the spelling of this, please.
write a short story about a <job> called <name>, who lives in <city>.
invent a (pirate|detective) named <name> with a <petkind>.
make up a (profile|persona): <age>, <job>, from <city>.
give me an example sentence with the word <instrument>.
remind me how (git rebase|a pivot table|compound interest) works.
what would you (cook|pack) for a weekend in <city>?
== smalltalk
(hi|hello|hey|good morning|good evening)[ there][, how are you|, how is it going]?
(thanks|thank you|cheers)[ a lot|, that helps|, you are the best].
(ok|okay|alright|cool|great|perfect|nice), (thanks|got it|makes sense|noted).
(haha|lol|ha), (good one|that is funny|very clever).
never mind.
(bye|see you|good night|talk later)[, thanks for everything].
no, that is (wrong|not what I meant)[, try again].
(hmm|well|so), let me think.
(sorry|oops), wrong window.
that is (interesting|a good point|too long).
(yes|no|sure|maybe|why not)[, go on|, please].
nice weather (today|for a change).
how was your (weekend|day)?
(wow|oh|really), I did not know that.
one moment, (the door|the kettle|the phone).
what a day.
you are funny.
I have a question.
I see.
let me (check|see|look) and come back to you.
I do not understand (the second point|that|your answer).
can we talk about something else?
== hypotheses
if I (lived|worked) in <city>, (what would rent cost|how long would the commute be)?
suppose I (were|was) a <job>, (what would I earn|which taxes would I pay)?
imagine $I had a <thing>[, just for fun].
what if I were allergic to <allergen>, could I still eat <food>?
let us say I have <num> children and a <car>, which insurance do I need?
I wish I (lived in <city>|had a <petkind>|could play the <instrument>).
if I won the lottery I would buy a <thing>.
pretend I am a <job> from <city>.
pretend you are my <doctor> and ask me questions.
for the sake of argument, say I was <age> and <status>.
in another life I would have been a <job>.
would you rather live in <city> or in <city2>?
assume the customer is <age>, (vegan|single) and drives a <car>.
maybe I would like <food>, who knows.
I might have moved to <city> if things had gone differently.
== others
(my sister|a colleague|somebody) told me that <band> are from <city>.
the <job> in the film lives in <city>[ with a <petkind>].
did you hear, the mayor of <city> (quit|broke an arm|is allergic to <allergen>).
the actor said in an interview that he is afraid of <fear>.
(an article|the news) said a <job> in <city> won the lottery.
people say that <city> is full of <job>s.
apparently <food> is good for people with <condition>.
the king of <country> turned <age>[ today].
some guy on the bus had a <petkind> called <petname>.
in the novel, <name> moves to <city> and becomes a <job>.
in <film>, a <job> plays the <instrument> on a roof.
my favourite character is a <job> with a <petkind>, (great series|what a book). => -
a customer asked whether we have <food>.
the recipe says: no <allergen>.
the tourist next to me spoke <language>.
someone wrote online that <team> will move to <city>.
there is a woman in the queue with <num> <petkind>s.
rumour has it that <company> will close.
most <job>s (hate|love) <disliked>, they say.
== fiction
(the story so far|chapter one): <name> is a <job> in <city>, afraid of <fear>.
my character is a <job>, <age>, from <city>, with a <petkind>.
in the game my elf lives in <city> and collects <collection>.
let us role-play: I am a <job> and you are a <petkind>.
write a dialogue in which <name> says: "I am allergic to <allergen>."
last night I dreamt that I lived in <city>.
I dreamt I was a <job> again and late for work.
the song goes "I left my heart in <city>".
the villain in my novel collects <collection> and hates <disliked>.
for the quiz: a <job> from <country> with <num> letters?
== jokes
I am <age> going on <age2>, just kidding.
I would sell my soul for <food>, (joking|kidding).
sure, and I am the queen of <country>.
of course I have a <car>, and a castle too (not|lol).
I married my <thing> yesterday, haha, kidding.
my <petkind> is a <job>, (just a joke|kidding of course).
== takenback
I wanted to move to <city>, but (scrap that|forget it|no).
I was going to buy a <thing> but (changed my mind|never mind).
I nearly adopted a <petkind>, but no.
we thought about <city> for the holidays, but (dropped|cancelled) it.
I have an appointment on <day>, wait, no, that is cancelled.
I said I would learn <skill>, but (I will not|forget that).
actually, delete what I just (said|wrote).
I almost took the job at <company>, but turned it down.
== general
<food> tastes better (cold|the next day).
<city> is (far|lovely in spring|crowded in August).
the <thing> in the shop costs <age> euros.
it (rained|snowed) in <city> (all day|yesterday).
the train to <city> was late again.
<team> lost again.
the file has <age> rows.
a <job> needs good shoes.
the number of <petkind>s in <city> went up last year.
<language> has many cases.
the meeting room is called <city>.
the server <petname> is down.
prices in <country> (rose|fell) by <age> percent.
the column country says <country> in most rows.
our customer in <city> ordered <num> <thing>s.
the test with <num> groups was not significant.
"""

FRAMES = """
== frames
translate into <language>: "<inner>"
how do (you|I) say "<inner>" in <language>?
(fix|correct) the grammar of this sentence: "<inner>"
is this correct English: "<inner>"
(rewrite|rephrase) this (politely|in a formal tone): "<inner>"
my pen pal (wrote|writes): "<inner>" (what should I answer|sweet, no)?
the character in my (novel|play|game) says "<inner>"
a customer left this review: "<inner>" (Is it positive|What do they want)?
what would you (reply|say) to someone who says "<inner>"?
count the words in "<inner>"
"<inner>" (is a line from a film|was on the exam|stood on the wall)[, I think].
suppose somebody tells you: "<inner>" (What do you ask next|Would you believe it)?
April fool, I said "<inner>" and everybody believed it.
continue the story: "<inner>"
write a diary entry that starts with "<inner>"
in my <language> course we had to learn the sentence "<inner>"
classify the sentiment of "<inner>"
my grandfather's old letter begins: "<inner>"
split this into tokens: "<inner>"
the interviewee answered, quote, "<inner>"
"""

OPENERS = """
== openers
(hi|hey|hello|hiya|good morning|evening)[ again|, me again](!|,|.)
(ok|okay|so|well|right|alright),
(quick|small) (update|note):
(by the way|btw|oh and),
(guess what|you will not believe it)(!|:)
(I forgot to say|I should mention|just so you know|for the record)(:|,)
(long day|what a week|it has been a while).
(thanks for the help earlier|that worked, thanks|great answer, thank you).
not much going on here.
(can I tell you something|you know what)?
(I am|) back from the (shop|gym|office).
dear assistant,
hope you are well.
(since you ask|to answer your question)(:|,)
(um|uh|hmm), (where to start|let me see).
(the weather is|it is) (awful|lovely) (today|here).
"""

FILLERS = """
== fillers
(it was|what a) (crazy|strange|long) (day|week|story).
(anyway|anyhow), (life goes on|that is that|never mind).
(no idea|who knows) (why|how it will end).
I (still |)can not believe it.
(funny|sad|strange), (isn't it|right)?
(you know how it is|such is life|it is what it is).
I (needed|wanted) to (tell someone|get that off my chest).
(everyone|everybody) keeps asking (about it|me).
it (took|cost) me (some time|a lot of nerves).
(fingers crossed|wish me luck|touch wood).
(so|and) (that is the news|that is all from me|that is the story).
more on that (later|another time).
do not (laugh|judge).
it is (a bit|rather) complicated.
the (coffee machine|lift|wifi) is (broken|down) again, by the way.
people (say|think) it is (odd|normal).
"""

CLOSERS = """
== closers
(can|could) you (suggest|recommend) (something|a book|a film|what to do)?
what (do you think|would you do)?
(any (advice|tips|thoughts))?
(please |)(keep|bear) (that|this) in mind.
(remember that|note that down|write that down)[, please|, will you].
now (plot the sales|show me the file|back to the report)[, please].
how (much|long) (does|will) (that|it) (usually |)(cost|take)?
(thanks|cheers|bye|talk soon)[!|.]
(so|now), what is (for dinner|next|the weather like)?
(can|could) you (write|draft) a (message|card|polite email) about (it|that)?
what should I (wear|cook|bring|say)?
is that (normal|a good idea|weird)?
(translate|put) that into <language>[, please].
(ok|right), next question: what is the capital of <country>?
give me a (recipe|plan|checklist) for (the weekend|tonight).
where (can I|do people) (read|find out) more about (it|that)?
"""
