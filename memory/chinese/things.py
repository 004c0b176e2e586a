"""Facts about films, people and firms in Chinese: "《龙猫》的导演是宫崎骏" -> (龙猫, 导演, 宫崎骏).

What a clause is about is carried through the talk: a title, a name, "这部电影", "他". An answer of values alone
("1988年4月16日。") is read by the question before it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bethink.memory.chinese import values
from bethink.memory.chinese.text import Clause


@dataclass(frozen=True)
class Attribute:
    """What a thing of some kind has: its name, how its values are found, the words that announce and ask for it."""

    name: str
    kind: str
    reader: values.Reader
    cue: re.Pattern[str] | None
    """None: its values tell by themselves what they are of ("132分钟")."""
    asked: re.Pattern[str]
    near: bool
    """Only of what the clause or the one before is about: anybody may win a prize."""


def _attribute(line: str) -> Attribute:
    kind, name, reader, cue, asked = line.split()
    near = kind.endswith("~")
    found = None if cue == "!" else re.compile(cue)
    return Attribute(name, kind.rstrip("~"), values.READERS[reader], found, re.compile(asked), near)


_TABLE = r"""
work 导演 people 导演|执导|自导|导的|编导 导演|执导|谁导
work 编剧 people 编剧|自编|编导 编剧
work 主演 people 主演|演员有|演员是|出演|领衔|联袂|(?<!导)演的|饰演|扮演 主演|演员|谁演|哪些人演|阵容|配音
work 制片人 people 制片人 制片人|谁制片
work 上映时间 date 上映|首映|公映 上映|首映|哪年的|什么时候的
work 出品时间 date 出品(?!公司) (?:哪年|时间|时候)[^，]*出品|出品时间
work 类型 genres ! 类型|题材|什么片|种类
work 片长 minutes ! 片长|多长|多久|时长|长不长
work 票房 money 票房 票房
work 制片成本 money 成本|制作费|投资|花费 成本|投资|花了多少
work 制片地区 lands ! 制片地区|哪里制片|哪个国家|在哪里?制[片作]|哪国
work 拍摄地点 places 拍摄 拍摄|哪里拍|在哪拍
work 对白语言 languages ! 语言|对白
work 其它译名 names 译名|译制名|又名|又叫|还叫|也叫|又称|别名 译名|别的名字|其他名字|其它名字|别名|还叫
work 出品公司 firms 出品|制作 出品|哪家公司|哪个公司
work 发行公司 firms 发行 发行
work~ 主要奖项 awards ! 奖|荣誉
work 在线播放平台 platforms ! 哪里?(?:能|可以)?看|在哪[^，]*看|平台
person~ 职业 jobs 是|做|也|还|既|兼|除了|身为|身兼|当|著名|出色|优秀 职业|做什么的|干什么|干嘛
person~ 国籍 nations ! 国籍|哪国|哪个国家
person~ 出生地 homes 人|出生|生于|来自 哪里人|哪儿人|哪的人|出生地|哪里出生|家乡|什么地方
person 出生日期 date 出生|生日|生于|生辰 哪年(?:的|出生|生)|生日|出生|多大|几岁|年龄|岁数
person 逝世日期 date 去世|逝世|离世|病逝 去世|逝世
person 身高 height ! 多高|身高
person 星座 sign ! 星座
person~ 毕业院校 schools 毕业|高材生|学生|学习|就读|系|学员|院校 毕业|学校|大学|院校|学历|科班|学表演
person~ 主要成就 awards ! 奖|成就|荣誉|提名
person 代表作品 titles 作品|代表|[他她]的|[他她][^，]*[导演拍写]的 作品|代表作|[演拍导]过|哪部|(?:哪些|什么)(?:电影|片)
person~ 别名 names 又叫|别名|又名|绰号|外号|称为|人称|也叫|还叫|艺名 别名|绰号|外号|别的名字|其他名字
firm 成立时间 date 成立|创立|创建|创办 成立|创立|创建
firm 总部地点 homes 总部|位于|坐落|座落 总部|哪里|在哪
firm 经营范围 trades 经营|主营|业务|涉足 经营|做什么|业务
firm 员工数 heads ! 员工|多少人|规模
"""
"""One line an attribute: the kind of thing ("~": near), the name, the reader, what announces it ("!": nothing need),
what asks for it."""
ATTRIBUTES = [_attribute(line) for line in _TABLE.strip().splitlines()]
_PEOPLE_CUE = re.compile(r"导演|执导|编剧|主演|演员|出演|领衔|联袂|饰演|扮演|制片人|由")
_TITLE = re.compile(r"《\s*(?P<name>[^》]{1,40}?)\s*》")
_OPENS = re.compile(
    r"(?:知道|听说过?|了解|认识|看过|聊聊|喜欢|熟悉|听过)(?:一个|一部|导演|演员|明星|电影|影片|一下)*(?P<name>[^，。？！]{2,24}?)"
    r"(?:这个人|这个导演|这个演员|这个明星|这[部个](?:电影|影片|片子|剧|公司))?[了过]?(?:吗|么|不|没有?|嘛)$"
)
_SPEAKS_OF = re.compile(r"(?:说起|提起|说到|提到|谈到|讲到)(?P<name>[^，。？！]{2,24}?)[了吧吗啊]*$")
_NAME_FIRST = re.compile(
    r"^(?P<name>[^，]{2,20}?)(?:这个人|这[部个](?:电影|影片|片子))?(?:之前)?(?:你|您)?(?:应该|有)*(?:会|有)?(?:知道|听说过?|看过|了解|认识|熟悉)(?:过)?(?:吗|么|不|没有?|吧|嘛)$"
)
_NOT_A_NAME = re.compile(
    r"^(?:你|您|我|一|几|有|没|不|是|很|就|还|都|也|过|其他|其它|自己|大家|电影|导演|演员|之前)|[他她它这那哪谁吗]|什么|有没|几|的(?:作品|电影|人|时间|名字|导演|主演)"
)
_OPENS_FILM = re.compile(r"(?:知道|听说过?|看过)(?P<name>[^，。？！]{2,24}?)这部(?:电影|影片|片子|动画)")
_FIRM = re.compile(r"(?:公司|工作室|集团|影业|娱乐|制片厂|传媒)$")
_MARKS = (
    (
        "work",
        re.compile(
            r"[这此该本](?:部|片|剧|个(?:电影|片子|影片))|影片|片子|它|剧情(?!片|类)|[这那]是.{0,12}(?:片|剧|电影)$"
        ),
    ),
    ("person", re.compile(r"(?<!其)[他她]|这个人|这位|此人")),
    ("firm", re.compile(r"公司|工作室|它")),
)
_AGAIN = re.compile(r"^(?:还有|以及|也有|另外|再就是|再有|像|包括|和|加上|此外)")
_ANOTHER = re.compile(
    r"^(?:我|你|您|咱|俺)(?!们?(?:就|也|还|只|比较|都|特别|最)*(?:知道|记得|看过|喜欢|爱|听说|觉得|了解|认为|查|说的是))"
)
_HIS = re.compile(r"^(?P<who>[^，]{1,20}?)的(?P<name>[^，的]{2,8}?)(?:就是|是|叫做?)(?P<value>[^，]{2,24})$")
_NO_ATTRIBUTE = re.compile(r"[我你他她它这那是]|电影|作品|时候|人$|印象|喜欢|奖")
_NO_VALUE = re.compile(r"^(?:很|非常|一|谁|不|挺|最|都|真|比较|什么|哪|同一|这|那|他|她|它|我|你)|[的了]$|[吗呢吧啊]$")
_KIND_OF_VALUE: dict[values.Reader, str] = {values.people: "person", values.titles: "work", values.firms: "firm"}


@dataclass(frozen=True)
class Thing:
    """One fact about a thing."""

    entity: str
    attribute: str
    value: str

    @property
    def triple(self) -> tuple[str, str, str]:
        """Entity, attribute, value."""
        return self.entity, self.attribute, self.value


@dataclass
class Talk:
    """What a talk is about: the last thing of each kind, all names heard, what was asked, what was told of last."""

    topics: dict[str, str] = field(default_factory=dict)
    last: str = ""
    heard: dict[str, str] = field(default_factory=dict)
    asked: list[Attribute] = field(default_factory=list)
    told: Attribute | None = None

    def read(self, sentence: Sequence[Clause]) -> list[Thing]:
        """The facts of a sentence; what it asks and is about is kept for the next one."""
        found: list[Thing] = []
        asked: list[Attribute] = []
        clauses = [Clause(_plain(clause.text), clause.asks, clause.wondered) for clause in sentence]
        for number, clause in enumerate(clauses):
            before, topics = self.last, dict(self.topics)
            self._listen(clause)
            if clause.asks or clause.wondered:
                asked += self._nearest([each for each in ATTRIBUTES if each.asked.search(clause.text)])
            elif not _ANOTHER.match(clause.text):
                found += self._facts(clause.text, _list_around(clauses, number), before) or self._other(
                    clause.text, topics
                )
        if asked or found or sum(len(clause.text) for clause in clauses) > 6:
            self.asked = asked  # "知道啊。" does not answer yet
        return list(dict.fromkeys(found))

    def _listen(self, clause: Clause) -> None:
        """Note what a clause is about."""
        text = clause.text
        titles = [match["name"] for match in _TITLE.finditer(text)]
        alias = values.names(text, text, False)
        for title in [] if alias else titles:
            self._turn_to(title, "work")
        opening = (_OPENS.search(text) or _NAME_FIRST.search(text)) if clause.asks else None
        opening = opening or _SPEAKS_OF.search(text)
        film = _OPENS_FILM.search(text)
        if film and not titles:
            self._turn_to(film["name"], "work")
        elif opening and not titles and _is_name(opening["name"]):
            self._turn_to(opening["name"], _kind(opening["name"], text))
        cast = _PEOPLE_CUE.search(text) is not None
        people = [name for name in values.people(text, text, False) if not alias and ("·" in name or cast)]
        people = [next((known for known in self.heard if "·" in known and known in name), name) for name in people]
        known = [name for name in self.heard if len(name) > 1 and name in text and name not in titles]
        for name in sorted(dict.fromkeys([*people, *known]), key=text.find):
            kind = self.heard.get(name, "person")
            if kind == "person" and cast:
                self.topics[kind] = name
                self.heard[name] = kind
            else:
                self._turn_to(name, kind)
        pointed = [kind for kind, mark in _MARKS if kind in self.topics and mark.search(text)]
        if pointed and self.last not in pointed and not titles:
            self.last = pointed[0]

    def _turn_to(self, name: str, kind: str) -> None:
        self.topics[kind] = name
        self.last = kind
        self.heard[name] = kind

    def _facts(self, text: str, listed: str, before: str) -> list[Thing]:
        found: list[Thing] = []
        by_cue = [each for each in ATTRIBUTES if self._announced(each, text, before)]
        taken = {each.reader for each in by_cue if each.cue}
        again = [self.told] if self.told and _AGAIN.match(text) else []
        expected = [each for each in [*self.asked, *again] if each.reader not in taken]
        readers = {each.reader for each in expected}
        for attribute in [*self._nearest([each for each in by_cue if each.reader not in readers]), *expected]:
            entity = self.topics.get(attribute.kind, "")
            if not entity or (attribute.reader is values.jobs and any(_is_of_people(thing) for thing in found)):
                continue
            asked = attribute in expected
            if attribute.reader is values.titles or attribute.reader is values.names:
                read = attribute.reader(text, listed, asked)
            else:
                read = attribute.reader(_unnamed(text, self.heard), _unnamed(listed, self.heard), asked)
            new = [value for value in read if value != entity]
            found += [Thing(entity, attribute.name, value) for value in new]
            if new:
                self.told = attribute
                self._meet(new, _KIND_OF_VALUE.get(attribute.reader, ""))
        return found

    def _other(self, text: str, before: Mapping[str, str]) -> list[Thing]:
        """ "他的第二任妻子是罗宾·怀特": any noun may be an attribute of a thing that the talk is about."""
        match = _HIS.match(text)
        if not match or _NO_ATTRIBUTE.search(match["name"]) or _NO_VALUE.search(match["value"]):
            return []
        pointed = next((before[kind] for kind, mark in _MARKS if kind in before and mark.fullmatch(match["who"])), "")
        entity = match["who"] if match["who"] in self.heard else pointed
        return [Thing(entity, match["name"], match["value"])] if entity else []

    def _announced(self, attribute: Attribute, text: str, before: str) -> bool:
        if attribute.near and attribute.kind not in (self.last, before):
            return False
        return attribute.cue is None or attribute.cue.search(text) is not None

    def _nearest(self, chosen: Sequence[Attribute]) -> list[Attribute]:
        """Of those that read the same values, the ones of what the talk is about just now."""
        of_topic = {each.reader for each in chosen if each.kind == self.last}
        return [each for each in chosen if each.kind == self.last or each.reader not in of_topic]

    def _meet(self, found: Sequence[str], kind: str) -> None:
        """Values are things of their own, which may be talked about next."""
        if not kind:
            return
        for value in found:
            self.heard.setdefault(value, kind)
        self.topics[kind] = found[0]
        if kind == "work" and len(found) > 1:
            self.last = "person"


def _is_of_people(thing: Thing) -> bool:
    return any(each.name == thing.attribute and each.reader is values.people for each in ATTRIBUTES)


def _plain(text: str) -> str:
    return re.sub(r"\s*([·•‧])\s*", "·", re.sub("[【】]", "", text))


def _kind(name: str, text: str) -> str:
    if _FIRM.search(name):
        return "firm"
    if "看过" in text or re.search(r"电影|影片|这部|片子", text):
        return "work"
    of_person = "·" in name or values.bare_name(name) or re.search(r"这个人|导演|演员|明星|认识", text)
    return "person" if of_person else "work"


def _is_name(name: str) -> bool:
    return not _NOT_A_NAME.search(name) and not any(each.asked.search(name) for each in ATTRIBUTES)


def _unnamed(text: str, heard: dict[str, str]) -> str:
    """The text without titles, in which words mean something else."""
    for name, kind in heard.items():
        if kind == "work":
            text = text.replace(name, "")
    return _TITLE.sub("", text)


def _list_around(clauses: Sequence[Clause], number: int) -> str:
    """The clause with those beside it that only go on with its list, joined by "、"."""
    first = last = number
    while first > 0 and values.bare_name(clauses[first - 1].text):
        first -= 1
    while last + 1 < len(clauses) and values.bare_item(clauses[last + 1].text):
        last += 1
    return "、".join(clause.text for clause in clauses[first : last + 1])
