import hashlib
import json
import random

import pytest

from abzero.errors import RunError
from abzero.oversight.chain import GENESIS, Chain, canonical, head_path, read


@pytest.fixture
def path(tmp_path):
    return tmp_path / "oversight.jsonl"


def filled(path, entries=6):
    chain = Chain(path, iter(range(100)).__next__)
    for number in range(entries):
        chain.append("opened" if number == 0 else "finding", {"step": number, "text": "ü\ud800\0"})
    return chain


def test_entries_hold_the_hash_of_the_one_before(path):
    chain = filled(path)
    entries = list(read(path))
    assert [entry.n for entry in entries] == list(range(6))
    assert [entry.before for entry in entries] == [GENESIS, *(entry.hash for entry in entries[:-1])]
    assert chain.head == entries[-1].hash
    assert chain.length == 6


def test_a_chain_goes_on_where_it_was_left(path):
    head = filled(path).head
    again = Chain(path, lambda: 5.5)
    assert again.head == head
    again.append("closed", {})
    assert [entry.kind for entry in read(path)][-1] == "closed"


def test_a_line_that_a_kill_cut_short_is_dropped_on_the_next_start(path):
    filled(path)
    whole = path.read_bytes()
    with path.open("a") as file:
        file.write('{"n": 6, "at": ')
    assert len(list(read(path))) == 6
    assert Chain(path, lambda: 0.0).length == 6
    assert path.read_bytes() == whole


def test_an_end_that_was_cut_off_later_is_told_from_a_kill(path):
    filled(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(RunError, match="its end is missing"):
        list(read(path))
    with pytest.raises(RunError, match="its end is missing"):
        Chain(path, lambda: 0.0)


def test_a_kill_between_entry_and_head_is_no_fault(path):
    filled(path, 5)
    before = head_path(path).read_text()
    filled_again = Chain(path, lambda: 9.0)
    filled_again.append("closed", {})
    head_path(path).write_text(before)
    assert len(list(read(path))) == 6
    Chain(path, lambda: 0.0)
    assert head_path(path).read_text() != before


def test_200_random_edits_are_all_found(path):
    filled(path, 12)
    whole, side = path.read_bytes(), head_path(path).read_bytes()
    rng = random.Random(3)
    for number in range(200):
        lines = whole.splitlines(keepends=True)
        at = rng.randrange(len(whole) - 1)
        line = rng.randrange(len(lines))
        other = (line + rng.randrange(1, len(lines))) % len(lines)
        match number % 5:
            case 0:
                text = whole[:at] + bytes([whole[at] ^ (1 << rng.randrange(7))]) + whole[at + 1 :]
            case 1:
                text = whole[:at]
            case 2:
                lines[line], lines[other] = lines[other], lines[line]
                text = b"".join(lines)
            case 3:
                text = b"".join(lines[:line] + lines[line + 1 :])
            case _:
                text = b"".join(lines[: line + 1] + lines[line:])
        path.write_bytes(text)
        head_path(path).write_bytes(side)
        with pytest.raises(RunError):
            list(read(path))
    path.write_bytes(whole)
    assert len(list(read(path))) == 12


def test_an_edited_entry_with_a_hash_made_anew_breaks_the_next(path):
    filled(path)
    lines = path.read_text().splitlines()
    row = json.loads(lines[2])
    row["body"]["step"] = 77
    del row["hash"]
    row["hash"] = hashlib.sha256(canonical(row).encode()).hexdigest()
    lines[2] = canonical(row)
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(RunError, match="entry 3"):
        list(read(path))


def test_a_full_disk_is_an_error_and_leaves_the_record_whole(path, tmp_path):
    chain = filled(path)
    whole = path.read_bytes()
    head_path(path).unlink()
    head_path(path).mkdir()
    with pytest.raises(RunError, match="make room"):
        chain.append("closed", {})
    head_path(path).rmdir()
    assert path.read_bytes().startswith(whole)
