"""YAML is read as JSON with comments, with the line of every value, and within bounds."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.content.document import MAX_BYTES, Document, Json, Place, read


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "x.yaml"


def document(file: Path, text: str) -> Document:
    file.write_text(text, encoding="utf-8")
    found, problems = read(file, "x.yaml")
    assert found is not None
    assert problems == []
    return found


def refusal(file: Path, content: str | bytes) -> str:
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    found, problems = read(file, "x.yaml")
    assert found is None
    (problem,) = problems
    return str(problem)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("NO", "NO"),
        ("2026-11-23", "2026-11-23"),
        ("1:30", "1:30"),
        ("010", "010"),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        (".inf", ".inf"),
        ("1e999", "1e999"),
        ("9" * 5_000, "9" * 5_000),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("42", 42),
        ("-1", -1),
        ("0.5", 0.5),
        ("1e3", 1_000.0),
        ('"true"', "true"),
        ("'42'", "42"),
    ],
)
def test_only_what_json_knows_is_not_text(file: Path, text: str, data: Json) -> None:
    assert document(file, f"value: {text}\n").data == {"value": data}


def test_keys_are_always_text(file: Path) -> None:
    assert document(file, "true: 1\n2: b\n").data == {"true": 1, "2": "b"}


def test_comments_folded_text_and_aliases_are_understood(file: Path) -> None:
    text = "# a comment\na: &words [x, y] # another\nb: *words\nc: >-\n  one\n  two\n"

    assert document(file, text).data == {"a": ["x", "y"], "b": ["x", "y"], "c": "one two"}


@pytest.mark.parametrize(
    ("place", "line", "spelled"),
    [
        ((), 1, "file"),
        (("steps",), 3, "steps"),
        (("steps", 1), 6, "steps[1]"),
        (("steps", 1, "params", "to"), 7, "steps[1].params.to"),
        (("steps", 1, "missing"), 6, "steps[1]"),
        (("ends", "live_choice", "after"), 8, "ends.after"),
    ],
)
def test_every_place_has_its_line(file: Path, place: Place, line: int, spelled: str) -> None:
    text = "# comment\n\nsteps:\n  - id: a\n\n  - id: b\n    params: {to: c}\nends: {after: 4h}\n"

    problem = document(file, text).problem(place, "wrong")

    assert (problem.line, problem.place) == (line, spelled)


def test_a_key_that_is_there_twice_is_told_with_both_lines(file: Path) -> None:
    file.write_text("id: a\nends:\n  after: 1h\n  at_most: 9h\n  after: 9h\n", encoding="utf-8")

    found, problems = read(file, "x.yaml")

    assert found is not None
    assert [str(problem) for problem in problems] == [
        "x.yaml:5: ends.after: the key `after` is there already, on line 3"
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "x.yaml:1: file: it is empty"),
        ("# only a comment\n", "x.yaml:1: file: it is empty"),
        (
            "a: 1\nb: [1, 2\nc: 3\n",
            "x.yaml:3: file: not YAML: while parsing a flow sequence, expected ',' or ']', but got ':'",
        ),
        ("a: b: c\n", "x.yaml:1: file: not YAML: mapping values are not allowed here"),
        (
            "a: 1\n\tb: 2\n",
            (
                "x.yaml:2: file: not YAML: "
                "while scanning for the next token, found character '\\t' that cannot start any token"
            ),
        ),
        (
            "a: 1\n---\nb: 2\n",
            "x.yaml:2: file: not YAML: expected a single document in the stream, but found another document",
        ),
        ("a: *nowhere\n", "x.yaml:1: file: not YAML: found undefined alias 'nowhere'"),
        (b"a: 1\nb: \xff\xfe\n", "x.yaml:2: file: it is not UTF-8 text"),
        ("a: 1\nb: \x07\n", "x.yaml:2: file: a control character does not belong in a text file"),
        (
            "a: 1\nb: !!python/object/apply:os.system [ls]\n",
            (
                "x.yaml:2: file: YAML tags are not used in content; "
                "write the value without `tag:yaml.org,2002:python/object/apply:os.system`"
            ),
        ),
        ("? [a, b]\n: c\n", "x.yaml:1: file: a key must be a word"),
        ("a:\n  " + "[" * 10_000, "x.yaml:2: file: it is nested more than 40 deep"),
        ("a: &a [*a]\n", "x.yaml:1: file: it is nested more than 40 deep"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(file: Path, content: str | bytes, expected: str) -> None:
    assert refusal(file, content) == expected


def test_aliases_cannot_multiply_without_bound(file: Path) -> None:
    laughs = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    laughs += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 10)]

    assert refusal(file, "\n".join(laughs)).endswith("file: it holds more than 10,000 values")


def test_a_file_that_is_too_large_is_not_parsed(file: Path) -> None:
    assert refusal(file, "#" * (MAX_BYTES + 1)) == "x.yaml:1: file: it is larger than 1 MiB"


def test_a_folder_with_a_files_name_is_told(file: Path) -> None:
    file.mkdir()

    found, problems = read(file, "x.yaml")

    assert found is None
    assert [str(problem) for problem in problems] == ["x.yaml:1: file: it cannot be read: Is a directory"]


@given(content=st.binary(max_size=300) | st.text(alphabet="a:-[]{}&*!?|>'\"#%@ \n\t0.~", max_size=80).map(str.encode))
def test_whatever_the_bytes_there_is_a_document_or_a_problem(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    file.write_bytes(content)

    found, problems = read(file, "fuzz.yaml")

    assert found is not None or len(problems) == 1
