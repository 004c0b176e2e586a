"""How the values of an attribute are found in Chinese: names, titles, dates, sums, prizes, places, trades.

There is no word list of Chinese here to split by: names are what is left between words of grammar, and the closed
classes (countries, professions, genres, signs) are written out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from bethink.memory.chinese.text import HAN

Reader = Callable[[str, str, bool], list[str]]
"""(a clause, the clause with the list that goes on beside it, whether it was asked for or goes on) to values."""

SURNAMES = frozenset(
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤方俞任袁柳鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅卞齐康伍余元卜顾孟平黄穆萧尹姚邵湛汪"
    "祁毛禹狄米贝明臧计伏成戴谈宋茅庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯昝管卢莫房裘缪干解应宗丁宣邓郁单杭洪包诸左石崔吉钮龚程嵇邢裴陆荣翁荀羊甄曲封储靳"
    "松井段富巫乌焦巴弓牧隗山谷车侯宓蓬全班仰秋仲伊宫宁仇栾甘厉戎祖武符刘景詹束龙叶幸司韶黎蓟薄印宿白怀蒲邰从鄂索咸籍赖卓蔺屠蒙池乔阴胥能苍双闻莘党翟谭贡劳逄姬申扶堵冉宰郦雍桑桂濮牛寿通边扈燕冀郏浦尚农温别"
    "庄晏柴瞿阎充慕连茹习宦艾鱼容向古易慎戈廖庾终暨居衡步都耿满弘匡国文寇广禄阙东欧利蔚越夔隆师巩厍聂晁勾敖融冷訾辛阚那简饶空曾毋沙乜养鞠须丰巢关蒯相查后荆红游竺权逯盖益桓公佟岳帅缑亢况郈有琴商牟佘佴伯赏墨"
    "哈谯笪年爱阳"
)
_JAPANESE = "新黑三木北小大山中松藤枝岩押今细久渡铃吉井村濑市近园细本樱堺役广役香绫"
_DOTTED = re.compile(rf"[{HAN}A-Za-z.-]{{1,8}}(?:[·•‧・∙][{HAN}A-Za-z.-]{{1,10}}){{1,4}}")
_GRAMMAR = re.compile(
    r"自编自导|编导|是|由|有(?!限)|像|叫做?|为|的|了|和|与|以及|及|跟|[、，,；;\s/]|等|都|也|还|就|很|既|导演|执导|编剧|主演|联合|领衔|联袂|共同|合力|合作|担任|担当|自导|饰演|扮演"
    r"|出演|演员|演出|演|著名|电影|影片|该片|此片|这部|我|你|他|她|它|吧|啊|呢|呀|啦|哦|嗯|对|肯定|当然|记得|知道|觉得|听说|除|外|更|一起|名叫|制片人|吗|么|嘛|喜欢|崇敬|印象|比较|之前|成就|看|儿子|女儿|妻子|丈夫|前妻|可(?=[真是不牛厉谓以])|所(?=$|执|导)|说到|提到|这|那部|不过|监制|出品|两位|三人|老师|大名鼎鼎"
)
_INTRODUCES = frozenset(("是", "由", "有", "像", "叫", "叫做", "为", "导演", "编剧", "主演", "编导", "制片人"))
_JOINS = frozenset(("和", "与", "以及", "及", "跟", "、", "，", ",", "；", ";", "/", " ", ""))
_NO_NAME = re.compile(r"[这那个些不没在到过会能要去来看说想上下里吗谁哪几什么最太真可好多大家人们片剧部名位版次年]")
_TITLE = re.compile(r"[《【]\s*([^》】]{1,40}?)\s*[》】]")
_LISTED = re.compile(r"[、，,；;]|以及|还有|和(?=《)|及(?=《)|与(?=《)|\s{1,}")
_LISTED_TITLES = re.compile(r"[、，,；;]\s*|以及|还有")
_BEFORE_LIST = re.compile(r"^.{0,8}?(?:有|像|比如|包括|看过|要属)(?!限)|^(?:就?是|还是|叫)")
_NO_TITLE = re.compile(
    r"\d年|分钟|怎么|多少|上映|导演的|主演的|执导|电影$|影片|不错|好看|作品|时间|印象|^(?:喜欢|看过|知道|好的|不是)|什么|谁|精彩|语言|效果|这样|员工|[了极]$|^\\d+"
)
_AFTER_LIST = re.compile(r"(?:等等?|这些|之类|都|也都|演的|随便|，|吧|啊|呢|呀|啦|哦|了解|你看).*$")
_SPOKEN = re.compile(
    r"[吗呢吧啊呀哦哈]|很|非常|特别|真|都|也|还(?!有)|就|演的|听说|知道|觉得|厉害|经典|你|我(?!是)|他|她|怎么|有才|不过|所以|但是|因为"
    r"|\d岁|已经|太"
)
_DATE = re.compile(r"\d{2,4}年(?:\d{1,2}月(?:份)?(?:\d{1,2}[日号]?)?)?|\d{4}[-./]\d{1,2}[-./]\d{1,2}")
_MINUTES = re.compile(r"\d+\s?分钟")
_MONEY = re.compile(
    r"(?:约|FRF|US|HK|NT)?[$＄￥¥]?\s?(?:\d[\d.,，]*\d|\d|[一二两三四五六七八九十]+)[千百]?(?:亿|万)*(?:\d+万)?(?:多)?(?:美元|日元|欧元|英镑|港元|港币|人民币|韩元|卢比|法郎|台币|元)?"
    r"(?:[（(][^）)]*[）)])?(?![年月日\d])"
)
_SUM = re.compile(r"亿|万|元|\$|￥|镑|\d{4,}|\d[,，]\d{3}|[（(]")
_GENRES = re.compile(
    "爱情|喜剧|动作|科幻|悬疑|惊悚|恐怖|犯罪|战争|历史|传记|动画|奇幻|冒险|家庭|亲情|剧情|文艺|青春|歌舞|音乐|古装|武侠|魔幻|西部|灾难|纪录|伦理|黑色幽默|励志|情色|同性|儿童|运动|警匪|枪战|谍战|热血|都市|公路|校园"
)
_GENRE_OF = re.compile(r"片|剧(?!组)|电影|类|题材|类型|的[^，]{0,3}$|动画$")
_LANDS = (
    "中国大陆|中国香港|中国台湾|中国|香港|台湾|澳门|美国|英国|法国|德国|日本|韩国|朝鲜|印度|俄罗斯|苏联|意大利|西班牙|加拿大|澳大利亚|新西兰|泰国|瑞典|丹麦|挪威|芬兰|荷兰|比利时|瑞士|奥地利"
    "|波兰|捷克|匈牙利|希腊|土耳其|伊朗|以色列|埃及|南非|墨西哥|巴西|阿根廷|智利|爱尔兰|葡萄牙|越南|新加坡|马来西亚|菲律宾|印度尼西亚|乌克兰|罗马尼亚|摩洛哥|古巴|冰岛"
)
_LAND = re.compile(_LANDS)
_FILM_OF = re.compile(
    rf"(?P<o>{_LANDS})(?:的)?(?:一部)?(?:经典|老|超级|古装|{_GENRES.pattern})*(?:大片|电影(?!节|学|奖|协会|金)|影片|片|剧)"
)
_NATION = re.compile(
    rf"(?P<o>(?!香港|台湾|澳门)(?:{_LANDS}))(?:国籍|籍|人|[^，]{{0,8}}?(?:演员|导演|编剧|歌手|艺人|作家|明星|女星|男星|影星|影后|影帝|制片人|巨星))"
)
_LANGUAGE = re.compile(
    "(?:英|法|德|日|韩|俄|汉|粤|国|西班牙|意大利|葡萄牙|印地|阿拉伯|泰|拉丁|希腊|瑞典|丹麦|波兰|土耳其|荷兰|闽南|普通)(?:语|话)"
)
_JOBS = re.compile(
    "动画导演|编剧作家|视觉特效师|动画师|漫画家|制片人|制作人|出品人|主持人|配音演员|声优|演员|导演|编剧|监制|制片|歌手|作家|摄影师|剪辑师|模特|商人|词曲作者|作曲家|作曲|舞者|舞蹈家|音乐人|音乐家"
    "|钢琴家|画家|设计师|主持|配音|艺术家|小说家|诗人|编导|武术指导|企业家|喜剧演员|童星|美术|策划|摄影|教师|记者|律师|医生"
)
_IS_ONE = re.compile("是|名|位|做过|做|当过|身兼|身为|集|优秀|出色|作为|除了")
_NOT_HIS_JOB = re.compile(r"奖|最佳|提名")
_HOME = re.compile(
    rf"(?:出生(?:地)?(?:于|在|是)|生于(?!\d)|来自|位于|坐落(?:于|在)|座落(?:于|在)|总部(?:地点)?(?:在|是|设在|分别位于))"
    rf"\s*(?:\d[\d年月日号]*)?(?P<o>[{HAN}A-Za-z\d ,，·]+?)(?:的(?!.*[路街市区州县省城])|了|$|吧|啊|呢)"
    rf"|(?:^|是|在|应该是|，)(?:一个|一名|一位|个)?(?P<p>[{HAN} ,·]{{2,20}}?)(?:人|出生)(?:的|了|吧|啊|呢|哦|，|$)"
)
_BEFORE_HOME = re.compile("^(?:[他她它]|应该|其实|就|也|还|可|都)*是?(?:一个|一名|一位|个)?")
_PLACED = re.compile("[省市州县区港湾岛]|" + _LANDS)
_STATES = re.compile("(?!香港|台湾|澳门)(?:" + _LANDS + ")")
_NO_HOME = re.compile(
    r"^(?:一|个|名|很|哪|什么|这|那|他|她|我|你|演艺|有|人|同|别|好|最|著名|优秀|出色|中年|老|女|男)|导演|演员|年$|多$|[的了]"
)
_SCHOOL = re.compile(
    rf"(?:毕业于|就读于?|考入|进入|是|在|^|于)(?:的)?(?P<o>[{HAN}]{{2,20}}?(?:大学|学院|学校|戏剧院|中学|培训班|训练班)(?:[{HAN}]{{0,8}}?(?:系|专业|学部|院)(?:[{HAN}]{{0,8}}系)?)?)"
)
_BEFORE_SCHOOL = re.compile("^(?:.*(?:毕业于|就读于?|考入|进入))?(?:[他她]|也|早期|是|的)*")
_HEIGHT = re.compile(r"\d\.\d+\s?(?:米|m)|\d米\d*|\d{3}\s?(?:cm|CM|厘米|公分)")
_SIGN = re.compile("白羊|牡羊|金牛|双子|巨蟹|狮子|处女|天秤|天蝎|射手|人马|摩羯|水瓶|双鱼")
_PRIZE = re.compile(r"奖|最佳|提名|影帝|影后|称号|得主")
_WON = re.compile(
    r"^.*?(?:例如|比如|如(?!果)|的(?=第)|提名(?=[^，]*奖)|获得|荣获|获|得过|得到|拿过|拿下|拿到|夺得|赢得|斩获|摘得|有|是|为|就是|包括|：|:)(?:过|了|的|有|是)*(?=.*(?:奖|最佳|提名|影帝|影后|称号))"
)
_PRIZE_END = re.compile(r"(?:，|呢|啊|哦|呀|吧|了|等|哈|的殊荣|的奖项|这些|(?<=奖)的?$|的?获得者|得主|而且|的确|真).*$")
_MADE_BY = re.compile(
    rf"(?:由|是|叫|^)(?P<o>[{HAN}A-Za-z、，,·()（）]{{2,40}}?)(?:[两三]家公司)?(?:联合|共同|合力|合作)?"
    r"(?:的?(?:出品|发行|制作)|$)"
)
_BEFORE_FIRM = re.compile(f"^(?:是|由|的|出品|出|发行|公司)+|^(?:{_LANDS})的")
_FIRM = re.compile("公司|工作室|集团|影业|娱乐|电影|传媒|书店|网$")
_PLATFORM = re.compile(
    "爱奇艺|优酷|腾讯视频|腾讯|搜狐视频|乐视|芒果TV|PPTV|bilibili|哔哩哔哩|B站|1905电影网|土豆|迅雷|Netflix|网飞",
    re.IGNORECASE,
)
_HEADS = re.compile(r"(?:约|大约)?\d+(?:多)?(?=[人名位]|$)|(?:约|大约)\d+")
_ALIAS = re.compile(
    r"(?:(?:又|还|也)(?:叫做?|称为?|名|被称为)|(?:别名|绰号|外号|译名|译制名|艺名|本名|原名|中文名字?|英文名|小名)(?:叫做?|是|为|：|:)?"
    r"|叫做|人称|名为|亲切的称为)(?P<o>[^，。]{2,40})$"
)


def bare_name(text: str) -> bool:
    """Whether a clause is a name and nothing else."""
    return _DOTTED.fullmatch(text) is not None or _short_name(text, True)


def bare_item(text: str) -> bool:
    """Whether a clause opens with one more item of a list: no verb, no address, no exclamation."""
    item = _AFTER_LIST.sub("", text)
    return 2 <= len(item) <= 24 and not _SPOKEN.search(item)


def people(text: str, listed: str, asked: bool) -> list[str]:
    """Names of people: with a dot, or after a surname, or right after "是", "由", "有"."""
    found: list[str] = []
    introduced = asked
    for before, piece in _pieces(listed):
        introduced = before in _INTRODUCES or (introduced and before in _JOINS)
        if _DOTTED.fullmatch(piece) or _short_name(piece, introduced):
            found.append(piece)
    return found


def titles(text: str, listed: str, asked: bool) -> list[str]:
    """Titles in their marks; without marks only where they were asked for."""
    marked = _TITLE.findall(text)
    if marked or not asked:
        return marked
    opens = _BEFORE_LIST.match(listed)
    items = [_AFTER_LIST.sub("", item).strip() for item in _LISTED_TITLES.split(listed[opens.end() if opens else 0 :])]
    found = [item for item in items if 2 <= len(item) <= 14 and bare_item(item) and not _no_title(item)]
    return found if opens or len(found) > 1 or len(listed) <= 8 else []


def _no_title(item: str) -> bool:
    return bool(_PRIZE.search(item) or _NO_TITLE.search(item) or _LAND.match(item))


def dates(text: str, listed: str, asked: bool) -> list[str]:
    """The first date."""
    return _all(_DATE, text)[:1]


def minutes(text: str, listed: str, asked: bool) -> list[str]:
    """A length of time in minutes."""
    return _all(_MINUTES, text)[:1]


def money(text: str, listed: str, asked: bool) -> list[str]:
    """The first sum: with a currency, or great."""
    return [found.strip("，, ") for found in _all(_MONEY, listed) if _SUM.search(found)][:1]


def genres(text: str, listed: str, asked: bool) -> list[str]:
    """Genres, where the clause speaks of a film's kind."""
    if _PRIZE.search(text):
        return []
    return _all(_GENRES, listed) if asked or _GENRE_OF.search(text) else []


