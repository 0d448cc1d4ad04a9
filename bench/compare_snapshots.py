"""The runbook's scripts/compare_snapshots.py as one would write it: both files loaded, deal by deal."""
import json
import resource
import sys

TOLERANCE = 0.05


def kinds(lines):
    return {line["kind"] for line in lines}


def within(after, before, low, high):
    return float(before) * low <= float(after) <= float(before) * high


def acquisition(before, after):
    low, high = 1 - TOLERANCE, 1 + TOLERANCE
    if not within(after["cost_total"], before["cost_total"], low, high):
        return "cost_total"
    if len(before["costs"]) != len(after["costs"]):
        return "costs"
    for old, new in zip(before["costs"], after["costs"]):
        if old["kind"] != new["kind"] or not within(new["amount"], old["amount"], low, high):
            return "costs"
    if before["synergies"] != after["synergies"] or before["synergy_total"] != after["synergy_total"]:
        return "synergies"
    return None


def carveout(before, after):
    if not within(after["cost_total"], before["cost_total"], 1.5, 3):
        return "cost_total"
    if not {"separation", "tsa"} <= kinds(after["costs"]) or "consolidation" in kinds(after["synergies"]):
        return "kinds"
    return None


def divestiture(before, after):
    if "extraction" not in kinds(after["costs"]) or "consolidation" in kinds(after["synergies"]):
        return "kinds"
    return None


RULES = {"acquisition": acquisition, "carveout": carveout, "divestiture": divestiture}

with open(sys.argv[1]) as file:
    pre = json.load(file)["deals"]
with open(sys.argv[2]) as file:
    post = json.load(file)["deals"]
regressions = []
for key, before in pre.items():
    after = post.get(key)
    fault = "missing" if after is None else RULES[after["deal_type"]](before, after)
    if fault:
        regressions.append((key, fault))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"regressions": [key for key, _ in regressions], "compared": len(pre), "peakKib": peak}))
