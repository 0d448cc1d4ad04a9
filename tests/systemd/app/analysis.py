"""What a deal costs. Every deal is analysed alike here."""
from settings import deal_type_flag

BASE = "1000.00"


def analyse(deal_id, deal_type):
    costs = [{"kind": "integration", "amount": BASE}]
    return {"deal_id": deal_id, "cost_total": BASE, "costs": costs, "synergies": [{"kind": "consolidation"}]}
