"""The invented meetings, and those made up by the thousand."""

from __future__ import annotations

from itertools import pairwise

import pytest

from archiver.simulated import (
    Meeting,
    SummaryMode,
    awkward_meeting,
    generate_meetings,
    load_meetings,
    marker_word,
)
from archiver.simulated.library import speaking_ms, timed_utterances

MEETINGS = load_meetings()


def test_a_dozen_meetings() -> None:
    """There are a dozen invented meetings or more, each with a slug of its own."""
    assert len(MEETINGS) >= 12
    assert len({meeting.slug for meeting in MEETINGS}) == len(MEETINGS)


def test_languages() -> None:
    """They are held in several languages and scripts."""
    assert {"en", "de", "hi", "ar", "zh", "ja"} <= {meeting.language for meeting in MEETINGS}


def test_summaries_both_ways() -> None:
    """Some summaries come by themselves and some have to be asked for."""
    modes = {meeting.summary_mode for meeting in MEETINGS}

    assert {SummaryMode.AUTOMATIC, SummaryMode.ON_REQUEST} <= modes


@pytest.mark.parametrize("meeting", MEETINGS, ids=lambda meeting: meeting.slug)
def test_meeting_is_valid(meeting: Meeting) -> None:
    """Everyone who speaks is there, every text holds something, and time runs forward."""
    everyone = range(len(meeting.participants))
    said = [(one.participant, one.text) for one in meeting.utterances]
    said += [(one.participant, one.text) for one in meeting.chat]

    assert meeting.title.strip()
    assert meeting.summary.strip()
    assert meeting.utterances
    assert all(participant in everyone and text.strip() for participant, text in said)
    assert all(who.name.strip() and who.custom_id.isascii() for who in meeting.participants)
    assert all(one.start_ms < one.end_ms for one in meeting.utterances)
    assert all(a.end_ms <= b.start_ms for a, b in pairwise(meeting.utterances))
    assert all(0 <= message.at_ms < meeting.duration_ms for message in meeting.chat)
    assert 5 * 60_000 < meeting.duration_ms < 3 * 3600_000
    assert 0 <= meeting.days_ago < 7


def test_times_are_repeatable() -> None:
    """The same words under the same slug get the same times."""
    spoken = [[0, "one two three"], [1, "four"], [1, "five"]]

    assert timed_utterances("a", spoken) == timed_utterances("a", spoken)
    assert timed_utterances("a", spoken) != timed_utterances("b", spoken)


def test_pace() -> None:
    """160 words take a minute; scripts without spaces are counted by the character."""
    assert speaking_ms("word " * 160) == 60_000
    assert 50_000 < speaking_ms("字" * 260) < 70_000
    assert speaking_ms("") > 0


def test_generated_meetings() -> None:
    """Made-up meetings are the same for the same seed, and each has a word of its own."""
    meetings = generate_meetings(300, seed=3)
    words = {marker_word(index, seed=3) for index in range(300)}

    assert len(words) == 300
    for index in (0, 17, 299):
        meeting, again = meetings[index], generate_meetings(300, seed=3)[index]
        texts = " ".join(one.text for one in meeting.utterances)
        assert marker_word(index, seed=3) in texts
        assert sum(word in texts for word in words) == 1
        assert list(meeting.utterances) == list(again.utterances)
        assert list(meeting.chat) == list(again.chat)
        assert meeting.utterances[-1].end_ms < meeting.duration_ms


def test_generated_seeds_differ() -> None:
    """Another seed says something else."""
    one, other = generate_meetings(1, seed=1)[0], generate_meetings(1, seed=2)[0]

    assert [said.text for said in one.utterances] != [said.text for said in other.utterances]


def test_generated_slices() -> None:
    """What is said can be read by position, from either end, and in slices."""
    meeting = generate_meetings(1, utterances=10)[0]

    assert meeting.utterances[2:4] == [meeting.utterances[2], meeting.utterances[3]]
    assert meeting.utterances[-1] == meeting.utterances[9]
    assert meeting.chat[1:2] == [meeting.chat[1]]
    with pytest.raises(IndexError):
        meeting.utterances[10]


def test_awkward_meeting() -> None:
    """The awkward meeting lasts six hours, is out of order, and has a message of a megabyte."""
    meeting = awkward_meeting()
    starts = [one.start_ms for one in meeting.utterances]

    assert meeting.duration_ms == 6 * 3600_000
    assert starts != sorted(starts)
    assert max(len(message.text) for message in meeting.chat) == 1_000_000
    assert {message.payload_type for message in meeting.chat} > {"FILE_MESSAGE", "IMAGE_MESSAGE"}
