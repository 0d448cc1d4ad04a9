"""Deals in PostgreSQL, one short connection for each request."""
from contextlib import contextmanager

import psycopg2

from settings import DATABASE


@contextmanager
def cursor():
    connection = psycopg2.connect(DATABASE, connect_timeout=3)
    try:
        with connection, connection.cursor() as opened:
            yield opened
    finally:
        connection.close()