def lands(text: str, listed: str, asked: bool) -> list[str]:
    """The countries that made a film: "美国大片", "由美国、英国联合制片"."""
    if _PRIZE.search(text):
        return []
    made = re.search(r"制片(?!人|厂)|联合制作|共同制作", text)
    return _all(_LAND, listed) if asked or made else [match["o"] for match in _FILM_OF.finditer(text)]


def nations(text: str, listed: str, asked: bool) -> list[str]:
    """The country that somebody is of: "美国人", "美国演员"."""
    if _NOT_HIS_JOB.search(text) or re.search("父亲|母亲|爸|妈|妻子|丈夫", text):
        return []
    return [match["o"] for match in _NATION.finditer(text)][:1]


def languages(text: str, listed: str, asked: bool) -> list[str]:
    """Languages, where the clause or its question is of them."""
    return _all(_LANGUAGE, listed) if asked or re.search("语言|对白|版|选用", text) else []


def jobs(text: str, listed: str, asked: bool) -> list[str]:
    """Professions."""
    is_one = _IS_ONE.search(listed)
    told = listed if asked else listed[is_one.end() :] if is_one else ""
    return [] if _NOT_HIS_JOB.search(text) else _all(_JOBS, told)


def homes(text: str, listed: str, asked: bool) -> list[str]:
    """Where somebody was born, or a firm sits."""
    found = []
    for match in _HOME.finditer(text):
        place = _BEFORE_HOME.sub("", match["o"] or match["p"]).strip(" ,，")
        placed = match["o"] or (_PLACED.search(place) and not _STATES.fullmatch(place))
        if len(place) > 1 and placed and not _NO_HOME.search(place):
            found.append(place)
    return found[:1]


