"""Runs on different images are told apart, by names that say what differs."""

import pytest
from made_up import recorded

from noise_exp.runs.naming import name_data_sets, name_methods_of


def on(data="idx", digest="a" * 16, images=20, part="test", dist="gumbel", **keys):
    params = {"dist": dist, "data": data, f"{part}_images": str(images)}
    params |= {f"data.{key}": str(value) for key, value in keys.items()}
    return recorded(params, digest=digest)


A, B, C = "a" * 16, "b" * 16, "c" * 16


PATHS = [on(path="d1", digest=A), on(path="d1", digest=B), on(path="d2", digest=C)]
MINE = [on("mine", blur=1, digest=A), on("mine", blur=2, digest=B)]  # with a key of its own
SAME = [on("article", test_size=500, images=500), on("mnist01", images=500, test_size=500)]
OLD = on(path="d1", digest=None)


@pytest.mark.parametrize(
    ("runs", "names"),
    [
        ([on("article"), on("article")], ["article (20 test images)"] * 2),
        ([on("article"), on("mnist01", images=500)],
         ["article (20 test images)", "mnist01 (500 test images)"]),
        (PATHS[1:], ["idx (20 test images, path=d1)", "idx (20 test images, path=d2)"]),
        (PATHS[:2], [f"idx (20 test images, digest {digest[:8]})" for digest in (A, B)]),
        (PATHS, [*(f"idx (20 test images, path=d1, digest {digest[:8]})" for digest in (A, B)),
                 "idx (20 test images, path=d2)"]),
        ([on(path="d1"), on(path="copy")], ["idx (20 test images)"] * 2),
        (SAME, ["article or mnist01 (500 test images)"] * 2),
        # The test images and some that stood in for them.
        ([on(), on(part="validation")], ["idx (20 test images)", "idx (20 validation images)"]),
        (MINE, [f"mine (20 test images, blur={blur})" for blur in (1, 2)]),
        ([on(pixel_divisor=1), on(pixel_divisor=255)], ["idx (20 test images)"] * 2),
        # Runs of earlier versions, whose digest held the scale, or that have none.
        ([on(pixel_divisor=1, digest=A), on(pixel_divisor=255, digest=B)],
         [f"idx (20 test images, digest {digest[:8]})" for digest in (A, B)]),
        ([OLD, OLD, on(path="d1")], ["idx (20 test images)"] * 3),
        ([OLD, on(path="d2", digest=None)],
         ["idx (20 test images, path=d1)", "idx (20 test images, path=d2)"]),
        ([OLD, *PATHS[:2]],
         [f"idx (20 test images, digest {d})" for d in ("unknown", A[:8], B[:8])]),
        ([recorded({"dist": "gumbel"}, error="not built")], [""]),
    ],
)  # fmt: skip
def test_a_name_says_what_differs(runs, names):
    assert name_data_sets(runs) == names


def test_files_that_changed_and_scales_make_methods_of_their_own():
    runs = [*PATHS[:2], on(path="d1", digest=B, dist="beta")]
    assert name_methods_of(runs) == [
        "gumbel data.digest=aaaaaaaa", "gumbel data.digest=bbbbbbbb", "beta data.digest=bbbbbbbb",
    ]  # fmt: skip
    assert name_methods_of(runs[1:]) == ["gumbel", "beta"]
    scaled = [on(pixel_divisor=scale) for scale in (1, 255)]
    assert name_methods_of(scaled) == [f"gumbel data.pixel_divisor={d}" for d in (1, 255)]
