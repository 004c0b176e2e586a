"""Sentences and clauses of Chinese, and which of them claim something."""

from __future__ import annotations

import re
from dataclasses import dataclass

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
MAX_SENTENCE = 600
"""Characters; longer "sentences" are lists, logs or pasted text."""
_HAN = re.compile(f"[{HAN}]")
_LATIN = re.compile("[A-Za-zÀ-ɏ]+")
_GRAMMAR = re.compile("[我你您他她它的是了在不有这那吗叫]")
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa]")
_CODE = re.compile(r"```(?:(?!```)[\s\S])*(?:```)?|^>[^\n]*$", re.MULTILINE)
_END = re.compile(r"[。！？!?…]+[”』」\"’)）]*|\n+")
_CLAUSE = re.compile(r"(?:(?<!\d)[，,；;]|(?<=\d)[，,；;](?!\s?\d{3}(?!\d)))[，,；;\s]*(?![^《]*》)")
_QUOTED = re.compile(r"[“\"「『](?P<words>[^“”\"「」『』]{1,300})[”\"」』]")
_PERSON = re.compile("[我你您咱]")
_ASKS = re.compile(
    r"[？?]|(?:吗|么|没有|不)$|^.{0,3}呢$|什么|谁|哪|怎么|怎样|如何|为啥|多少|多大|多高|多长|多久|是不是|有没有|会不会|能不能|是否|几[个岁点年月号]"
)
_TAG = re.compile(r"^(?:对吗|是吗|对吧|是吧|对不对|是不是|没错吧|我?说的?没错吧|是这样吗|真的吗|对么|是么|行吗|好吗)$")
_WONDERED = re.compile(r"[？?]|吗|是吧|对吧|(?:是|对)不(?:是|对)")
_UNREAL = re.compile(
    r"如果|要是|假如|假设|假使|倘若|万一|的话$|可能|也许|大概|或许|说不定|好像|似乎|仿佛|差点|差一点|梦见|梦到|幻想|想象|应该|希望|但愿"
    r"|不知道|不清楚|不确定|记不清|猜|开玩笑|曾经想|本来想|比如|例如|假装|小说里|电影里|游戏里"
)
_REPORTED = re.compile(
    r"(?:[^我会能]|^)(?:说(?!起|到|实话|真的|不上|话)|问(?!题)|告诉)|听说|据说|传说|传闻|以为|觉得|认为|相信|怀疑|声称|建议|推荐"
)
_SMALL_TALK = re.compile(
    r"^(?:今天|现在|最近|刚才)*(?:我们?|俺|咱们?)(?:[也就都真还又再]|现在|刚刚|刚才|当然|确实|大概|想|要|会|能|可以|来|一定|明天|今天|非常|很)*"
    r"(?:知道|明白|懂|了解|理解|同意|觉得|认为|问|请|不知道|听说|记得|忘|没听|没看过|也是|没有|看看|试|去看看|谢谢|感谢|同感|一样|说|聊|查|猜"
    r"|好奇|相信|帮|需要你|要你|期待|尝试|考虑|注意|努力|尽力|尽量|尽情|保持|[和跟向]你|分享|高兴认识)"
)
_HEAR = re.compile(
    r"^(?:请记住|记住|记一下|记下来|请记得|告诉你|跟你说|其实|对了|另外|顺便说一下|顺便|说实话|老实说|你好|您好|嗨|嗯+|哦+|啊|哈+|对呀?|对啊"
    r"|是的|是啊|是呀|好的|当然|没错|不过|但是?|而且|所以|因为|然后|还有|那|可是|只是|事实上|不好意思|谢谢你?)[，,：:！!~、\s]*"
)
_END_MARKS = "。！？!?….~～ \t"


def is_chinese(text: str) -> bool:
    """Whether a text is Chinese: Han characters and no kana; beside Latin words as many, and a word of grammar."""
    han = len(_HAN.findall(text))
    if not han or _KANA.search(text):
        return False
    latin = len(_LATIN.findall(text))
    return not latin or (han >= latin and _GRAMMAR.search(text) is not None)


@dataclass(frozen=True)
class Clause:
    """A clause without its marks, whether it asks, and whether the sentence takes it back by a tag ("..., 对吗？")."""

    text: str
    asks: bool
    wondered: bool = False

    @property
    def claims(self) -> bool:
        """Whether it states something: no question, hypothesis or hearsay."""
        return not (self.asks or self.wondered or _UNREAL.search(self.text) or _REPORTED.search(self.text))


def sentences(text: str) -> list[list[Clause]]:
    """The clauses of each sentence; code, quoted speech and overlong pieces are left out."""
    found = []
    start = 0
    text = _QUOTED.sub(_unless_spoken, _CODE.sub("\n", text))
    cuts = [(match.start(), match.end(), match.group()) for match in _END.finditer(text)]
    for end, after, mark in [*cuts, (len(text), len(text), "")]:
        sentence = text[start:end].strip()
        start = after
        if 0 < len(sentence) <= MAX_SENTENCE:
            found.append(_clauses(sentence, "?" in mark or "？" in mark))
    return [clauses for clauses in found if clauses]


def _unless_spoken(quoted: re.Match[str]) -> str:
    """A quoted title or name stays, quoted speech goes."""
    return "" if _PERSON.search(quoted["words"]) else quoted.group()


def _clauses(sentence: str, asked: bool) -> list[Clause]:
    parts = [part.strip(_END_MARKS) for part in _CLAUSE.split(sentence)]
    parts = [part for part in parts if part]
    tagged = bool(parts) and _TAG.match(parts[-1]) is not None
    if tagged:
        parts = parts[:-1]
    last = len(parts) - 1
    found = []
    for i, part in enumerate(parts):
        mark = "？" if asked and i == last and not tagged else ""
        found.append(Clause(part, _ASKS.search(part + mark) is not None, tagged and i == last))
    return found


def opened(clause: str) -> str:
    """The clause without what only opens it: "其实，我..." -> "我..."."""
    before = ""
    while before != clause:
        before, clause = clause, _HEAR.sub("", clause, count=1)
    return clause


def small_talk(clause: str) -> bool:
    """Whether a first-person clause only carries the talk: "我知道", "我也是"."""
    return _SMALL_TALK.match(clause) is not None