def places(text: str, listed: str, asked: bool) -> list[str]:
    """Where something was shot."""
    found = re.search(rf"(?:在|有|是)(?!在)(?P<o>[{HAN}、，,]+?)(?:等?地?(?:拍摄|拍的|取景)|$)", listed)
    items = _LISTED.split(found["o"]) if found else []
    return [item for item in items if 2 <= len(item) <= 10 and not _NO_HOME.search(item)]


def schools(text: str, listed: str, asked: bool) -> list[str]:
    """Schools, with the department."""
    found = [_BEFORE_SCHOOL.sub("", match["o"]) for match in _SCHOOL.finditer(text)]
    return [school for school in found if len(school) > 2 and not re.search("名牌|一所|这种|^[这那我]", school)][:1]


def heights(text: str, listed: str, asked: bool) -> list[str]:
    """A height."""
    return _all(_HEIGHT, text)[:1]


def signs(text: str, listed: str, asked: bool) -> list[str]:
    """A sign of the zodiac, as "狮子座"."""
    return [f"{sign}座" for sign in _all(_SIGN, text) if "座" in text][:1]


def awards(text: str, listed: str, asked: bool) -> list[str]:
    """Prizes, one an item of the list, each as it was said."""
    items = re.split(r"[、，,；;]|以及|还有|和(?=第|\d)|及(?=第)|与(?=第)", _WON.sub("", listed, count=1))
    found = [_PRIZE_END.sub("", _WON.sub("", item, count=1)).strip() for item in items if _PRIZE.search(item)]
    return [
        item
        for item in found
        if 5 <= len(item) <= 40 and re.search("最佳|提名|影帝|影后|第.+[届屇]|^[^这那个什么]{3,}奖", item)
    ]


