"""Says when schedules are due, by walking through every minute of a time span. Knows nothing of rowbill's code.

In (JSON): {"zones": [NAME], "begin": SECONDS, "end": SECONDS, "schedules": [AS IN A MAPPING]}
Out (JSON): {ZONE: {"offsets": [[FROM, MINUTES]], "ticks": [[[DISTANCE, TIMES]]]}}, for each schedule: how far
each tick is from the one before it (the first: from 0), and how many times in a row. Exit code 3: a zone has no data.
"""

import json
import sys
from datetime import date, datetime
from itertools import groupby
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
MONTHS = ["", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
SHORT = {"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *"}
WARM_UP = 3 * 86400


class Walk:
    """Every minute of a zone: what its clocks show, and when they first showed a time or went past it."""

    def __init__(self, zone, begin, end):
        self.shown = []
        self.first = {}
        self.offsets = []
        at, clock = datetime.fromtimestamp, ZoneInfo(zone)
        high = None
        for minute in range((begin - WARM_UP) // 60, -(-end // 60)):
            local = at(minute * 60, clock)
            shown = local.toordinal() * 1440 + local.hour * 60 + local.minute
            if minute * 60 >= begin:
                self.shown.append(shown)
                if not self.offsets or self.offsets[-1][1] != shown - minute:
                    self.offsets.append((minute * 60, shown - minute))
            high = shown - 1 if high is None else high
            # One that was shown before is not first; those that a clock jumped over are reached together.
            while high < shown:
                high += 1
                self.first[high] = minute * 60
        self.offsets = [(since, offset - date(1970, 1, 1).toordinal() * 1440) for since, offset in self.offsets]
        self.dates = range(self.shown[0] // 1440 - 2, self.shown[-1] // 1440 + 2)


def number(text, names):
    return names.index(text) if text in names else int(text)


def field(text, low, high, names=()):
    """The numbers of a cron field."""
    found = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if span == "*":
            first, last = low, high
        else:
            first = number(first, names)
            last = number(last, names) if last else (high if step else first)
        found.update(range(first, last + 1, int(step or 1)))
    return found


def cron(text):
    """The minutes of a day, whether a day counts, and whether the line goes by elapsed time."""
    minute, hour, day, month, weekday = SHORT.get(text, text).split()
    minutes = {h * 60 + m for h in field(hour, 0, 23) for m in field(minute, 0, 59)}
    days, months = field(day, 1, 31), field(month, 1, 12, MONTHS)
    weekdays = {number % 7 for number in field(weekday, 0, 7, DAYS)}
    # crontab(5): either of them is enough where neither begins with a star.
    either = not day.startswith("*") and not weekday.startswith("*")

    def counts(on):
        fit = on.day in days, on.isoweekday() % 7 in weekdays
        return on.month in months and (any(fit) if either else all(fit))

    return minutes, counts, minute.startswith("*") or hour.startswith("*")


def at(schedule):
    times = [time.split(":") for time in schedule["at"]]
    days = set()
    for part in schedule.get("days", "mon-sun").split(","):
        first, _, last = part.partition("-")
        day, last = DAYS.index(first), DAYS.index(last or first)
        while day != last:
            days.add(day)
            day = (day + 1) % 7
        days.add(last)
    return {int(h) * 60 + int(m) for h, m in times}, lambda on: on.isoweekday() % 7 in days, False


def ticks(schedule, walk, begin, end):
    if "every" in schedule:
        every = int(schedule["every"][:-1]) * UNITS[schedule["every"][-1]]
        return range(begin, end, every)
    minutes, counts, elapsed = cron(schedule["cron"]) if "cron" in schedule else at(schedule)
    dates = [day for day in walk.dates if counts(date.fromordinal(day))]
    wanted = {day * 1440 + minute for day in dates for minute in minutes}
    if elapsed:
        found = [begin // 60 * 60 + nth * 60 for nth, shown in enumerate(walk.shown) if shown in wanted]
    else:
        found = {walk.first[time] for time in wanted if time in walk.first}
    return sorted(tick for tick in found if begin <= tick < end)


def packed(found):
    distances = (tick - before for before, tick in zip([0, *found], found))
    return [[distance, len(list(same))] for distance, same in groupby(distances)]


def main():
    asked = json.load(sys.stdin)
    begin, end, told = asked["begin"], asked["end"], {}
    for zone in asked["zones"]:
        try:
            walk = Walk(zone, begin, end)
        except ZoneInfoNotFoundError as error:
            print(f"{error} (Python's tzdata)", file=sys.stderr)
            sys.exit(3)
        found = [packed(ticks(schedule, walk, begin, end)) for schedule in asked["schedules"]]
        told[zone] = {"offsets": walk.offsets, "ticks": found}
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
