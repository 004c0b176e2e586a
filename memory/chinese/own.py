"""Facts of the speaker's own life in Chinese: "我住在上海" -> (user, lives in, 上海).

The relations are those of English, so that "我搬到北京了" takes the place of "I live in Porto".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bethink.memory.chinese.dates import number
from bethink.memory.chinese.text import HAN
from bethink.memory.chinese.values import SURNAMES

_SELF = "我们|咱们|我|俺|咱|本人"
_KIN = {
    "mother": "妈妈|老妈|母亲|我妈|妈",
    "father": "爸爸|老爸|父亲|爸",
    "sister": "姐姐|妹妹|姐|妹",
    "brother": "哥哥|弟弟|哥|弟",
    "husband": "老公|丈夫",
    "wife": "老婆|妻子|太太|媳妇",
    "girlfriend": "女朋友|女友",
    "boyfriend": "男朋友|男友",
    "son": "儿子",
    "daughter": "女儿|闺女",
    "child": "孩子|宝宝",
    "grandmother": "奶奶|外婆|姥姥",
    "grandfather": "爷爷|外公|姥爷",
    "aunt": "姑姑|阿姨|姨妈|舅妈|婶婶",
    "uncle": "叔叔|舅舅|伯伯|姑父|姨父",
    "cousin": "表哥|表弟|表姐|表妹|堂哥|堂弟|堂姐|堂妹",
    "friend": "最好的朋友|好朋友|朋友|闺蜜|哥们",
    "boss": "老板|领导|上司",
    "colleague": "同事",
    "roommate": "室友|舍友",
    "neighbour": "邻居",
    "teacher": "老师|导师",
    "dog": "狗狗|小狗|狗",
    "cat": "猫咪|小猫|猫",
}
_KIN_OF = {word: kin for kin, words in _KIN.items() for word in words.split("|")}
_KIN_WORD = "|".join(sorted(_KIN_OF, key=len, reverse=True))
_SUBJECT = re.compile(rf"(?:{_SELF})(?:家)?的?(?P<kin>{_KIN_WORD})(?:的(?=[{HAN}]))?")
_I = re.compile(rf"(?:{_SELF})(?!的)(?:自己|本人)?(?!{_KIN_WORD})")
_MINE = re.compile(rf"(?:{_SELF})的(?!{_KIN_WORD})")
_THEY = re.compile(r"(?:他|她|它|ta)(?!们)的?")
_LEAD = re.compile(
    r"(?:从|自)?(?:[去今明前昨后][年天]|昨晚|今晚|[上下]个?(?:周末?|月|星期)|这个?(?:周末?|月|星期)|最近|现在|目前|以前|小时候"
    r"|\d{4}年(?:\d{1,2}月)?(?:\d{1,2}[日号])?|\d{1,2}月(?:\d{1,2}[日号])?)(?:的时候)?(?:开始|起)?"
)
_ADVERB = re.compile(
    r"(?:现在|目前|如今|已经|早就|一直|也|还|就|都|真的|真|特别|非常|十分|很|超级?|挺|蛮|比较|最近|刚刚|刚|才|终于|平时|平常|经常|常常|从小|其实|当然"
    r"|确实|仍然|依然|正在|又|主要|一般|通常|总是|尤其|最终|后来|于是|今年|本来|只|有点|是真心|可)+"
)
_CHANGED = re.compile(r"现在|如今|不再|改|换|变成|不(?:.*)了$|搬")
_PAST = re.compile(
    r"以前|曾经|曾|过去|小时候|当年|那时|当时|原来|原本|之前|年轻时|上学时|读书时|前任|前男友|前女友|前妻|前夫"
)
_JOB = (
    r"(?:[A-Za-z]{2,4}|.{0,10}?(?:师|员|生|者|家|工|医|手|长|官|警察|护士|司机|经理|总监|主管|助理|秘书|会计|教授|翻译|编辑|记者|律师|模特|演员|导演|编剧|作家|画家"
    r"|老板|农民|军人|公务员|程序员|设计师|博主|主播|顾问|专员|保安|保姆|店主|厨师|销售|客服|代表))"
)
_TABLE = rf"""
name = (?:名字|名|姓名|大名|全名)?(?:叫做|叫作|叫|是叫)(?P<o>NAME)
name = (?:名字|姓名|大名|全名)(?:是|叫)(?P<o>NAME)
name = 是(?P<o>SURNAME[{HAN}]{{2}}(?<![人族党派迷控生员师者家工座]))
star sign = 是(?P<o>.{{2}}座)
surname = 姓O
nickname = (?:小名|外号|绰号|昵称|网名)(?:是|叫)O
lives in ! = (?:从.+?)?(?:搬|搬家|迁)(?:家)?(?:到|去|回|来|至|进)了?(?P<o>.+?)(?:工作|生活|定居|居住|上学|读书|住)?
lives in = (?:定居|住|居住|生活)(?:在|于)O
lives in = 在O(?:居住|定居|生活|住)(?:着|了?.{{0,4}}年了?)?
lives with = (?:和|跟|与)O(?:一起|同)(?:居)?住?
hometown = (?:的?老家|家乡|故乡)(?:是在|是|在)O
is from = (?:来自)O
is from = 是(?:一个|个)?(?P<o>[{HAN}]{{2,9}}?)人(?:士)?
works at ! = (?:跳槽|换工作|调|入职|加入)(?:到|去|至)?了?(?P<o>.*FIRM)(?:工作|上班|任职)?
works at ! = (?:跳槽|换工作)(?:到|去)了?O
works as = 在.+?(?:里)?(?:当|做|担任)(?:一名|一位|一个|个)?(?P<o>JOB)
works at = 在(?P<o>(?!家|.*(?:考虑|思考|[找换想要]|准备|努力|认真)).+?)(?:里|那边)?(?:工作|上班|任职|打工|实习|就职)
works at = (?:就职|任职|供职)于O
works as ! = (?:转行|改行|升职|晋升)?(?:成了|变成了?|成为了?|做了|当上了?|当了)(?:一名|一位|一个|个|名)?(?P<o>JOB)
works as = (?:是|当|做|担任)(?:.{{0,8}}的)?(?:一名|一位|一个|个|名|位)?(?P<o>JOB)(?:的)?
works as = (?:职业|工作|的?本职工作)是(?:一名|一位|一个|个)?O
employment = (?P<o>退休|失业|待业|自由职业|全职妈妈|全职太太|离职|辞职)
age = (?:年龄是)?(?:满|有|是|快要?|都|到)?(?P<o>\d{{1,3}}|[一二两三四五六七八九十百]{{1,4}})岁(?:半)?(?:大)?
birthday = (?:生日|阳历生日|农历生日)(?:就)?(?:是在|是|在)(?P<o>.*(?:月|日|号|节|天).*)
birth date = (?:出生|生)于?(?:在)?(?P<o>\d.+)
birth date = (?:是)?(?:在|于)?(?P<o>\d{{2,4}}年.*?|\d+年.*?)(?:出生|生)(?:的|人)?
born in = (?:出生|生)(?:在|于)O
born in = (?:是)?(?:在)O出生(?:的|长大的?)?
allergic to = 对(?P<o>.+?)(?:会|严重|重度|轻度|有点)?过敏
studies at ! = (?:考上|考进|转学到|转到)了?(?P<o>.*SCHOOL)
studies at = 在(?P<o>.+?)(?:读|上|念)(?:大学|书|研|博|高中|初中|小学|中专|大专)
studies at = 在(?P<o>.*SCHOOL)(?:里)?(?:读书|读研|读博|上学|念书|学习|就读|读|念|上)?.{{0,6}}
studies at = (?:就读于?|在读)(?P<o>.*(?:大学|学校|学院|中学|高中|初中|小学))
graduated from = (?:毕业于)O
graduated from = (?:是)?(?:从)?(?P<o>.*(?:大学|学校|学院|中学|高中|专业|系))毕业(?:的)?
studies = (?:主修|专业是|学的是|读的是|念的是)O(?:专业)?
eats = 吃(?P<o>(?!过|了|饭|完|亏|惊|力).+)
drinks = 喝(?P<o>(?!过|了|完|醉).+)
learns = (?:在|开始)?(?:自学|学习|学|学着)(?:了|着)?(?P<o>(?!会|到|校|生|业|期|历).+)
marital status = (?:是)?(?P<o>已婚|未婚|单身|离异|离婚|结婚|订婚)
favourite {{x}} = 最(?:喜欢|爱|欣赏|崇拜)(?:吃|看|听|读|玩|喝|去)?的(?P<x>.+?)(?:就)?(?:是|叫|莫过于)O
dislikes = (?:不(?:太|怎么|大|是很|再|爱)?(?:喜欢|喜爱)|不爱|讨厌|厌恶|烦透了|受不了|恨|反感)(?!死)(?:看到)?O
likes = 最?(?:喜欢上?|[喜热钟偏]爱|爱好|爱上|迷上|痴迷于?|沉迷于?|热衷于?|爱)(?:了|过|的是)?(?P<o>(?!情|人|心|好).+)
likes = 对(?P<o>.+?)(?:也|都|很|非常|特别|比较|挺|蛮|更)*(?:感兴趣|有兴趣|着迷|情有独钟)
hobby = (?:的?(?:兴趣)?爱好|兴趣)是O
prefers = (?:更喜欢|更爱|宁愿|偏向于?)O
afraid of = (?:害怕|怕|恐惧|恐)(?P<o>(?!是|的).+)
speaks = (?:会|能)(?:说|讲)(?:一点|一些|流利的)?O
plays = (?:会|在|爱|喜欢)?(?:弹|拉|吹|踢|打)(?:的是)?(?P<o>[{HAN}]{{1,3}}(?:琴|他|胡|笛|箫|球|号|鼓|贝斯|麻将|太极拳?))
diet = (?:是)?(?:一个)?(?P<o>素食(?:主义)?者|严格素食者|吃素|素食)(?:的)?
height = (?:身高)(?:是|有|为)?(?P<o>\S*(?:\d|米).*)
weight = (?:体重)(?:是|有|为)?(?P<o>\S*\d.*)
phone number ! = (?:把|换了)新?(?:电话|手机)?(?:号码?)?(?:[换改]成)?了?[：:]?(?P<o>[\d+ -]{{5,}})
phone number = (?:电话|手机|手机号|电话号码|手机号码|联系电话)(?:是|为|：)?(?P<o>[\d+ -]{{5,}})
email = (?:邮箱|电子邮箱|电子邮件|email)(?:地址)?(?:是|为|：)?(?P<o>\S+@\S+)
plans to = (?:打算|计划|准备|决定|即将|马上要|正要)(?:要|了)?O
wants to = (?:想要|想|希望能?|梦想(?:是|着)?)(?P<o>(?:去|学|买|考|当|成为|换|找|开|养|做|参加|尝试|减肥).*)
has = 养(?:了|着|有)?(?P<o>(?:[一二两三四五六七八九十几\d]+)(?:只|条|个|匹|缸|盆).+)
has = 有(?P<o>(?:[一二两三四五六七八九十几\d]+)[个只条辆台套位名把架部间家双对](?!.*ISSUE).+)
got = (?:新|刚)?(?:买|购买|入手|领养|收养)(?:了|下了?)(?P<o>.+)
drives = 开(?:的是|着)?(?P<o>(?:一辆|辆).+)
supports = (?:支持|是)(?P<o>.{{1,8}}队)(?:的(?:球迷|粉丝))?
"""
"""One line a pattern: the relation, "!" if the verb itself says that something changed, what follows the subject."""
_SHORT = {
    "NAME": rf"(?:[{HAN}]{{1,6}}(?:·[{HAN}]+)*|[A-Za-z][\w .'-]{{0,30}})",
    "SURNAME": f"[{''.join(sorted(SURNAMES))}]",
    "JOB": _JOB,
    "FIRM": "(?:公司|医院|学校|大学|银行|集团|[局部所厂店社行]|中心|工作室|团队)",
    "SCHOOL": "(?:大学|学校|学院|中学|高中|初中|小学|研究生院)",
    "ISSUE": "(?:问题|建议|想法|请求|疑问|主意|办法|事|烦恼)",
    "O": "(?P<o>.+)",
}
_TAIL = re.compile(r"(?:了|啦|呀|啊|哦|呢|吧|的|哈|噢|来着|住了)+$")
_NAMED = {
    "名字": "name",
    "姓名": "name", "电话": "phone number", "手机号": "phone number", "邮箱": "email", "地址": "address",
    "住址": "address", "年龄": "age", "身高": "height", "体重": "weight", "血型": "blood type", "国籍": "nationality",
    "星座": "star sign", "职业": "works as", "工作": "works as",
    "生日": "birthday", "老家": "hometown", "家乡": "hometown",
    "母语": "native language", "邮编": "postcode", "工资": "salary", "月薪": "salary",
    "爱好": "hobby", "信仰": "religion",
}  # fmt: skip
_ATTRIBUTE = re.compile(rf"(?P<x>[{HAN}A-Za-z]{{1,10}}?)(?:就是|是|叫做|叫|为)(?P<o>(?!不|很|非常|因为|为了|在于).+)")
_OF_THE_TALK = frozenset(
    ("意思", "问题", "想法", "看法", "建议", "感觉", "观点", "心情", "目的", "意见", "疑问", "答案", "理解", "回答")
)
_POINTS = re.compile(r"[我这那它你您他她]|什么|一下|的|让")
"""What such a value means stands elsewhere."""
_QUOTES = ' ：:“”"「」'
_SOMEBODY = re.compile(r"[你您他她它这那谁]|大家|人们|人家|别人|咱们?俩|《")
_ENDED = re.compile(r"(?:已经)?(?:不再|再也不|没再|不)(?P<rest>.+?)(?:了)?$")


@dataclass(frozen=True)
class Own:
    """One fact: whom it is about ("user", "user's sister", a name), its triple, and whether another ends by it."""

    subject: str
    relation: str
    object: str
    replaces: bool = False
    kin: str = ""


def _compiled() -> list[tuple[re.Pattern[str], str, bool]]:
    found = []
    for line in _TABLE.strip().splitlines():
        head, pattern = line.split(" = ", 1)
        pattern = re.sub(
            r"SURNAME|NAME|JOB|FIRM|SCHOOL|ISSUE|(?<![A-Za-z<])O(?![A-Za-z])",
            lambda word: _SHORT[word.group()],
            pattern,
        )
        found.append((re.compile(rf"(?:{pattern})$"), head.removesuffix(" !"), head.endswith(" !")))
    return found


_PATTERNS = _compiled()
_ONE_MORE = frozenset(
    ("likes", "dislikes", "plays", "speaks", "has", "got", "learns", "plans to", "wants to", "afraid of")
)
"""Of these one has more than one: "now" does not end the others."""


@dataclass(frozen=True)
class Who:
    """Whom a clause is about: the subject of a triple, and how it is written where a clause leaves it out."""

    name: str
    said: str


@dataclass(frozen=True)
class Subject:
    """Whom a clause is about, what it says of them, and whether it names them itself."""

    who: Who
    phrase: str
    said: bool


def subject_of(clause: str, before: Who | None) -> Subject | None:
    """Whom a clause is about; ``before`` is whom the clause before was about: it may be left out, or be "她"."""
    lead = _LEAD.match(clause)
    opening = lead.group() if lead else ""
    rest = clause[len(opening) :]
    if found := _SUBJECT.match(rest):
        word = found["kin"]
        return Subject(Who(f"user's {_KIN_OF[word]}", f"我{word}"), rest[found.end() :], True)
    if found := _MINE.match(rest):
        return Subject(Who("user", "我"), rest[found.end() - 1 :], True)  # "的..." says that a noun follows
    if found := _I.match(rest):
        return Subject(Who("user", "我"), rest[found.end() :], True)
    if before and before.name != "user" and (found := _THEY.match(rest)):
        return Subject(before, opening + rest[found.end() :], False)
    return Subject(before, clause, False) if before and not _SOMEBODY.match(rest) else None


def named(who: Who, fact: Own) -> Who:
    """Whom the next clause is about: somebody just named goes by the name; "我养了一只猫，叫咪咪" is of the cat."""
    pet = re.search("[狗猫]", fact.object) if fact.relation in ("has", "got") else None
    if pet:
        return Who(f"user's {_KIN_OF[pet.group()]}", f"我的{pet.group()}")
    return Who(fact.subject, fact.subject) if fact.kin else who


def read_own(subject: str, phrase: str) -> Own | None:
    """The fact that a phrase states of a subject; None where no pattern fits."""
    changed = _CHANGED.search(phrase) is not None
    whole, phrase = phrase, _bare(phrase)
    if (
        "过敏" not in phrase
        and (ended := _ENDED.match(phrase))
        and not re.match(r"(?:太|怎么|大|是很)?(?:喜|爱)", ended["rest"])
    ):
        fact = _positive(subject, _bare(ended["rest"]))
        return Own(fact.subject, f"not {fact.relation}", fact.object, kin=fact.kin) if fact else None
    if re.match(r"(?:从来|从|并|都)?(?:没有?|未|别|不(?!太|怎么|大|是很|再|爱|喜))", phrase):
        return None
    fact = _positive(subject, phrase) or _positive(subject, whole)
    if fact and changed and fact.relation not in _ONE_MORE:
        return Own(fact.subject, fact.relation, fact.object, True, fact.kin)
    return fact


def is_past(clause: str) -> bool:
    """Whether a clause tells of what was so and is not."""
    return _PAST.search(clause) is not None


def _bare(phrase: str) -> str:
    lead = _LEAD.match(phrase)
    phrase = phrase[lead.end() :] if lead else phrase
    adverb = _ADVERB.match(phrase)
    return phrase[adverb.end() :] if adverb else phrase


def _positive(subject: str, phrase: str) -> Own | None:
    owned = phrase.startswith("的")
    plain = _TAIL.sub("", phrase.removeprefix("的")) or phrase
    for pattern, relation, moves in _PATTERNS:
        if found := pattern.match(plain):
            parts = found.groupdict()
            value = _TAIL.sub("", parts["o"]).strip(_QUOTES) if parts["o"] else ""
            if not value or _POINTS.match(value):
                continue
            if relation == "age":
                value = str(number(value))
            if parts.get("x"):
                relation = f"favourite {parts['x']}"
            return _named(subject, relation, value, moves)
    found = _ATTRIBUTE.match(plain)
    if found and (found["x"] in _NAMED or (owned and len(found["x"]) > 1 and found["x"] not in _OF_THE_TALK)):
        relation = _NAMED.get(found["x"], found["x"])
        return _named(subject, relation, found["o"].strip(_QUOTES), False)
    return None


def _named(subject: str, relation: str, value: str, moves: bool) -> Own:
    kin = subject.removeprefix("user's ")
    if relation == "name" and kin != subject:
        return Own(value, "is", subject, kin=kin)
    return Own(subject, relation, value, moves)
