"""Tables of the queue, and how lines of the log change them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from prefloop.desk.budget import is_paid_work
from prefloop.labels.label import WITHDRAWN

# Raised when tables change: a queue of another number is made again.
VERSION = 3

# As `prefloop.labels.disputes.disputed`.
DISPUTED = "(said_a > 0) + (said_b > 0) + (said_neither > 0) > 1 AND NOT ruled"
SCHEMA = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
-- Lines of the log that say something of a pair; `who` says whose word it is: a later one of the same takes its
-- place. `counts`: it is a label of the budget, as `budget.counted_labels` says.
CREATE TABLE words (
    seq INTEGER PRIMARY KEY, pair_id TEXT NOT NULL, prompt_id TEXT NOT NULL, completion_a TEXT NOT NULL,
    completion_b TEXT NOT NULL, round INTEGER, annotator TEXT NOT NULL, who TEXT NOT NULL, verdict TEXT,
    shown_left TEXT, purpose TEXT, lease TEXT, timestamp TEXT NOT NULL, duration_ms INTEGER, strength REAL,
    reasons TEXT, comment TEXT, stands INTEGER NOT NULL, counts INTEGER NOT NULL);
CREATE INDEX words_of_pair ON words (pair_id, who);
CREATE INDEX words_of_annotator ON words (annotator, seq) WHERE stands;
CREATE INDEX words_of_lease ON words (lease) WHERE lease IS NOT NULL;
CREATE TABLE tally (
    pair_id TEXT PRIMARY KEY, standing INTEGER NOT NULL, said_a INTEGER NOT NULL, said_b INTEGER NOT NULL,
    said_neither INTEGER NOT NULL, ruled INTEGER NOT NULL, first INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX disputed ON tally (first) WHERE {DISPUTED};
CREATE TABLE people (annotator TEXT PRIMARY KEY, answers INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE pairs (
    position INTEGER PRIMARY KEY, pair_id TEXT NOT NULL UNIQUE, prompt_id TEXT NOT NULL,
    completion_a TEXT NOT NULL, completion_b TEXT NOT NULL, round INTEGER NOT NULL, wanted INTEGER NOT NULL,
    standing INTEGER NOT NULL, ruled INTEGER NOT NULL);
CREATE INDEX pairs_waiting ON pairs (position) WHERE standing < wanted AND NOT ruled;
CREATE TABLE leases (
    lease TEXT PRIMARY KEY, annotator TEXT NOT NULL, pair_id TEXT NOT NULL, prompt_id TEXT NOT NULL,
    completion_a TEXT NOT NULL, completion_b TEXT NOT NULL, round INTEGER NOT NULL, purpose TEXT,
    shown_left TEXT NOT NULL, wanted INTEGER NOT NULL, expires_at REAL NOT NULL, guidelines TEXT,
    is_paid INTEGER NOT NULL, labels INTEGER NOT NULL, nano INTEGER NOT NULL, ms INTEGER NOT NULL);
CREATE INDEX leases_of_pair ON leases (pair_id, expires_at);
CREATE INDEX leases_of_annotator ON leases (annotator, expires_at);
CREATE INDEX leases_open ON leases (expires_at);
"""
# What the data have no texts of, until the next batch: of this process alone.
UNSHOWN = "CREATE TEMP TABLE unshown (pair_id TEXT PRIMARY KEY) WITHOUT ROWID"
# A person's last word that an undo takes back.
LAST_WORD = """SELECT * FROM words WHERE annotator = ? AND stands AND lease IS NOT NULL
    AND shown_left IS NOT NULL AND purpose IS NOT 'adjudication' ORDER BY seq DESC LIMIT 1"""
# Between reasons in one cell.
REASONS = "\x1f"
WORDS = (
    *("pair_id", "prompt_id", "completion_a", "completion_b", "round", "annotator", "who", "verdict"),
    *("shown_left", "purpose", "lease", "timestamp", "duration_ms", "strength", "reasons", "comment"),
)
BATCH = ("pair_id", "prompt_id", "completion_a", "completion_b", "round", "annotators")


def said(lines: pa.Table) -> pa.Table:
    """The columns of `words` of the lines that say something: a verdict, or that one is withdrawn."""
    back = pc.fill_null(pc.equal(lines["reason"], WITHDRAWN), False)
    lines = lines.filter(pc.or_(pc.is_valid(lines["verdict"]), back))
    ruled = pc.fill_null(pc.equal(lines["purpose"], "adjudication"), False)
    kind = pc.fill_null(lines["purpose"], "vote")
    who = pc.if_else(ruled, "adjudication", pc.binary_join_element_wise(kind, lines["annotator"], ":"))
    reasons = pc.binary_join(lines["reasons"], REASONS)
    lines = lines.append_column("who", who).set_column(lines.schema.get_field_index("reasons"), "reasons", reasons)
    stands = pc.is_valid(lines["verdict"])
    counts = pc.and_(stands, is_paid_work(lines)).cast(pa.int8())
    return lines.select(WORDS).append_column("stands", stands.cast(pa.int8())).append_column("counts", counts)


_FROM_TALLY = """
UPDATE pairs SET (standing, ruled) = (SELECT standing, ruled FROM tally WHERE tally.pair_id = pairs.pair_id)
WHERE"""
# After a batch was inserted.
PAIRS_FROM_TALLY = f"{_FROM_TALLY} EXISTS (SELECT 1 FROM tally WHERE tally.pair_id = pairs.pair_id)"
# Labels of earlier words in whose place one of the new words stands; the one value is the number of their first.
NO_LONGER_COUNTED = """
UPDATE words SET counts = 0 WHERE counts AND seq IN (
    SELECT earlier.seq FROM words AS later JOIN words AS earlier
    ON earlier.pair_id = later.pair_id AND earlier.who = later.who AND earlier.seq < later.seq
    WHERE later.seq >= ?1)"""
_NEW = "(SELECT pair_id FROM words WHERE seq >= ?1)"
# After words were inserted; the one value is the number of the first of them.
AFTER_WORDS = (
    # Each word before the last of the same on a pair no longer stands.
    """UPDATE words SET stands = 0 WHERE seq IN (
        SELECT earlier.seq FROM words AS later JOIN words AS earlier
        ON earlier.pair_id = later.pair_id AND earlier.who = later.who AND earlier.seq < later.seq
        WHERE later.seq >= ?1 AND earlier.stands)""",
    f"""INSERT OR REPLACE INTO tally
        SELECT pair_id, sum(stands AND purpose IS NULL), sum(stands AND purpose IS NULL AND verdict = 'a'),
            sum(stands AND purpose IS NULL AND verdict = 'b'),
            sum(stands AND purpose IS NULL AND verdict IN ('tie', 'both_bad')),
            max(stands AND purpose IS 'adjudication'), min(seq)
        FROM words WHERE pair_id IN {_NEW} GROUP BY pair_id""",
    f"{_FROM_TALLY} pair_id IN {_NEW}",
    """INSERT INTO people SELECT annotator, count(*) FROM words
        WHERE seq >= ?1 AND verdict IS NOT NULL AND purpose IS NOT 'adjudication' GROUP BY annotator
        ON CONFLICT DO UPDATE SET answers = answers + excluded.answers""",
    "DELETE FROM leases WHERE lease IN (SELECT lease FROM words WHERE seq >= ?1 AND lease IS NOT NULL)",
)
