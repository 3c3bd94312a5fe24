"""How `./dev test` counts what other test runners say."""

from argo_dev.counts import Counts, from_cargo, from_closing_line, from_junit

REPORT = """<?xml version="1.0"?>
<testsuites><testsuite name="pytest" errors="1" failures="1" skipped="2" tests="6">
<testcase classname="tests.a" name="test_one"/>
<testcase classname="tests.a" name="test_two"><failure message="assert 1 == 2">…</failure></testcase>
<testcase classname="tests.a" name="test_three"><error message="no fixture">…</error></testcase>
<testcase classname="tests.b" name="test_four"><skipped message="no Docker engine answers&#10;at all"/></testcase>
<testcase classname="tests.b" name="test_five"><skipped message="no Docker engine answers"/></testcase>
<testcase classname="tests.b" name="test_six"/>
</testsuite></testsuites>
"""


def test_a_report_is_counted_with_names_of_failures_and_reasons_of_skips(tmp_path):
    (tmp_path / "report.xml").write_text(REPORT)
    counts = from_junit(tmp_path / "report.xml")
    assert (counts.passed, counts.failed, counts.skipped) == (2, 2, 2)
    assert counts.failures == ("tests.a.test_two", "tests.a.test_three")
    assert counts.reasons == {"no Docker engine answers": 2}


def test_a_run_that_was_broken_off_has_failed(tmp_path):
    (tmp_path / "report.xml").write_text('<testsuites><testcase classname="a" name="b"/><testcase/></testsuites>')
    assert str(from_junit(tmp_path / "report.xml")) == "1 passed, 1 failed, 0 skipped"


def test_cargo_says_one_line_a_binary():
    output = (
        "running 3 tests\ntest result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n"
        "test result: FAILED. 1 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out\n"
    )
    counts = from_cargo(output)
    assert (counts.passed, counts.failed, counts.skipped) == (4, 2, 1)
    assert from_cargo("error: could not compile") == Counts()


def test_the_closing_line_of_a_program_is_read_from_its_last_one():
    counts = from_closing_line("1 passed, 0 failed, 0 skipped\nmore\n5 passed, 1 failed, 2 skipped\n")
    assert (counts.passed, counts.failed, counts.skipped) == (5, 1, 2)
    assert from_closing_line("all is well\n") is None


def test_suites_add_up_to_the_line_that_ends_a_run():
    total = Counts(3, 0, 1, (), {"x": 1}) + Counts.broken("compat: the service did not start")
    assert str(total) == "3 passed, 1 failed, 1 skipped"
    assert total.failures == ("compat: the service did not start",)


def test_counts_of_another_process_add_up_with_ours() -> None:
    ours = Counts(3, 1, 1, ("a",), {"no engine": 1})
    theirs = Counts.from_json((Counts(2, 1, 1, ("b",), {"no engine": 1}) + Counts()).to_json())
    assert ours + theirs == Counts(5, 2, 2, ("a", "b"), {"no engine": 2})
