"""The application's API."""
import json
import os
from datetime import datetime, timezone

import psycopg2
from flask import Flask, Response, jsonify, request

from analysis import analyse
from settings import LOG, RELEASE, STARTED, deal_type_flag
from store import cursor

app = Flask(__name__)


def log(event, **fields):
    os.makedirs(LOG, exist_ok=True)
    line = {"ts": datetime.now(timezone.utc).isoformat(), "level": "info", "event": event, **fields}
    with open(os.path.join(LOG, "app.log"), "a") as file:
        file.write(json.dumps(line) + "\n")


@app.get("/health")
def health():
    body = {
        "build": {"commit": RELEASE[:12]},
        "process": {"id": os.getpid(), "since": STARTED},
        "features": {"deal_types": deal_type_flag()},
    }
    try:
        with cursor() as db:
            db.execute("SELECT 1")
    except psycopg2.Error as error:
        return {**body, "database": str(error).strip().splitlines()[0]}, 500
    return {**body, "database": "ok"}


@app.get("/api/v1/deals/<int:deal_id>/analysis")
def analysis(deal_id):
    with cursor() as db:
        db.execute("SELECT deal_type FROM deals WHERE id = %s", (deal_id,))
        row = db.fetchone()
    if row is None:
        return {"error": "no such deal"}, 404
    log("deal analysed", deal_id=deal_id, deal_type=row[0])
    return analyse(deal_id, row[0])


@app.post("/api/v1/deals")
def create():
    deal = request.get_json()
    try:
        with cursor() as db:
            db.execute(
                "INSERT INTO deals (name, target_name, deal_type) VALUES (%s, %s, %s) RETURNING id, deal_type",
                (deal["name"], deal.get("target_name", ""), deal.get("deal_type")),
            )
            deal_id, deal_type = db.fetchone()
    except psycopg2.errors.CheckViolation:
        return {"error": "deal_type"}, 422
    return {"id": deal_id, "deal_type": deal_type}, 201


@app.get("/api/v1/deals/<int:deal_id>")
def read(deal_id):
    with cursor() as db:
        db.execute("SELECT name, deal_type FROM deals WHERE id = %s", (deal_id,))
        row = db.fetchone()
    return ({"id": deal_id, "name": row[0], "deal_type": row[1]}, 200) if row else ({"error": "no"}, 404)


@app.delete("/api/v1/deals/<int:deal_id>")
def remove(deal_id):
    with cursor() as db:
        db.execute("DELETE FROM deals WHERE id = %s", (deal_id,))
        gone = db.rowcount
    return Response(status=204 if gone else 404)
