"""More whole turns: longer and more mixed, some of which tell a lot and some nothing."""

TABLE = """
== telling
ugh. another dentist appointment <future>, two root canals, and I am terrified of <fear>. do they give you something
    for that? => user | has | dentist appointment ; user | afraid of | <fear> | -
ok so I finally told my parents that I (quit|dropped out of) law school. dad has not said a word since. I work as a
    <job> now and it is (fine|great), it really is. => user | quit | law school ; user | works as | <job>
I do not even like <food>, but my (kids|in-laws) made it for my birthday, so I smiled and ate. I am <age> now, by the
    way. => user | dislikes | <food> ; user | age | <age>
quick one: my train to <city> leaves at six, I have to be at <company> by nine, that is where I work. is that doable
    with one change? => user | works at | <company>
so the doctor says no more <drink>. I used to drink it every single day. what else has that taste? => user | not
    drinks | <drink>
do you know a good song for a funeral? my uncle <boy> died <past>, he loved <band>. => <boy> | is | dead
I am writing this from the hospital, my wife <girl> just had a <x=boy|girl|C-section>. I have not slept in two days
    and I have never been so happy. => <girl> | had | <x>
we are short of money this month. the <car> needs new brakes and I only work part time at <company>. any ideas how to
    save on food? => user | drives | <car> | - ; user | works at | <company>
how would you word a message to my flatmate <name>? he owes me <x=200|150|90|300> euros since March and he just
    bought a <thing>! => <name> | got | <thing> | -
my therapist says I should write things down. so: I feel <feeling>, I miss my dad, and I have not called <name> back.
    => user | feels | <feeling> ; user | misses | dad
I teach <subject> to teenagers, so nothing shocks me any more. today one of them brought a <petkind> to class. =>
    user | teaches | <subject>
my girlfriend <girl> wants a <petkind>, but I am allergic to <allergen> and we live on the fifth floor in <city>.
    help. => <girl> | wants to | <petkind> ; user | allergic to | <allergen> ; user | lives in | <city>
every Sunday I call my grandmother in <city>. she is <n=81|84|88|92>, deaf in one ear and still beats me at <game>.
    => user's grandmother | lives in | <city> ; user's grandmother | age | <n>
nobody tells you how loud a <petkind> is at five in the morning. <petname>, if you read this, I love you but please.
    => <petname> | is | user's <petkind>
I was at <company> for nine years and they did not even say goodbye. today is my first day at <company2>. wish me
    luck. => user | works at | <company2> | <today>
what should I bring to a dinner at my boss's place? her name is <girl>, she does not drink and she loves <liked>. =>
    user | boss | <girl> ; <girl> | likes | <liked>
I am the oldest of <num> siblings, so yes, I can cook for twelve. tonight it is <food>, my brother's favourite. =>
    user's brother | favourite food | <food>
so I am colour-blind, keep that in mind when you make charts: no red and green together, please. => user | is |
    colour-blind
we got the results and it is not cancer!!! I have cried all morning. mum is already planning a trip to <city>. =>
    user's mum | plans to | trip to <city>
can you make the chart bigger? my eyes are bad, I have <x=glaucoma|cataracts|macular degeneration>, and the labels
    are tiny. => user | has | <x>
for the last time, I do not live with my parents! I share a flat with <name> in <city>, and it is spotless. => user |
    lives with | <name> ; user | lives in | <city>
my (husband|wife) thinks I am mad, but I signed up for the <city> marathon. the furthest I have ever run is five
    kilometres. => user | plans to | <city> marathon
<name> and I have been together for ten years (now|this summer), we met at <university>. what could I give her? =>
    user | partner | <name>
I had to sell the <thing> to pay the vet. <petname> swallowed a sock, the silly <petkind>. => user | not has |
    <thing> ; <petname> | is | <petkind>
you asked what I do all day. I look after my father, he has <condition>, and at night I drive a taxi. => user's
    father | has | <condition> ; user | drives | taxi
honestly the best part of <city> is the people. I moved here <past> without knowing a soul and now I sing in a choir
    and play <sport> with the neighbours. => user | lives in | <city> ; user | sings in | choir | - ; user | plays |
    <sport> | -
I should not complain. the kids are healthy, I like my job at <company>, only the <condition> is a pain. => user |
    works at | <company> ; user | has | <condition>
my colleague <name> is retiring <future>. she likes <activity> and <drink>, and we collected 120 euros. what do we
    get her? => <name> | likes | <activity> | - ; <name> | likes | <drink> | -
I do not celebrate Christmas, I am <x=Jewish|Muslim|Buddhist|Hindu>, but I like the lights. => user | is | <x>
the doctor weighed me today: <weight>. I am <height> tall, is that a lot? => user | weight | <weight> | <today> ;
    user | height | <height>
got a new number, lost the old phone in a taxi. it is <phone>, in case you keep a list. => user | phone number | <phone>
hello, this is <name>, I am new here. I am <age>, I come from <country> and I do not write English very well, sorry.
    => user | name | <name> ; user | age | <age> ; user | is from | <country>
me and <name> we want to open a small restaurant in <city>, she cook and I make the numbers. is good idea? => user |
    wants to | open a small restaurant in <city>
my english is not so good, I am <job> in my country but here I clean offices. I learn every day with the app. => user
    | works as | <job>
the kids forgot my birthday, all <num> of them. we ate <food> and watched cartoons, so I can not complain. => -
I play <sport> on Mondays, I have choir on Tuesdays and <language> class on Thursdays, when should I do the laundry?
    => user | plays | <sport> ; user | learns | <language>
my back is killing me since I fell off the ladder <past>. I can not lift anything, and I am a <job>, so that is a
    problem. => user | works as | <job> | -
she said yes!!! <girl> and I are getting married <future>, in <city>, small wedding, only family. => user | partner |
    <girl> | - ; user | plans to | get married
I am done with apps. I met <name> the normal way, at the <x=bakery|bus stop|bookshop>, we have a date <future>. =>
    user | has | date
my son <boy> got into <university>! he wants to study <subject>. I am so proud that I told the postman. => <boy> |
    studies at | <university> ; <boy> | wants to | study <subject>
<future> my best friend <name> has a <x=heart|hip|knee> operation. I can not think of anything else. => <name> | has
    | <x> operation
I have two left feet, but my wife talked me into a salsa course. first lesson <future>. => user | plans to | salsa
    course
not sure this is the right place, but I lost my mum <past>. she was <n=61|68|73|79>. the flat still smells of her. =>
    user's mum | is | dead
remember I told you about my neighbour, the <job>? he gave me his old <thing>, just like that. => user | has | <thing>
we can not come on <day>, <girl>, my youngest, has chickenpox. => <girl> | has | chickenpox
I eat dinner at five like an old lady, because my shift at <company> starts at six. => user | works at | <company>
if anyone needs me: I am in the garden with my <instrument>. it is the only way I can play without complaints. =>
    user | plays | <instrument>
strange, I never liked <food> and now that I am pregnant I eat it every day. => user | is | pregnant ; user | eats |
    <food>
my cat hates me, my boss hates me, and I hate <disliked>. how is your day? => user | dislikes | <disliked>
long story short: <company> is bankrupt, I am out of work, and <name> moved back in with me. => user | is | out of
    work ; user | lives with | <name>
== nothing
the report says that the average customer is <age>, <status>, and drives a <car>. does that fit the other file? => -
what a match! <team> were two down and won. did you see the last goal? the keeper was asleep. => -
I asked for a bar chart and got a pie. please try again with bars, sorted, and without the grid. => -
the film is about a <job> who moves to <city>, loses his memory and adopts a <petkind>. what is it called? => -
my computer says the file is too large. can I send you only the first thousand rows? => -
thanks!! exactly what I needed. one more: can you explain why the second line goes down in May? => -
if a customer writes "I moved to <city> and I want my money back", in which category do I put it? => -
people are strange. one day they all want <food>, the next day nobody does. why is that? => -
let us do a role-play for my class: you are a <job> with <condition>, and the students ask you questions. => -
you said <city> is bigger than <city2>, are you sure? the table says otherwise. => -
I am going to make some tea, keep counting. => -
if you were human, would you rather have a <petkind> or a <petkind2>? be honest. => -
there was this woman on the radio, she is <age>, has <num> children and sails around the world. amazing. => -
imagine a town where everybody is a <job>. who bakes the bread? => -
which of these sounds better: "I live in <city>" or "I am living in <city>"? => -
good morning! ready for another long day of numbers? let us start with the budget. => -
my friend asked me to ask you whether <food> is bad for dogs. I have no dog, do not worry. => -
sorry, the cat walked over the keyboard. ignore that. => -
I thought about getting a <thing> for a second, then I saw the price. no thanks. => -
in the exam there was a question on <condition>, and I think the answer was <medicine>. was that right? => -
a riddle: I have <num> legs in the morning. what am I? => -
the sentence for the test is: my name is <name>, I am from <country>, and I like <food>. please say it slowly. => -
as they say in <country>, no <food> without <drink>. => -
the weather in <city> looks better than here. how warm does it get in <month=March|June|October|January>? => -
act as my travel agent. the client is a <job> from <city>, <age>, hates flying. suggest three trips. => -
"dear sir, I have worked as a <job> for ten years": is that a good start for the sample letter? => -
he who lives in <city> should not complain about rain, my teacher used to say. => -
how many <petkind>s live in <country>, roughly? give me a range. => -
wait, you mixed up the columns: the first one is the weight and the second one the height. => -
I could tell you a lot about <city>, but not today. bye! => -
"""