def firms(text: str, listed: str, asked: bool) -> list[str]:
    """Firms: "由...出品", "...公司"."""
    found = _MADE_BY.search(listed)
    items = [_BEFORE_FIRM.sub("", item).strip() for item in _LISTED.split(found["o"])] if found else []
    if re.search("[两三四]家公司", listed):
        return items
    return [item for item in items if _FIRM.search(item) and not re.search("[这那哪该听]", item)]


def platforms(text: str, listed: str, asked: bool) -> list[str]:
    """Where films are watched on the net."""
    return _all(_PLATFORM, listed)


def heads(text: str, listed: str, asked: bool) -> list[str]:
    """How many people."""
    return _all(_HEADS, text)[:1] if asked or "员工" in text else []


def names(text: str, listed: str, asked: bool) -> list[str]:
    """Another name, after "又叫", "别名是"."""
    found = _ALIAS.search(text)
    value = found["o"].strip(' 《》：:“”"') if found else ""
    return [value] if value and not re.search(r"^(?:一|很|个|什么|不|他|她|这|那|吗|的)|[的了]$", value) else []


def trades(text: str, listed: str, asked: bool) -> list[str]:
    """What a firm deals in."""
    found = re.search(r"(?:经营|主营|业务是|涉足|有)(?P<o>.+)$", listed)
    items = [re.sub("(?:的|等.*)$", "", item).strip() for item in _LISTED.split(found["o"])] if found else []
    return [item for item in items if 2 <= len(item) <= 8]


