"""Pairs of an old and a new thought with what becomes of them, beyond what the slots give: ``old ## new``."""

TABLE = """
== supersede
I have a <doctor> appointment <future>. ## My <doctor> appointment (was moved|got moved), it is <future2> now.
I have a <doctor> appointment <future>. ## the <doctor> called, I have to come <future2> instead.
My <event> is <future>. ## they postponed my <event> to <day>, it was too early.
We fly to <city> <future>. ## The flight to <city> was rebooked, we leave <future2>.
I am going to <city> <future>. ## We changed our minds: <city2> instead of <city>.
The party for <name> is <future>. ## The party for <name> is <future2> now, the hall was taken.
I plan to start at <company> <future>. ## I start at <company> later than planned, <future2>.
My <exam> is <future>. ## My <exam> was moved to <future2>.
I do not have a <thing>. ## I bought a <thing> <past>.
I have <num> children. ## we had another baby <past>, so I have <num2> children now.
I have <num> cats. ## I have <num2> cats now, one more came to us.
My phone number is <phone>. ## I have a new phone number, it is <phone2>.
My email is <email>. ## (please use|I only use) <email2> now, the old address is closed.
I drink <drink> every morning. ## I gave up <drink>[ <past>].
I eat meat. ## I do not eat meat any more.
I smoke (ten cigarettes a day|a pack a day). ## I quit smoking <past>.
I am looking for a job. ## I found a job at <company>.
I am pregnant. ## our baby <name> was born <past>.
I am reading <book>. ## I finished <book> <past>, now I am reading <book2>.
I want to learn <skill>. ## I do not want to learn <skill> any more.
My <petkind> <petname> is ill. ## <petname> is well again.
I do not speak <language>. ## I speak <language> now, after two years of lessons.
I am not married. ## I got married <past>.
I go to the gym twice a week. ## I cancelled the gym, I do not go any more.
<name> is my girlfriend. ## <name> and I broke up <past>.
<name> is my flatmate. ## <name> moved out <past>.
I feel <feeling> about the move. ## I feel <feeling2> about the move now.
I prefer <drink> to <drink2>. ## these days I prefer <drink2> to <drink>.
My rent is (800|950|1,100) euros. ## the rent went up, it is (1,200|1,350|1,400) euros now.
my sister <girl> is at school. ## my sister <girl> finished school <past> and works as a <job>.
I am on parental leave. ## my parental leave is over, I am back at work.
I work night shifts. ## no more night shifts, I work days now.
I am a member of the <sport> club. ## I left the <sport> club <past>.
I commute by <x=train|bus|tram>. ## I cycle to work now instead of taking the <x>.
== insert
I have a <doctor> appointment <future>. ## I have a <doctor2> appointment <future2>.
I have a <petkind> called <petname>. ## I have a <petkind2> called <petname2>.
I have a <petkind> called <petname>. ## <name> has a <petkind> called <petname2>.
My daughter is called <girl>. ## my son is called <boy>.
My daughter <girl> plays the <instrument>. ## my son <boy> plays the <instrument>.
My sister <girl> lives in <city>. ## my sister <girl2> lives in <city2>.
My brother <boy> is a <job>. ## my brother <boy2> is a <job2>.
I am going to <city> <future>. ## I am going to <city2> <future2>.
I live in <city>. ## I am going to <city2> for a conference <future>.
I live in <city>. ## we spent a week in <city2> <past>.
I live in <city>. ## I grew up in <city2>.
I live in <city>. ## I was born in <city>.
I live in <city>. ## I love living in <city> but I might have to move one day.
I work at <company>. ## I have a job interview at <company2> <future>.
I work at <company>. ## <name> applied at <company>, where I work.
I work as a <job>. ## before that I worked as a <job2> for three years.
I work as a <job>. ## I am learning to be a <job2> at night school.
I drive a <car>. ## I am test driving a <car2> <future>.
I drive a <car>. ## my brother drives a <car>.
I like <food>. ## I like <food2>.
I like <food>. ## <name> hates <food>.
I like <food>. ## I had <food> at a wedding <past> and got sick.
I am allergic to <allergen>. ## <name> is allergic to <allergen>.
I am allergic to <allergen>. ## I am allergic to <allergen2>, too.
I am allergic to <allergen>. ## I have a test for <allergen2> at the clinic <future>.
I play the <instrument>. ## I sold my old <instrument> <past>, the new one is better.
I play the <instrument>. ## I play the <instrument2> as well.
My <exam> is <future>. ## my <exam2> is <future2>.
I failed my <exam> <past>. ## I passed my <exam2>.
I broke my <bodypart> <past>. ## I broke my <bodypart2> as a child.
I have a <thing>. ## I bought a <thing2>.
I visited <city> <past>. ## I visited <city2>.
My mother has <condition>. ## my father has <condition>.
My mother has <condition>. ## I have <condition2>.
<name> is my boss. ## <name2> is my landlord.
My favourite food is <food>. ## my favourite drink is <drink>.
My favourite film is <film>. ## my favourite band is <band>.
I take <medicine>. ## I take <medicine2> at night.
I am <feeling>. ## <name> is <feeling> too.
I speak <language>. ## I am learning <language2>.
I speak <language>. ## <name> speaks <language>.
I am reading <book>. ## <name> lent me <book2>, I will read it over the holidays.
I am vegetarian. ## my flatmate <name> is vegan.
I turned <age> <past>. ## my mother turns <age2> <future>.
I want to see <country>. ## I booked a flight to <country2>.
== merge
I have a <doctor> appointment <future>. ## my <doctor> appointment is <future>, do not forget.
I am going to <city> <future>. ## <future> I fly to <city>.
My <exam> is <future>. ## I have my <exam> <future>.
I broke my <bodypart> <past>. ## I broke my <bodypart> <past>, on the stairs at work.
I bought a <thing>. ## I have a <thing>, I bought it <past>.
I failed my <exam>. ## I failed my <exam> <past>, by two points.
I have <num> children. ## I am a parent of <num>.
I have a <petkind>. ## my <petkind> is called <petname>.
My sister lives in <country>. ## my sister lives in <city>, <country>.
I live abroad. ## I live in <city>, <country>.
I work in a shop. ## I work in the <company> shop, at the till.
I play an instrument. ## I play the <instrument>.
I have a food allergy. ## I am allergic to <allergen>.
I do not drink. ## I do not drink alcohol at all.
I have a car. ## my car is a <car>.
I speak a little <language>. ## I speak <language> at A2 level.
My boss is called <name>. ## <name> is my manager.
I visited <city>. ## <past> I was in <city> for three days.
I am from <country>. ## I come from <city> in <country>.
I got married. ## <name> and I got married <past>.
I lost my job. ## <past> I was laid off at <company>.
I want to learn <skill>. ## my plan is to learn <skill> this year.
I do not eat meat. ## I never eat meat, for the animals.
I feel <feeling>. ## I am feeling <feeling> these days.
I miss <name>. ## I really miss my friend <name>.
I sing in a choir. ## I sing in a choir every <day>.
My <petkind> <petname> died. ## <petname>, my <petkind>, passed away <past>.
I have a meeting <future>. ## I have a meeting with <name> <future>.
I go running. ## I go running three times a week.
<name> is moving to <city>. ## <name> is moving to <city> <future>.
== forget
I am going to <city> <future>. ## the trip to <city> is off, (delete it|forget it).
I have a <doctor> appointment <future>. ## (forget|drop) the <doctor> appointment, it is cancelled.
I have <num> children. ## I have no children, that was a misunderstanding.
I have a sister called <name>. ## I do not have a sister, you made that up.
<name> is my brother. ## I do not have a brother, delete <name>.
My phone number is <phone>. ## please delete my phone number.
My email is <email>. ## do not keep my email address.
I broke my <bodypart> <past>. ## I never broke my <bodypart>, that was (a joke|someone else).
I failed my <exam> <past>. ## please forget about my <exam>.
I have <condition>. ## what I said about my health, erase it.
I feel <feeling>. ## forget that I said I feel <feeling>, it was just a bad day.
I had a fight with <name> <past>. ## please do not remember the fight with <name>.
<name> is my boyfriend. ## forget about <name>.
I visited <city> <past>. ## I was never in <city>, (wrong person|you mixed that up).
I am pregnant. ## please remove what I told you about the pregnancy.
I lost my job <past>. ## erase that I lost my job, I do not want it in there.
I plan to start at <company> <future>. ## the job at <company> fell through, forget it.
I want to learn <skill>. ## I never said I want to learn <skill>, remove it.
I was born in <city>. ## I was not born in <city>, no idea where you got that, delete it.
My <petkind> <petname> died <past>. ## <petname> is not dead, I never said that, remove it.
My salary is (40,000|52,000|35,000) a year. ## my salary is none of your business, delete it.
I play the <instrument>. ## it was a friend who plays the <instrument>, not me, take that out.
I am going to marry <name> <future>. ## the wedding with <name> is called off, please forget it.
I have a <thing>. ## delete the note about the <thing>.
My address is <age> (Mill|Station|Church) Road. ## (wipe|remove) my address from your memory.
"""
