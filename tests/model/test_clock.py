"""Joined recordings: which part's clock a presentation time belongs to."""

from __future__ import annotations

from fractions import Fraction

import pytest

from hfbench.model.clock import Join, JoinedClock

#: Two seconds and, an hour on by its clock, the next part.
LATER = JoinedClock((Join(0, Fraction(0)), Join(1000, Fraction(-3598))), ())
EARLIER = JoinedClock((Join(0, Fraction(0)), Join(1000, Fraction(2))), ())


@pytest.mark.parametrize(
    ("clock", "position", "ahead", "shift"),
    [
        (LATER, 0, Fraction(1, 30), 0),
        (LATER, 1000, Fraction(1, 30), -3598),
        (LATER, 900, Fraction(3598) + Fraction(1, 10), -3598),  # taken by the demuxer from the part that follows
        (EARLIER, 900, Fraction(1, 10), 0),
        (EARLIER, 900, Fraction(-2) + Fraction(1, 10), 2),
        (EARLIER, 1000, Fraction(-1, 30), 2),
    ],
)
def test_a_presentation_time_is_moved_with_the_part_whose_clock_it_is_on(clock, position, ahead, shift):
    assert clock.shift_of(position, ahead) == shift
