import json

from abzero.run.journal.changes import changes


def config(**leaves):
    return json.dumps({"run": "a", "steps": 5, "optimizer": {"eight_bit": False, "betas": [0.9, 0.99]}} | leaves)


def test_equal_settings_are_no_change_nor_is_another_folder_or_a_setting_of_a_newer_version():
    before = {"config": config()}
    assert changes(before, config(run="b"), 3) == {}
    assert changes(before, config(new=1), 3) == {}
    assert changes({}, config(), 0) == {}


def test_a_change_is_noted_with_the_step_that_it_changes_from():
    now = config(steps=9, optimizer={"eight_bit": True, "betas": [0.9, 0.5]})
    assert changes({"config": config()}, now, 3) == {
        "changed from step 3: steps": "5 -> 9",
        "changed from step 3: optimizer.eight-bit": "False -> True",
        "changed from step 3: optimizer.betas": "0.9 0.99 -> 0.9 0.5",
    }


def test_changes_before_the_same_step_are_one_and_none_if_taken_back():
    noted = {"config": config(steps=7), "changed from step 3: steps": "5 -> 7"}
    assert changes(noted, config(steps=8), 3) == {"changed from step 3: steps": "5 -> 8"}
    assert changes(noted, config(steps=5), 3) == {}
    assert changes(noted, config(steps=8), 4) == {
        "changed from step 3: steps": "5 -> 7",
        "changed from step 4: steps": "7 -> 8",
    }


def test_a_change_after_a_step_that_is_taken_again_begins_with_it():
    noted = {
        "config": config(steps=8),
        "changed from step 12: steps": "5 -> 7",
        "changed from step 13: steps": "7 -> 8",
        "machine": "m",
    }
    assert changes(noted, config(steps=8), 9) == {"changed from step 9: steps": "5 -> 8"}
