"""Runs on different images are told apart, by names that say what differs."""

import pytest
from made_up import recorded

from noise_exp.records.data_sets import name_data_sets, name_methods_of


def on(data="idx", digest="a" * 16, images=20, part="test", dist="gumbel", **keys):
    params = {"dist": dist, "data": data, f"{part}_images": str(images)}
    params |= {f"data.{key}": str(value) for key, value in keys.items()}
    return recorded(params, digest=digest)


A, B, C = "a" * 16, "b" * 16, "c" * 16


@pytest.mark.parametrize(
    ("runs", "names"),
    [
        ([on("article"), on("article")], ["article (20 test images)"] * 2),
        (
            [on("article"), on("mnist01", images=500)],
            ["article (20 test images)", "mnist01 (500 test images)"],
        ),
        (
            [on(path="d1", digest=A), on(path="d2", digest=B)],
            ["idx (20 test images, path=d1)", "idx (20 test images, path=d2)"],
        ),
        (
            [on("article", digits="[0, 1]", digest=A), on("article", digits="[3, 8]", digest=B)],
            ["article (20 test images, digits=[0, 1])", "article (20 test images, digits=[3, 8])"],
        ),
        (  # changed files of one folder
            [on(path="d1", digest=A), on(path="d1", digest=B)],
            ["idx (20 test images, digest aaaaaaaa)", "idx (20 test images, digest bbbbbbbb)"],
        ),
        (
            [on(path="d1", digest=A), on(path="d1", digest=B), on(path="d2", digest=C)],
            [
                "idx (20 test images, path=d1, digest aaaaaaaa)",
                "idx (20 test images, path=d1, digest bbbbbbbb)",
                "idx (20 test images, path=d2)",
            ],
        ),
        ([on(path="d1"), on(path="copy")], ["idx (20 test images)"] * 2),
        (
            [on("article", test_size=500, images=500), on("mnist01", images=500, test_size=500)],
            ["article or mnist01 (500 test images)"] * 2,
        ),
        (  # the test images and some that stood in for them
            [on(), on(part="validation")],
            ["idx (20 test images)", "idx (20 validation images)"],
        ),
        (  # an option of the user's own, with a key of its own
            [on("mine", blur=1, digest=A), on("mine", blur=2, digest=B)],
            ["mine (20 test images, blur=1)", "mine (20 test images, blur=2)"],
        ),
    ],
)
def test_a_name_says_what_differs(runs, names):
    assert name_data_sets(runs) == names


def test_the_scale_of_the_pixels_makes_no_other_images():
    raw, scaled = on(pixel_divisor=1), on(pixel_divisor=255)
    assert name_data_sets([raw, scaled]) == ["idx (20 test images)"] * 2
    assert name_methods_of([raw, scaled]) == ["gumbel data.pixel_divisor=1",
                                              "gumbel data.pixel_divisor=255"]  # fmt: skip


def test_runs_of_earlier_versions_whose_digest_held_the_scale_are_read():
    raw, scaled = on(pixel_divisor=1, digest=A), on(pixel_divisor=255, digest=B)
    assert name_data_sets([raw, scaled]) == [
        "idx (20 test images, digest aaaaaaaa)", "idx (20 test images, digest bbbbbbbb)",
    ]  # fmt: skip


def test_runs_without_a_digest_go_by_what_was_set():
    old = on(path="d1", digest=None)
    assert name_data_sets([old, old]) == ["idx (20 test images)"] * 2
    assert len(set(name_data_sets([old, on(path="d1")]))) == 1
    assert len(set(name_data_sets([old, on(path="d2", digest=None)]))) == 2
    names = name_data_sets([old, on(path="d1", digest=A), on(path="d1", digest=B)])
    assert names[0] == "idx (20 test images, digest unknown)"
    assert name_data_sets([recorded({"dist": "gumbel"}, error="not built")]) == [""]


def test_files_that_changed_make_methods_of_their_own():
    runs = [on(path="d1", digest=A), on(path="d1", digest=B), on(path="d1", digest=B, dist="beta")]
    assert name_methods_of(runs) == [
        "gumbel data.digest=aaaaaaaa", "gumbel data.digest=bbbbbbbb", "beta data.digest=bbbbbbbb",
    ]  # fmt: skip
    assert name_methods_of(runs[1:]) == ["gumbel", "beta"]
