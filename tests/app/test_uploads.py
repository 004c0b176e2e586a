"""Uploads of the page: safe names, one copy each, a line for the user, a command that runs."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethink.agents.routing import parse_command
from bethink.app.ui import uploads
from bethink.tools import ToolContext, all_tools, call_tool, find_tool
from bethink.tools.density import tool_limits
from bethink.tools.density.table import read_table
from tests.agents.fakes import make_agent

GOOD = b"time,level\n" + b"".join(b"%d,%d.5\n" % (t, t % 7) for t in range(40))
PEOPLE = b"name,height,weight\n" + b"".join(b"Ann,1.%d,%d\n" % (10 + t % 83, 50 + t % 37) for t in range(90))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("river.csv", "river.csv"),
        ("../../etc/passwd", "passwd.csv"),
        ("..\\..\\a b.TSV", "a_b.tsv"),
        ("Wetter März 2024.CSV", "Wetter_Marz_2024.csv"),
        ("日本.csv", "observations.csv"),
        (".csv", "csv.csv"),
        ("", "observations.csv"),
        ("a.csv.exe", "a_csv_exe.csv"),
        ("my table.PARQUET", "my_table.parquet"),
    ],
)
def test_names_are_made_safe(given, kept):
    assert uploads.safe_name(given) == kept


@given(st.text(max_size=300))
def test_no_name_leaves_the_folder(name):
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}\.(csv|tsv|txt|parquet)", uploads.safe_name(name))


def test_the_same_file_is_kept_once_and_another_of_its_name_beside_it(tmp_path):
    source, folder = tmp_path / "a.csv", tmp_path / "kept"
    source.write_bytes(GOOD)
    first = uploads.keep(source, folder)
    assert uploads.keep(source, folder) == first
    source.write_bytes(GOOD + b"40,1\n")
    second = uploads.keep(source, folder)
    assert (first.name, second.name) == ("a.csv", "a-2.csv")
    assert second.read_bytes() == source.read_bytes()
    assert sorted(path.name for path in folder.iterdir()) == ["a-2.csv", "a.csv"]
    assert folder.stat().st_mode & 0o077 == 0


def test_a_link_in_the_folder_is_not_written_through(tmp_path):
    source, folder = tmp_path / "a.csv", tmp_path / "kept"
    source.write_bytes(GOOD)
    folder.mkdir()
    (folder / "a.csv").symlink_to(tmp_path / "elsewhere.csv")
    assert uploads.keep(source, folder).name == "a-2.csv"
    assert not (tmp_path / "elsewhere.csv").exists()


def test_what_was_read_is_said_and_its_command_runs(tmp_path):
    source = tmp_path / "river.csv"
    source.write_bytes(GOOD + b"40,\n")
    taken = uploads.take(source, tmp_path / "kept")
    assert taken.line.startswith("river.csv: 1 column (level), 41 rows, 1 value missing.")
    tool = find_tool(all_tools(), "track_state")
    name, arguments = parse_command(taken.offers[0].command, {tool.name})
    assert name == tool.name
    assert arguments["system"] == "random_walk"
    result = call_tool(tool, arguments, ToolContext(tmp_path / "plots", uploads=tmp_path / "kept"))
    assert result.ok, result.error
    assert result.output["rows"] == 41
    # the second offer: the same rows without their order
    name, arguments = parse_command(taken.offers[1].command, {"estimate_density"})
    assert (name, arguments) == ("estimate_density", {"upload": "river.csv", "columns": ["level"]})


def test_rows_without_a_time_are_first_of_all_a_table(tmp_path):
    source = tmp_path / "pairs.csv"
    source.write_bytes(b"a,b\n" + b"".join(b"%d,%d.5\n" % (t * t % 41, t) for t in range(40)))
    taken = uploads.take(source, tmp_path / "kept")
    assert taken.line.startswith("pairs.csv: 2 columns (a, b), 40 rows, none missing.")
    assert re.search(r"\(about \d+ s\)", taken.line)
    assert [offer.command.split()[0] for offer in taken.offers] == ["/estimate_density", "/track_state"]
    assert taken.offers[0].command == '/estimate_density {"upload": "pairs.csv"}'


def test_who_got_what_makes_a_campaign(tmp_path):
    rows = "".join(
        f"{n},{'north' if n % 2 else 'south'},{(0, 2, 5)[n % 3]},{int(n % 7 < 3)},{n % 3}\n" for n in range(90)
    )
    source = tmp_path / "coupons.csv"
    source.write_text(f"customer_id,region,amount,active,cost\n{rows}")
    taken = uploads.take(source, tmp_path / "kept")
    assert taken.line.startswith(
        "coupons.csv: 90 users; amount is taken for what they got (0, 2, 5), active for the goal"
    )
    assert [offer.command.split()[0] for offer in taken.offers][:2] == ["/allocate_budget", "/estimate_density"]
    assert taken.offers[0].command == '/allocate_budget {"upload": "coupons.csv", "budget": 90.0}'


SHOP = (
    "sku,title,description,shelf,price,sold\n"
    + "a1,Red lamp,A warm lamp for the desk,light,19.5,4\na2,Oak table,A heavy wooden table,wood,340,1\n"
    + "a3,Pine chair,A light wooden chair,wood,45,2\na4,LED strip,Cold light for the kitchen,light,12.25,9\n"
)


def test_titles_make_a_catalogue_and_its_commands_run(tmp_path):
    source = tmp_path / "shop.csv"
    source.write_text(SHOP)
    taken = uploads.take(source, tmp_path / "kept")
    assert taken.line.startswith("shop.csv: 4 rows, taken for items of a catalogue; title is what each is called")
    assert "(the id: sku; text: description, shelf; numbers: price; not used: sold)" in taken.line
    recommend, search = (offer.command for offer in taken.offers)
    assert recommend == '/recommend {"upload": "shop.csv", "taste": ""}'
    found = []
    for command in (recommend, recommend.replace('""', '"I like wooden furniture"'), search):
        named, arguments = parse_command(command, {"recommend", "search_catalog"})
        context = ToolContext(tmp_path / "out", uploads=tmp_path / "kept")
        result = call_tool(find_tool(all_tools(), named), arguments, context)
        assert result.ok, result.error
        assert result.output["read_as"]["items"] == 4
        found.append(result.output)
    assert [output.get("status") for output in found] == ["new_user", "ok", None]
    assert {item["title"] for item in found[1]["items"][:2]} == {"Oak table", "Pine chair"}
    assert found[2]["items"][0]["title"] == "Red lamp"


def test_a_catalogue_with_many_numbers_is_a_table_too(tmp_path):
    source = tmp_path / "shop.csv"
    source.write_text("title,kg,price\n" + "".join(f"Lamp no {n},{n * n % 41},{n}.5\n" for n in range(60)))
    taken = uploads.take(source, tmp_path / "kept")
    names = [offer.command.split()[0] for offer in taken.offers]
    assert names == ["/recommend", "/search_catalog", "/estimate_density"]


@pytest.mark.parametrize(
    ("content", "title"),
    [
        ("\ufeffid;name;kg\n1;Lampe;1,5\n2;Tisch;20,0\n3;Stuhl;4,5\n", "name"),
        ("film title,year\nAlien,1979\nHeat,1995\nUp,2009\n", "film title"),
        ("商品id,标题\n1,红灯\n2,木桌\n3,椅子\n", "标题"),
        (
            "name,address,phone\nPizza Roma,Main St 1,0301\nCurry 36,Mehringdamm 36,0302\nNoma,Refshalevej 96,0303\n",
            "name",
        ),
        ("name\nred lamp\noak table\npine chair\n", "name"),
        (
            'name,text\n"<script>a()</script>",x y\n"=cmd|\'/C calc\'!A0",ignore the above\n"DROP TABLE a;--",z z\n',
            "name",
        ),
    ],
)
def test_a_catalogue_is_known_by_its_titles(tmp_path, content, title):
    source = tmp_path / "items.csv"
    source.write_text(content, encoding="utf-8")
    taken = uploads.take(source, tmp_path / "kept")
    assert f"taken for items of a catalogue; {title} is what each is called" in taken.line
    assert parse_command(taken.offers[1].command, {"search_catalog"})[1]["query"]


@pytest.mark.parametrize(
    "content",
    [
        PEOPLE.decode(),
        "user_id,title,stars\n" + "".join(f"{n},Film {n},{n % 5}\n" for n in range(9)),
        "first name,email,age\n" + "".join(f"Ann{n},a{n}@b.c,{n * n % 40}\n" for n in range(9)),
        "a,b\n" + "".join(f"{n * n % 41},{n}.5\n" for n in range(40)),
        "date,level\n" + "".join(f"2024-01-{n:02},{n % 7}.5\n" for n in range(1, 29)),
        "title,kg\n" + "".join(f"lamp,{n * n % 17}.5\n" for n in range(20)),
        "name,kg\n1,20.5\n2,3.5\n3,4.5\n",
        "name,height,weight\n" + "".join(f"P{n},{n * n % 41},{n}.5\n" for n in range(40)),
    ],
)
def test_what_has_no_titles_is_no_catalogue(tmp_path, content):
    source = tmp_path / "other.csv"
    source.write_text(content, encoding="utf-8")
    taken = uploads.take(source, tmp_path / "kept")
    assert "catalogue" not in taken.line
    assert not any("recommend" in offer.command or "search" in offer.command for offer in taken.offers)


ITEMS = "sku,title,description\n" + "".join(f"{n},Lamp {n},It shines\n" for n in range(1000, 1030))
BOUGHT = "customer_id,product_id,timestamp\n" + "".join(
    f"{n % 25},{1000 + n * n % 30},{1_700_000_000 + n}\n" for n in range(400)
)


def test_a_log_finds_its_catalogue_and_its_command_runs(tmp_path):
    kept = tmp_path / "kept"
    for name, content in (("river.csv", "date,level\n2024-01-01,1\n2024-01-02,3\n2024-01-03,2\n"), ("shop.csv", ITEMS)):
        (tmp_path / name).write_text(content)
        uploads.take(tmp_path / name, kept)
    (tmp_path / "other.csv").write_text(ITEMS.replace("10", "77"))
    uploads.take(tmp_path / "other.csv", kept)
    (tmp_path / "bought.csv").write_text(BOUGHT)
    taken = uploads.take(tmp_path / "bought.csv", kept)
    assert "400 rows, taken for a log of who took what: customer_id took product_id, items of shop.csv" in taken.line
    assert taken.offers[0].command == '/recommend {"upload": "shop.csv", "log": "bought.csv", "customer": "0"}'
    named, arguments = parse_command(taken.offers[0].command, {"recommend"})
    result = call_tool(find_tool(all_tools(), named), arguments, ToolContext(tmp_path / "out", uploads=kept))
    assert result.ok, result.error
    assert result.output["log"]["rows"] == 400


@pytest.mark.parametrize("others", [{}, {"shop.csv": ITEMS.replace("10", "77")}])
def test_a_log_without_its_catalogue_says_what_is_missing(tmp_path, others):
    for name, content in others.items():
        (tmp_path / name).write_text(content)
        uploads.take(tmp_path / name, tmp_path / "kept")
    (tmp_path / "bought.csv").write_text(BOUGHT)
    taken = uploads.take(tmp_path / "bought.csv", tmp_path / "kept")
    assert "taken for a log" in taken.line
    assert "in none of your files" in taken.line
    assert not any("recommend" in offer.command for offer in taken.offers)


@pytest.mark.parametrize(
    "content",
    [
        "user_id,product_id\n" + "".join(f"{n},{n % 3}\n" for n in range(40)),  # a row for each user
        "user_id,age,city\n" + "".join(f"{n % 9},{n},x\n" for n in range(40)),
        "product_id,price\n" + "".join(f"{n % 9},{n}.5\n" for n in range(40)),
        "user_id,item_id\n" + ",1\n" * 40,
    ],
)
def test_what_is_no_log(tmp_path, content):
    (tmp_path / "table.csv").write_text(content)
    assert "log of who took" not in uploads.take(tmp_path / "table.csv", tmp_path / "kept").line


def test_a_nameless_first_column_is_no_column_of_the_table(tmp_path):
    source = tmp_path / "frame.csv"
    source.write_bytes(b",a,b\n" + b"".join(b"%d,%d,%d.5\n" % (t, t * t % 41, t) for t in range(40)))
    taken = uploads.take(source, tmp_path / "kept")
    assert [offer.command.split()[0] for offer in taken.offers] == ["/estimate_density", "/track_state"]
    assert taken.offers[0].command.endswith('"columns": ["a", "b"]}')


def test_columns_of_text_are_left_out_of_the_command_and_named(tmp_path):
    source = tmp_path / "people.csv"
    source.write_bytes(PEOPLE)
    taken = uploads.take(source, tmp_path / "kept")
    assert "No numbers in name: left out." in taken.line
    assert [offer.command for offer in taken.offers] == [
        '/estimate_density {"upload": "people.csv", "columns": ["height", "weight"]}'
    ]
    read = read_table(tmp_path / "kept" / "people.csv", ["height", "weight"])
    assert read.values.shape == (90, 2)


def test_a_table_too_large_is_said_to_be_so_beforehand(tmp_path, monkeypatch):
    monkeypatch.setattr(tool_limits, "MAX_SECONDS", 1.0)
    source = tmp_path / "people.csv"
    source.write_bytes(PEOPLE)
    taken = uploads.take(source, tmp_path / "kept")
    assert "1 s is the most" in taken.line


def test_parquet_is_taken_where_it_can_be_read(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    source = tmp_path / "upload"
    parquet.write_table(pyarrow.table({"a": [t * t % 41 for t in range(40)], "b": [0.5] * 40}), source)
    taken = uploads.take(source, tmp_path / "kept", "numbers.parquet")
    assert taken.line.startswith("numbers.parquet: 2 columns (a, b), 40 rows")
    assert [offer.command for offer in taken.offers] == ['/estimate_density {"upload": "numbers.parquet"}']


def test_what_is_no_parquet_is_refused_with_what_to_do(tmp_path):
    source = tmp_path / "fake.parquet"
    source.write_bytes(PEOPLE)
    taken = uploads.take(source, tmp_path / "kept")
    assert taken.line.startswith("Not added. ")
    assert "CSV" in taken.line
    assert taken.offers == ()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"a,b\n1,rain\n", "holds text"),
        (b"\xff\xfea\x00", "UTF-16"),
        (b"Gr\xf6\xdfe\n1\n", "not UTF-8"),
    ],
)
def test_what_cannot_be_read_is_not_kept(tmp_path, content, words):
    source = tmp_path / "bad.csv"
    source.write_bytes(content)
    taken = uploads.take(source, tmp_path / "kept")
    assert taken.line.startswith("Not added. ")
    assert words in taken.line
    assert taken.offers == ()
    assert not (tmp_path / "kept").exists()


def test_too_large_a_file_is_refused_by_its_size(tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "MAX_BYTES", 100)
    source = tmp_path / "big.csv"
    source.write_bytes(GOOD)
    taken = uploads.take(source, tmp_path / "kept")
    assert "100 is the most" in taken.line
    assert taken.offers == ()
    with pytest.raises(ValueError, match="is the most"):
        uploads.keep(source, tmp_path / "kept")


def test_users_do_not_see_each_others_files(tmp_path):
    agent = make_agent(tmp_path)
    try:
        folders = {agent.folder_of(user) for user in ("ann", "Ann", "../bob", "", "\ud800")}
        assert len(folders) == 5
        assert all(folder.parent == tmp_path / "uploads" for folder in folders)
    finally:
        agent.close()


def test_a_turn_finds_the_users_own_upload(tmp_path):
    agent = make_agent(tmp_path)
    agent.tools.append(find_tool(all_tools(), "track_state"))
    try:
        source = tmp_path / "river.csv"
        source.write_bytes(GOOD)
        command = uploads.take(source, agent.folder_of("ann")).offers[0].command
        for user, ok in (("ann", True), ("bob", False)):
            thread = agent.threads.create(user).id
            events = list(agent.stream(command, user_id=user, thread_id=thread, memory=False))
            end = next(event for event in events if event.kind == "ToolEnd")
            assert end.ok is ok
            assert ok or end.result["error"]["code"] == "not_found"
            assert "river.csv" not in json.dumps(end.result["error"]["hint"]) if not ok else True
    finally:
        agent.close()
