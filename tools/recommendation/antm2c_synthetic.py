"""Synthetic files in AntM2C's format, for tests and for trying things: no row of them was ever a click of anybody.

File names begin with ``synthetic_``, ids too, and every title with the word 合成 (synthetic). Nothing measured on these
files says how well a method does on AntM2C.

How clicks come about: a user has a taste, shares theta over :data:`TOPICS`; an item has a topic t, a quality q and one
scene s. The chance of a click is sigmoid(b_s + w_s (theta_t - 1 / topics) + q + c_st), with b, w of the scene and c of
scene and topic. The users' three texts are entities drawn by their taste, the items' are entities of their topic, which
one item in twelve has in two ways: text tells what cold items and users will do, as far as q, which only clicks tell,
does not decide.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bethink.tools.recommendation.antm2c_checks import ITEM, LABEL, NUMBER, SCENE, TIME, USER, UTF8
from bethink.tools.recommendation.antm2c_csv import EMPTY, FIELDS, QUOTES, RETURN
from bethink.tools.recommendation.antm2c_schema import ANTM2C

TOPICS: Mapping[str, tuple[str, ...]] = {
    "餐饮": ("咖啡", "火锅", "奶茶", "外卖", "早餐"),
    "出行": ("打车", "地铁", "高铁", "共享单车", "机票"),
    "购物": ("超市", "服装", "数码", "家电", "美妆"),
    "理财": ("基金", "保险", "黄金", "债券", "存款"),
    "娱乐": ("电影", "游戏", "音乐", "演唱会", "直播"),
    "健康": ("药店", "体检", "挂号", "健身", "口罩"),
    "教育": ("课程", "图书", "考试", "英语", "编程"),
    "生活": ("水费", "电费", "燃气", "快递", "物业"),
}
"""What items are about, and the entities that tell."""
NAMES = tuple(column.name for column in ANTM2C.columns)
FIRST_DAY, DAYS, TRAIN_DAYS = np.datetime64("2023-07-25T00:00:00"), 13, 9
"""From 25 July to 6 August 2023: nine days before the first boundary of the tasks, two and two after it."""
MALFORMED: Mapping[str, str] = {
    "fields": FIELDS,
    "quotes": QUOTES,
    "carriage return": RETURN,
    "empty line": EMPTY,
    "utf8": UTF8,
    "user": USER,
    "item": ITEM,
    "label": LABEL,
    "time": TIME,
    "scene": SCENE,
    "number": NUMBER,
}
"""Kinds of malformed rows that can be planted, and the reason each is to be refused for."""
_BIASES, _WEIGHTS = (-1.2, -0.8, -1.0, -0.4), (9.0, 6.0, 7.0, 5.0)


@dataclass(frozen=True, eq=False)
class Synthetic:
    """What was written.

    Args:
        paths: the files.
        rows: good rows.
        planted: malformed rows by the reason each is to be refused for.
        chance: of a click of each good row, in the files' order [rows]; no predictor can be better than it.
        images: the folder of images, if any.
    """

    paths: tuple[Path, ...]
    rows: int
    planted: Counter[str]
    chance: NDArray[np.float64]
    images: Path | None


def write_synthetic(
    folder: str | Path,
    rows: int,
    seed: int,
    *,
    users: int | None = None,
    items: int | None = None,
    parts: int = 3,
    cold: float = 0.2,
    malformed: int | Mapping[str, int] = 0,
    features: bool = True,
    packed: bool = False,
    vectors: int = 0,
    images: bool = False,
) -> Synthetic:
    """Write ``synthetic_antm2c_10m_part0`` and so on; the same arguments give the same files.

    Args:
        folder: is made if it is not there.
        rows: good ones.
        seed: of the draws.
        users: how many; about twelve rows each by default.
        items: how many; about forty rows each by default.
        parts: files.
        cold: share of the items and of the users that come only after the first boundary of the tasks.
        malformed: so many rows of each kind of :data:`MALFORMED`, or of each kind named; they come on top.
        features: whether to write the 27 columns ``deep_features_0`` and so on; ``_0`` tells the user's favourite topic
            and ``_1`` the item's, the rest is noise.
        packed: gzip.
        vectors: a column ``image_vector`` of so many numbers, the item's topic and noise; the published files have
            none.
        images: a folder ``synthetic_images`` with ``ITEM_ID.png``, whose colour tells the topic; one in ten is missing.

    Raises:
        ValueError: no rows or parts, an unknown kind, or one that the files cannot have (numbers without features).

    Cost: some ten microseconds a row.
    """
    if rows < parts or parts < 1 or not 0 <= cold < 1:
        raise ValueError(f"{rows:,} rows in {parts} parts, {cold:g} of users and items cold: that cannot be written.")
    kinds = [kind for kind in MALFORMED if features or kind != "number"]
    wanted = dict.fromkeys(kinds, malformed) if isinstance(malformed, int) else dict(malformed)
    if unknown := [kind for kind in wanted if kind not in kinds]:
        raise ValueError(f"Rows malformed by {unknown[0]!r} cannot be planted; choose from {', '.join(kinds)}.")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    world = _World(generator, users or max(2, rows // 12), items or max(8, rows // 40), cold, vectors)
    user, item, seconds = world.draw(rows)
    chance = world.chance(user, item)
    label = generator.random(rows) < chance
    lines = world.lines(user, item, seconds, label, features)
    header = _row([*(NAMES if features else NAMES[:10]), *(["image_vector"] if vectors else [])])
    planted: Counter[str] = Counter()
    chooser = random.Random(seed)
    at = np.linspace(0, rows, parts + 1).astype(int)
    broken = [kind for kind, count in wanted.items() for _ in range(count)]
    chooser.shuffle(broken)
    paths = []
    for number in range(parts):
        mine = [line.encode() for line in lines[at[number] : at[number + 1]]]
        for kind in broken[number::parts]:
            good = chooser.randrange(at[number], at[number + 1])
            mine.insert(chooser.randrange(len(mine) + 1), _malformed(lines[good], kind))
            planted[MALFORMED[kind]] += 1
        path = folder / f"synthetic_antm2c_10m_part{number}{'.csv.gz' if packed else ''}"
        with ExitStack() as stack:
            file: Any = stack.enter_context(path.open("wb"))
            if packed:
                file = stack.enter_context(
                    gzip.GzipFile(fileobj=file, filename="", mode="wb", compresslevel=1, mtime=0)
                )
            file.write(header.encode())
            file.writelines(mine)
        paths.append(path)
    pictures = world.paint(folder / "synthetic_images") if images else None
    return Synthetic(tuple(paths), rows, planted, chance, pictures)


class _World:
    """Users and items, what they are like, and the texts that tell of it."""

    def __init__(self, generator: np.random.Generator, users: int, items: int, cold: float, vectors: int) -> None:
        self.generator = generator
        topics = len(TOPICS)
        self.taste = generator.dirichlet(np.full(topics, 0.3), users)
        self.topic = generator.integers(topics, size=items)
        self.scene = generator.integers(len(_BIASES), size=items)
        self.quality = generator.normal(0, 0.6, items)
        self.extra = generator.normal(0, 0.4, (len(_BIASES), topics))
        self.users = [f"synthetic_u{number:08d}" for number in range(users)]
        self.items = [f"synthetic_i{number:06d}" for number in range(items)]
        self.late_user, self.late_item = (generator.random(count) < cold for count in (users, items))
        words = [*TOPICS.values()]
        counts = generator.integers(0, 8, (users, 3))
        picks = generator.random((users, 3, 8))
        bounds = np.cumsum(self.taste, 1)
        self.user_cells = []
        for number in range(users):
            topic = np.minimum(np.searchsorted(bounds[number], picks[number]), topics - 1)
            entity = (picks[number] * 1e6).astype(int) % 5
            cells = [
                ",".join(words[topic[row, k]][entity[row, k]] for k in range(counts[number, row])) for row in range(3)
            ]
            self.user_cells.append(_row(cells)[:-1])
        tails = generator.integers(0, 5, (items, 3))
        odd = generator.random(items)
        self.item_cells = []
        for number in range(items):
            name, entities = [*TOPICS.items()][self.topic[number]]
            told = [entities[k] for k in tails[number]]
            title = f"合成 {name} {told[0]}{told[1]}第{number}号"
            if odd[number] < 0.06:  # what quotation is for
                title += ('，"特惠"', ", 限时", "\n新品")[int(odd[number] * 50)]
            rest = [title, str(self.scene[number])]
            self.item_cells.append([_row([",".join(cut), *rest])[:-1] for cut in (dict.fromkeys(told), told[:1])])
        drawn = generator.normal(0, 0.3, (items, vectors))
        if vectors:
            drawn[np.arange(items), self.topic % vectors] += 1
            self.item_vectors = [" ".join(f"{value:.3f}" for value in vector) for vector in drawn]
        else:
            self.item_vectors = []

    def draw(self, rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Who was shown what and when [rows]; some users and items come far more often, late ones only late."""
        generator = self.generator
        day = generator.integers(0, DAYS, rows)
        late = day >= TRAIN_DAYS
        chosen = []
        for is_late in (self.late_user, self.late_item):
            weight = generator.lognormal(0, 1, len(is_late))
            early = np.where(is_late, 0, weight)
            early = weight if not early.any() else early
            found = generator.choice(len(weight), rows, p=early / early.sum())
            found[late] = generator.choice(len(weight), int(late.sum()), p=weight / weight.sum())
            chosen.append(found)
        return chosen[0], chosen[1], day * 86_400 + generator.integers(0, 86_400, rows)

    def chance(self, user: NDArray[np.int64], item: NDArray[np.int64]) -> NDArray[np.float64]:
        """Of a click [rows]."""
        topic, scene = self.topic[item], self.scene[item]
        liking = self.taste[user, topic] - 1 / len(TOPICS)
        score = np.array(_BIASES)[scene] + np.array(_WEIGHTS)[scene] * liking + self.quality[item]
        found: NDArray[np.float64] = 1 / (1 + np.exp(-(score + self.extra[scene, topic])))
        return found

    def lines(
        self, user: NDArray[Any], item: NDArray[Any], seconds: NDArray[Any], label: NDArray[Any], features: bool
    ) -> list[str]:
        """The good rows' text."""
        times = np.char.replace((FIRST_DAY + seconds.astype("timedelta64[s]")).astype(str), "T", " ").tolist()
        ends = [""] * len(user)
        if features:
            generator, favourite = self.generator, self.taste.argmax(1)
            levels = generator.integers(0, 50, (len(user), 27))
            levels[:, 0], levels[:, 1] = favourite[user], self.topic[item]
            numbers = {column.name for column in ANTM2C.of("number")}
            made = [
                [f"{k / 8:.3f}" if f"deep_features_{i}" in numbers else f"level{k}" for k in range(50)]
                for i in range(27)
            ]
            for column in made:
                column[7] = ""  # a missing value
            ends = ["," + ",".join([made[i][k] for i, k in enumerate(row)]) for row in levels.tolist()]
        if self.item_vectors:
            ends = [f"{end},{self.item_vectors[i]}" for end, i in zip(ends, item.tolist(), strict=True)]
        drawn = zip(user.tolist(), item.tolist(), times, label.astype(int).tolist(), ends, strict=True)
        who, what = (
            list(zip(self.users, self.user_cells, strict=True)),
            list(zip(self.items, self.item_cells, strict=True)),
        )
        return [
            f"{who[u][0]},{what[i][0]},{when},{y},{who[u][1]},{what[i][1][i % 12 == 0 and u % 2]}{end}\n"
            for u, i, when, y, end in drawn
        ]

    def paint(self, folder: Path) -> Path:
        """Images of 16 by 16 pixels, for nine items in ten."""
        from PIL import Image

        folder.mkdir(exist_ok=True)
        colours = np.random.default_rng(0).integers(0, 256, (len(TOPICS), 3))
        for number, name in enumerate(self.items):
            if number % 10:
                noise = self.generator.normal(0, 20, (16, 16, 3))
                pixels = np.clip(colours[self.topic[number]] + noise, 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{name}.png")
        return folder


def _row(cells: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _malformed(line: str, kind: str) -> bytes:
    """A good row made bad in one way."""
    cells = next(csv.reader(io.StringIO(line, newline="")))
    if kind == "fields":
        return _row(cells[:-1]).encode()
    if kind == "empty line":
        return b"\n"
    if kind in ("quotes", "carriage return", "utf8"):
        user, rest = line.replace("\n", " ").rstrip().split(",", 1)
        begin = {"quotes": b'"' + user.encode(), "carriage return": user.encode() + b"\r", "utf8": b"\xff\xfe"}[kind]
        return begin + b"," + rest.encode() + b"\n"
    name = {"user": "user_id", "item": "item_id", "time": "log_time", "number": "deep_features_14"}.get(kind, kind)
    cells[NAMES.index(name)] = {"time": "2023-02-30 08:00:00", "label": "2", "number": "many"}.get(kind, "")
    return _row(cells).encode()
