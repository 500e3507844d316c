"""Finding files of benchmarks, and what is said of them."""

import gzip
import json

import pytest

from abzero.errors import ConfigError
from abzero.evals import data, payload, samples
from abzero.evals.suites import SUITES, named

AIME = SUITES["aime24"]
ROW = {"id": 1, "problem": "1 + 1?", "answer": "2"}


def write(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_file_is_found_at_its_usual_places(tmp_path):
    write(tmp_path / "data" / "aime24" / "test.jsonl", ROW)
    write(tmp_path / "test.jsonl", ROW)
    [found] = data.find(AIME, data.where([str(tmp_path)]))
    assert found == tmp_path / "data" / "aime24" / "test.jsonl"
    assert data.find(SUITES["aime25"], data.where([str(tmp_path)])) == ()


def test_a_packed_file_is_the_same_file(tmp_path):
    plain = write(tmp_path / "aime24.jsonl", ROW)
    packed = tmp_path / "other" / "aime24.jsonl.gz"
    packed.parent.mkdir()
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert data.read(AIME, [plain]).sha256 == data.read(AIME, [packed]).sha256


def test_the_status_tells_too_few_rows_from_other_bytes(tmp_path):
    rows = [{**ROW, "id": number} for number in range(30)]
    assert data.read(AIME, [write(tmp_path / "a", *rows)]).status == "unknown revision, 30 rows"
    assert data.read(AIME, [write(tmp_path / "b", *rows[1:])]).status == "truncated, 29 of 30"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 1: no JSON"),
        ("[" * 100_000, "line 1: no JSON"),
        ("[1]", "a list, not an object"),
        ('{"id": 1, "problem": "x"}', "no field 'answer'"),
        ('{"id": true, "problem": "x", "answer": "1"}', "field 'id'"),
        ('{"id": 1, "problem": "x", "answer": 3}', "field 'answer': text is wanted"),
        ("", "no rows"),
    ],
)
def test_a_row_that_does_not_fit_is_one_clear_error(tmp_path, line, words):
    (tmp_path / "f").write_text(line + "\n")
    with pytest.raises(ConfigError, match=words):
        data.read(AIME, [tmp_path / "f"])


def test_a_damaged_packed_file_is_one_clear_error(tmp_path):
    (tmp_path / "f").write_bytes(gzip.compress(b"{}" * 1000)[:-20])
    with pytest.raises(ConfigError, match="cannot be read"):
        data.read(AIME, [tmp_path / "f"])


def test_names_of_suites():
    assert [suite.name for suite in named("lcb,mbppplus")] == ["livecodebench", "mbpp+"]
    assert len(named("paper")) == 12
    with pytest.raises(ConfigError, match="'mbpp' does not exist"):
        named("mbpp")


def test_samples_must_cover_the_problems_or_be_limited(tmp_path):
    file = write(tmp_path / "s", {"id": 1, "answer": "2"}, {"id": 1, "answer": "3"})
    with pytest.raises(ConfigError, match="1 of 2 problems have no sample"):
        samples.read(file, "id", ["1", "2"], partial=False)
    assert [one.number for one in samples.read(file, "id", ["1", "2"], partial=True)] == [0, 1]
    with pytest.raises(ConfigError, match="one of response"):
        samples.read(write(tmp_path / "t", {"id": 1, "answer": "2", "response": ""}), "id", ["1"], partial=False)


def test_a_pickle_is_text_or_refused():
    import base64
    import pickle
    import zlib

    def packed(value):
        return base64.b64encode(zlib.compress(value)).decode()

    good = json.dumps([{"input": "1", "output": "2", "testtype": "stdin"}])
    assert payload.tests(packed(pickle.dumps(good)))[0].output == "2"
    assert payload.tests(good)[0].input == "1"
    for bad in (b"cposix\nsystem\n(S'true'\ntR.", pickle.dumps([good]), pickle.dumps(good) + b"x", b"", b"\x80\x04"):
        with pytest.raises(ValueError, match="pickle"):
            payload.tests(packed(bad))
