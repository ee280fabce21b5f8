"""The file of measurements, in the format of bench/WavLM.Cuda.Bench/Results, and tables of it."""
import json
import statistics
from datetime import datetime, timezone

SCHEMA = 1


def measurement(name, case, precision, runner, seconds, **known):
    """Nulls are left out, as `wavlm bench` does."""
    entry = {"group": "peers", "name": name, "case": case, "precision": precision, "runner": runner, "seconds": seconds, **known}
    return {key: value for key, value in entry.items() if value is not None}


def of_race(race):
    return [measurement("encode", race.case, runner.precision, runner.name, runner.seconds, not_timed=runner.not_timed,
                        audio_seconds=race.workload.audio_seconds, relative_error=finite(runner.difference))
            for runner in race.runners]


def finite(value):
    return value if value is not None and value == value and abs(value) < float("inf") else None


def write(path, started, where, measurements, notes):
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.write_text(json.dumps({"command": "peers", "date": started.isoformat(timespec="seconds"), "machine": where, "schema": SCHEMA,
                                      "ceilings": [], "measurements": measurements, "notes": notes}, indent=2) + "\n")
    unfinished.rename(path)


def now():
    return datetime.now(timezone.utc)


def print_table(measurements):
    print("| case | precision | runner | median s | fastest s | times real time | relative L2 |")
    print("|---|---|---|---|---|---|---|")
    for entry in measurements:
        about = f"| {entry['case']} | {entry['precision']} | {entry['runner']} |"
        error = f"{entry['relative_error']:.1e}" if "relative_error" in entry else ""
        if not entry["seconds"]:
            print(f"{about} not timed: {entry['not_timed']} | | | {error} |")
            continue
        median = statistics.median(entry["seconds"])
        speed = f"{entry['audio_seconds'] / median:,.1f}" if "audio_seconds" in entry else ""
        print(f"{about} {median:.6f} | {min(entry['seconds']):.6f} | {speed} | {error} |")