READERS: dict[str, Reader] = {
    "people": people, "titles": titles, "date": dates, "minutes": minutes, "money": money, "genres": genres,
    "lands": lands, "nations": nations, "languages": languages, "jobs": jobs, "homes": homes, "places": places,
    "schools": schools, "height": heights, "sign": signs, "awards": awards, "firms": firms, "platforms": platforms,
    "heads": heads, "names": names, "trades": trades,
}  # fmt: skip
"""The readers by name."""


def _all(pattern: re.Pattern[str], text: str) -> list[str]:
    return list(dict.fromkeys(match.group() for match in pattern.finditer(text)))


def _pieces(text: str) -> Iterable[tuple[str, str]]:
    """(the word of grammar before, the piece) for what stands between words of grammar."""
    start, before = 0, ""
    for match in _GRAMMAR.finditer(text):
        if piece := text[start : match.start()].strip():
            yield before, piece
            before = ""
        word = match.group().strip()
        before = word if not before or word in _INTRODUCES else before
        start = match.end()
    if piece := text[start:].strip():
        yield before, piece


def _short_name(piece: str, introduced: bool) -> bool:
    if not re.fullmatch(rf"[{HAN}]{{2,4}}", piece) or _NO_NAME.search(piece) or _LAND.search(piece):
        return False
    if piece[0] in SURNAMES:
        return len(piece) == 3 or (introduced and len(piece) == 2)
    return introduced and piece[0] in _JAPANESE and len(piece) > 2
