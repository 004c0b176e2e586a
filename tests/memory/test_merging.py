from __future__ import annotations

from bethink.memory.merging import MAX_MERGED, mergeable, merged_text
from bethink.memory.thought import thought_from_dict


def thought(id, obj, relation="likes", verb="like", **more):
    return thought_from_dict(
        {
            "id": id, "text": f"I {verb} {obj}.", "user_id": "u", "created_at": f"2024-01-0{1 + len(id)}T00:00:00Z",
            "subject": "user", "relation": relation, "object": obj,
        }
        | more
    )  # fmt: skip


def test_objects_are_listed_where_the_sentences_agree():
    assert (
        merged_text([thought("a", "tea"), thought("b", "jazz"), thought("c", "Rome")]) == "I like tea, jazz and Rome."
    )


def test_sentences_stand_in_a_row_where_they_do_not():
    assert merged_text([thought("a", "tea"), thought("b", "jazz", verb="love")]) == "I like tea. I love jazz."


def test_only_active_additive_thoughts_of_one_subject_merge():
    groups = mergeable(
        [
            thought("a", "tea"),
            thought("b", "jazz"),
            thought("c", "Rome", invalid_at="2024-02-01T00:00:00Z"),
            thought("d", "Porto", relation="lives in"),
            thought("e", "Rome", relation="lives in"),
            thought("f", "cake", subject="Maria"),
            thought("g", "fly", relation="plans to", metadata={"when": "2024-05-01"}),
            thought("h", "run", relation="plans to", metadata={"when": "2024-06-01"}),
        ]
    )
    assert [[one.id for one in group] for group in groups] == [["a", "b"]]


def test_a_bucket_bounds_the_search_and_long_lists_are_cut():
    many = [thought(f"x{i}", f"thing {i}", bucket=i % 2) for i in range(2 * MAX_MERGED + 1)]
    assert [len(group) for group in mergeable(many)] == [MAX_MERGED, MAX_MERGED]
    assert all(one.bucket == 1 for group in mergeable(many, 1) for one in group)