OPENERS = """
good afternoon[!|,|.]
(morning|afternoon), (it is me|only me) (again|as usual).
(sorry|apologies) for (writing so late|all the questions|the mess yesterday).
(so|well) (listen|look)(:|,)
(one thing|something) before we (start|go on):
(fyi|psst|heads-up)(:|,)
(still here|nobody else is awake), so (I tell you|here it goes)(:|.)
(happy Monday|happy new year|merry Christmas)!
(not related|off topic|totally unrelated)(, but|:)
(ha|wow|oof), what a (morning|meeting|night).
(answering|about) your question from before:
(you were right|that was helpful|it works now)(!|.)
(I am on my phone|typing with one hand), so (excuse the typos|this is short).
(long time no see|it is me again|me again).
(first of all|to start with|firstly),
(let me introduce myself|a few words about me)(.|:)
(where were we|now where was I)?
(random thought|confession|good news|bad news):
"""

FILLERS = """
(I had to sit down|I laughed so hard|I did not know what to say).
(my head|my brain) is (spinning|mush) today.
it (rained|snowed) (the whole time|all day).
the neighbours (are drilling|have a party) again.
(long story|a story for another day).
(it is|this is) (getting late|very early here).
(sometimes|some days) I (wonder|just laugh).
(nothing|not much) (dramatic|special), (really|just life).
(no big deal|not the end of the world), I guess.
(but|well), (we will see|time will tell|one thing at a time).
(the bus|the tram|my train) was late (again|of course).
the soup is (burning|boiling over), one second.
(sorry|pardon) for the (long message|rambling|typos).
(I am telling you|believe me), (it is not easy|it was worth it).
(yes|yep), (really|seriously|I know).
there is cake in the kitchen, by the way.
(not that it matters|for what that is worth|not that anybody asked).
(enough about that|let us not talk about it|change of topic).
"""

CLOSERS = """
(sorted|ordered) by date, please.
how (would|do) (you|people) (handle|deal with) (that|this)?
(does|do) that (change|matter for) (the plan|your answer|anything)?
(let us|now let us) (go back to|look at) the (numbers|table|forecast).
(can|could) you (summarise|check) (the file|my text|the budget) (now|next)?
(have|did) you (save|get|note) that?
(good night|have a nice day|see you tomorrow)[!|.]
(ok|so), (enough about me|back to work).
what (is|would be) the (best|cheapest|fastest) way to (get there|do it|tell them)?
do you have (a recipe|a tip|an idea) for (me|tonight|Sunday)?
(tell|read) me a (joke|story|fun fact) now.
(search|look) for (a good film|something nice|cheap flights), please.
why (is|does) (it|that) always (so hard|happen on Mondays)?
(just|I only) wanted (you to know|to say that).
(no need to|do not) (answer|reply|worry).
and (how|what) about you?
(send|give) me the (link|table|list) again[, please].
which (film|wine|book) goes with (that|a day like this)?
"""
