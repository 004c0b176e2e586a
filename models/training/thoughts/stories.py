"""Whole turns as people write them: several sentences about one thing, facts between feelings, pronouns, asides."""

TABLE = """
== people
my sister <girl> called [just now|again]. she moved to <city> and (hates it there, too many hills|hates it, the rent
    is a joke|loves it there, everyone is so kind). => <girl> | lives in | <city> | -
my brother <boy> is such a (character|handful). he is a <job>, he drives a <car> and he still asks our mum to iron
    his shirts. => <boy> | works as | <job> ; <boy> | drives | <car>
so <name>, my best friend since school, just got a job at <company>. I am (so happy|a bit jealous), we
    (drank|celebrated) until two. => <name> | works at | <company>
my grandmother turned ninety <past>. she still lives alone and plays <game> every day, can you imagine. => user's
    grandmother | age | ninety
my daughter <girl> started playing the <instrument>. it is not nice yet, but she practises every evening, and I am
    proud. => <girl> | plays | <instrument>
my son <boy> came home crying, he is being bullied (on the bus|in the yard). he is only <n=seven|eight|nine|ten>. I
    do not know what to do. => <boy> | age | <n> ; <boy> | is | being bullied
I had coffee with <name> <past>, she is thinking of leaving <company>. she has been there for twelve years! => <name>
    | works at | <company> | -
my flatmate <name> is driving me nuts. he plays the <instrument> at midnight and never does the dishes. any advice?
    => <name> | plays | <instrument>
we are having my mother-in-law over <future>. she is diabetic and does not eat <food>, what can I cook? => user's
    mother-in-law | not eats | <food> | - ; user's mother-in-law | is | diabetic | -
my neighbour, an old <job> called <name>, gave me <food> from the garden. sweet man. => <name> | works as | <job>
my husband <boy> snores so badly that I sleep on the sofa. he has <condition>, it turns out. => <boy> | has |
    <condition>
our boss <name> announced that the office will close <future>. everybody at <company> is in shock, me too. => user |
    works at | <company> | -
met <name> at the <x=pool|library|laundrette> <past>, we talked for hours. she is from <country> and speaks
    <language>. => <name> | is from | <country> | - ; <name> | speaks | <language> | -
my mum had a fall <past>, nothing broken, but she needs a <x=walking frame|stair lift|carer> now. I feel guilty for
    living so far away in <city>. => user's mum | needs | <x> | - ; user | lives in | <city> | -
my twin sister <girl> and I are complete opposites: she loves <activity> and I love <activity2>. => <girl> | likes |
    <activity> ; user | likes | <activity2>
the kids are growing so fast. <girl> is <n=six|eight|nine> and wants to become a <job>, <boy> is <m=three|four|five>
    and only talks about <petkind>s. => <girl> | age | <n> ; <girl> | wants to | become a <job> ; <boy> | age | <m>
my ex, <name>, got engaged <past>. I saw it online. I thought I was over it but I feel <feeling>. => <name> | marital
    status | engaged ; user | feels | <feeling> | -
my cousin <name> from <country> is staying with us for a month. he only speaks <language>, so it is a lot of hand
    waving. => <name> | is from | <country> ; <name> | speaks | <language>
dad got his results: it is <condition>. he has to take <medicine> and stop smoking. he is in a foul mood. => user's
    dad | has | <condition> ; user's dad | takes | <medicine>
my girlfriend <girl> is (vegan|a vegan) and I am not, so cooking is always two pans. => <girl> | diet | vegan
== days
sorry for the late reply, I was at the <doctor>. turns out I have <condition> and I must take <medicine> from now on.
    great. => user | has | <condition> ; user | takes | <medicine>
today was a mess. I missed the tram, spilt <drink> on my shirt and then failed my <exam>. I just want to sleep. =>
    user | failed | <exam> | <today>
I finally did it: I handed in my notice at <company>! <num> years of <job> life are over. now I want to learn
    <skill>. => user | quit | <company> ; user | wants to | learn <skill>
it has been a hard month. my <petkind> <petname> died, then I lost my job. I sleep badly and I cry a lot. =>
    <petname> | is | dead ; user | lost | job
big news!! we are having a baby, (due <future>|we found out today). my wife is tired all the time and craves <food>.
    => user | expecting | baby
moving day <past>, everything hurts. the new flat in <city> has no kitchen yet, so we live on <food>. => user | lives
    in | <city>
I ran my first half marathon <past>! 2 hours and 11 minutes, my knees hate me but I am so proud. => user | ran | half
    marathon
I can not sleep. my <exam> is <future> and I have not even started. also the neighbours are having a party. => user |
    has | <exam>
so the date went well, I think. her name is <girl>, she is a <job> and she laughed at my jokes. we meet again
    <future>. => <girl> | works as | <job> | - ; user | plans to | meet again
my laptop died <past>, with half my thesis on it. I study <subject>, so there were <num> years of data on it. => user
    | studies | <subject> | -
we came back from <country> <past>. <food> every day, sun, no phone. back to the office now, sigh. => user | visited
    | <country>
the landlord raised the rent again, so we are looking for a place outside <city>. <petname>, our <petkind>, needs a
    garden anyway. => <petname> | is | user's <petkind>
I tried to cook <food> for <name> and set off the fire alarm. we ordered <food2> in the end. she loves that anyway.
    => <name> | likes | <food2>
I have been sober since <year2=2019|2020|2021|2022>. some days are hard, today is one of them. => user | is | sober |
    <year2>
I gave blood today, my first time. they told me I am <blood>. => user | blood type | <blood>
slept four hours, drank five cups of coffee, and the baby has a fever. how do people do this? => user's baby | has |
    fever
got the keys today!!! our own house in <city>, I could dance. => user | lives in | <city> | <today>
after years of trying I passed the <exam>, on the third attempt. my mum cried on the phone. => user | passed | <exam>
I dropped out of <university> <past>. <subject> was just not for me. my parents do not know yet. => user | quit |
    <university>
I got a tattoo of <petname>, my <petkind>, on my <bodypart>. no regrets. => <petname> | is | user's <petkind> ; user
    | has | tattoo of <petname>
== preferences
when you suggest restaurants: no meat, I am <x=vegetarian|vegan>, and my wife <girl> can not have <allergen>. => user
    | diet | <x> ; <girl> | allergic to | <allergen>
please keep your answers short, I (read|am) on my phone and I am dyslexic. => user | is | dyslexic
just so you know how to talk to me: call me <name>, I prefer <x=short answers|metric units|bullet points|plain
    language>, and no jokes. => user | name | <name> ; user | prefers | <x>
I am looking for a present for my dad. he likes <activity> and <liked>, he has everything already. => user's dad |
    likes | <activity> ; user's dad | likes | <liked>
recommend me something to read. I love <liked>, I can not stand <disliked>, and I just finished <book>. => user |
    likes | <liked> ; user | dislikes | <disliked> ; user | finished | <book>
can you find a film for tonight? nothing like <film>, <name> hates <x=horror|war films|musicals|romantic comedies>.
    => <name> | dislikes | <x>
we need a dinner idea: <num> people, one of them (me) allergic to <allergen>, budget 40 euros. => user | allergic to
    | <allergen>
plan a weekend in <city> for us, please. I use a wheelchair and <name> is afraid of <fear>. => user | uses |
    wheelchair ; <name> | afraid of | <fear>
what can I do about <condition>? I have had it for years and <medicine> does not help any more. => user | has |
    <condition>
write a birthday card for my <k=aunt|sister|niece|godmother> <girl>, who turns <age> <future> and loves <activity>.
    => <girl> | age | <age> ; <girl> | likes | <activity> | -
help me write a cover letter. I am a <job> with ten years at <company>, I speak <language> and <language2>. => user |
    works as | <job> ; user | works at | <company> ; user | speaks | <language> ; user | speaks | <language2>
I need a training plan: I am <age>, I weigh <weight> and I have not moved since school. => user | age | <age> ; user
    | weight | <weight>
explain it like I know nothing about it, I am a <job>, not a mathematician. => user | works as | <job>
what plant survives in a dark flat? I have a <petkind> that eats everything. => user | has | <petkind>
how do I get from <city> to <city2> by train with a <petkind>? mine is called <petname> and hates noise. => <petname>
    | is | user's <petkind>
plot my weights from the file, please. by the way, I am on a diet since my doctor told me I have <condition>. => user
    | has | <condition>
compare these two phones for my mother, she is <age> and has <condition>. => user's mother | age | <age> ; user's
    mother | has | <condition>
== corrections
hold on, I do not work at <company>, that is my brother. I work at <company2>. => user | works at | <company2> ;
    user's brother | works at | <company>
you keep calling me <name>. my name is <name2>. => user | name | <name2>
that was last year. I sold the <car>, I go everywhere by bike now. => user | not drives | <car>
it is my sister who is allergic to <allergen>, not me. I eat everything. => user's sister | allergic to | <allergen>
no no, <petname> is a <petkind>, not a <petkind2>. => <petname> | is | <petkind>
I said <language>, not <language2>. I have never learnt <language2>. => -
a small correction: the wedding is not <day>, it is <future>. => user | has | wedding
I was wrong about the job, I start at <company> <future>, not on <day>. => user | plans to | start at <company>
I am not single any more, by the way. I am with <name> now, since <month=March|April|May|June>. => user | partner |
    <name>
we do not live in <city> any more, remember? we moved to <city2> <past>. => user | lives in | <city2>
I do not take <medicine> any more, the doctor stopped it. I am on <medicine2> instead. => user | not takes |
    <medicine> ; user | takes | <medicine2>
actually I gave the <petkind> away, it did not work out with the baby. => user | not has | <petkind>
the interview was for <company>, not <company2>. and no, I did not get it. => -
== quietones
I read that people in <city> eat <food> for breakfast. is that true, and is it healthy for somebody with <condition>?
    => -
for a class: a patient, <age>, has <condition> and takes <medicine>. which questions should a nurse ask? => -
my character wakes up in <city>. she is a <job> and hates <disliked>. give me three plot twists. => -
thanks, that was useful. now do the same for the second file, and label the axes this time. => -
I watched a documentary about <fear> and <country> and could not stop. what else is there like that? => -
someone in the film says "I moved to <city> and I never looked back". who is it? => -
what would a <job> in <country> earn, and what would the flat cost, if one moved there with <num> kids? => -
ignore the message before, it was meant for somebody else. => -
we were talking about <company> in the meeting: their shares fell by <age> percent. why? => -
my teacher used to say: "I am <age> and I still learn every day". nice line, whose is it? => -
is it rude to ask a colleague whether she is pregnant? asking for a friend. => -
I could eat a horse. no, not really, but what is quick to cook? => -
say I have a <petkind> and a <petkind2>, would they fight? it is only a thought experiment. => -
a man lives in <city>, he has <num> sons, each son has a sister. how many children are there? => -
let us play: you are the waiter, I order <food>, and there are <allergen> in it. => -
"My name is <name> and I come from <country>", how does that sound in <language>? => -
in my last prompt I forgot the units, the column is in kilos. redo the plot, please. => -
that song, "I live in <city> and I cry", do you know who sings it? => -
if my boss were called <name>, that would be funny. she is not. => -
hypothetically, if I was <status> and lived in <country>, how would I be taxed? => -
"""
