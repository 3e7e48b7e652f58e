import type { DatabaseSync } from 'node:sqlite'

/**
 * The store's tables. Times are epoch milliseconds UTC, JSON columns are canonical JSON.
 * `deliveries.blocks` is 1 while later deliveries of the lane must wait for it; `due_at_ms` is when a waiting one is due and
 * when the lease of a leased one ends. `doubt_since_ms` is set in the write that leases, so that a process that dies in the
 * middle of an attempt leaves the doubt behind.
 */
const tables = `
CREATE TABLE messages (
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  type TEXT NOT NULL,
  source TEXT NOT NULL,
  subject TEXT NOT NULL,
  accepted_at_ms INTEGER NOT NULL,
  correlation_id TEXT NOT NULL,
  causation_id TEXT,
  idempotency_key TEXT NOT NULL,
  scope TEXT,
  scope_digest TEXT,
  body TEXT NOT NULL,
  body_digest TEXT NOT NULL,
  receipt TEXT NOT NULL,
  original BLOB,
  original_media_type TEXT,
  original_digest TEXT,
  verified_by TEXT
) STRICT;
CREATE UNIQUE INDEX messages_by_key ON messages (source, idempotency_key);
CREATE INDEX messages_by_scope ON messages (source, scope, sequence) WHERE scope IS NOT NULL;
CREATE INDEX messages_by_subject ON messages (subject, sequence);

CREATE TABLE aliases (
  alias TEXT PRIMARY KEY,
  subject TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX aliases_by_subject ON aliases (subject);

-- Whose a dossier is: the units its first record named.
CREATE TABLE dossiers (
  subject TEXT PRIMARY KEY,
  units TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE lanes (
  system TEXT NOT NULL,
  subject TEXT NOT NULL,
  next_position INTEGER NOT NULL,
  memory TEXT,
  PRIMARY KEY (system, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE deliveries (
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  message_sequence INTEGER NOT NULL,
  message_type TEXT NOT NULL,
  source TEXT NOT NULL,
  system TEXT NOT NULL,
  subject TEXT NOT NULL,
  route TEXT NOT NULL,
  position INTEGER NOT NULL,
  state TEXT NOT NULL
    CHECK (state IN ('waiting', 'leased', 'blocked', 'held', 'delivered', 'dead', 'expired', 'discarded')),
  blocks INTEGER NOT NULL,
  revision INTEGER NOT NULL DEFAULT 0,
  due_at_ms INTEGER,
  lease INTEGER NOT NULL DEFAULT 0,
  owner TEXT,
  claimed_at_ms INTEGER,
  attempts INTEGER NOT NULL DEFAULT 0,
  created_at_ms INTEGER NOT NULL,
  first_attempt_at_ms INTEGER,
  stopped_at_first_ms INTEGER,
  doubt_since_ms INTEGER,
  settled_at_ms INTEGER,
  reason TEXT,
  waits_for TEXT
) STRICT;
-- A delivery that takes the place of another stands at its position; the other is discarded.
CREATE UNIQUE INDEX deliveries_by_lane ON deliveries (system, subject, position) WHERE state <> 'discarded';
CREATE INDEX deliveries_blocking ON deliveries (system, subject, position) WHERE blocks = 1;
CREATE INDEX deliveries_due ON deliveries (system, due_at_ms) WHERE state = 'waiting';
CREATE INDEX deliveries_leased ON deliveries (due_at_ms) WHERE state = 'leased';
CREATE INDEX deliveries_awaiting ON deliveries (waits_for) WHERE waits_for IS NOT NULL;
CREATE INDEX deliveries_by_message ON deliveries (message_sequence);
CREATE INDEX deliveries_open ON deliveries (system, state, created_at_ms)
  WHERE state IN ('waiting', 'leased', 'blocked', 'held', 'dead');

CREATE INDEX deliveries_backlog ON deliveries (source) WHERE state IN ('waiting', 'leased', 'blocked');

CREATE TABLE channels (
  system TEXT PRIMARY KEY,
  condition TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What people did, with their words; the words' digest stands in the journal.
CREATE TABLE interventions (
  sequence INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  actor TEXT NOT NULL,
  kind TEXT NOT NULL,
  target TEXT NOT NULL,
  note TEXT NOT NULL,
  bulk_id TEXT
) STRICT;
CREATE INDEX interventions_by_target ON interventions (target, sequence);

CREATE TABLE bulks (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  filter TEXT NOT NULL,
  actor TEXT NOT NULL,
  note TEXT NOT NULL,
  per_second REAL NOT NULL,
  override INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('running', 'paused', 'cancelled', 'finished')),
  created_at_ms INTEGER NOT NULL,
  total INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE bulk_items (
  bulk_id TEXT NOT NULL,
  delivery_id TEXT NOT NULL,
  outcome TEXT,
  PRIMARY KEY (bulk_id, delivery_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX bulk_items_open ON bulk_items (bulk_id, delivery_id) WHERE outcome IS NULL;

CREATE TABLE processes (
  process TEXT NOT NULL,
  instance TEXT NOT NULL,
  version INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('running', 'exception', 'ended')),
  state TEXT,
  reason TEXT,
  updated_at_ms INTEGER NOT NULL,
  PRIMARY KEY (process, instance)
) STRICT, WITHOUT ROWID;
CREATE INDEX processes_by_status ON processes (status, updated_at_ms);

CREATE TABLE timers (
  process TEXT NOT NULL,
  instance TEXT NOT NULL,
  name TEXT NOT NULL,
  due_at_ms INTEGER NOT NULL,
  PRIMARY KEY (process, instance, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX timers_due ON timers (due_at_ms);

-- What was sent, or by a shadow would have been, as a document without credentials.
CREATE TABLE sent_documents (
  delivery_id TEXT PRIMARY KEY,
  document TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE attempts (
  delivery_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  started_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  code TEXT,
  cause TEXT,
  sent_digest TEXT,
  answer_digest TEXT,
  answer_code TEXT,
  PRIMARY KEY (delivery_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE journal (
  chain_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  kind TEXT NOT NULL,
  entry TEXT NOT NULL,
  previous_hash TEXT NOT NULL,
  hash TEXT NOT NULL,
  PRIMARY KEY (chain_id, position)
) STRICT, WITHOUT ROWID;

-- How far each chain has come; written with every batch, so that a checkpoint can name all of them.
CREATE TABLE chains (
  chain_id TEXT PRIMARY KEY,
  position INTEGER NOT NULL,
  hash TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoints (
  at_ms INTEGER PRIMARY KEY,
  heads TEXT NOT NULL,
  signature TEXT NOT NULL
) STRICT;

CREATE TABLE shelves (
  shelf TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  PRIMARY KEY (shelf, key)
) STRICT, WITHOUT ROWID;

-- Attempts and journal entries are what happened: no statement may change or remove them.
CREATE TRIGGER attempts_never_change BEFORE UPDATE ON attempts BEGIN SELECT RAISE(ABORT, 'attempts never change'); END;
CREATE TRIGGER interventions_never_change BEFORE UPDATE ON interventions
  BEGIN SELECT RAISE(ABORT, 'interventions never change'); END;
CREATE TRIGGER journal_never_changes BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'the journal never changes'); END;
`

/** What was signed and by whom, for as long as it could be said again (the replay guard). */
const statements = `
CREATE TABLE statements (
  digest TEXT PRIMARY KEY,
  source TEXT NOT NULL,
  message_id TEXT NOT NULL,
  until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX statements_over ON statements (until_ms);
`

/** What leaves a message with its bodies, and what keeps them (retention). */
const retention = `
ALTER TABLE messages ADD COLUMN bodies_left_at_ms INTEGER;
CREATE INDEX messages_with_bodies ON messages (sequence) WHERE bodies_left_at_ms IS NULL;
CREATE INDEX processes_open ON processes (instance) WHERE status <> 'ended';

CREATE TABLE legal_holds (
  subject TEXT PRIMARY KEY,
  since_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`

/** One entry per version; version n is reached by running migrations 1 … n. */
const migrations: readonly string[] = [tables, statements, retention]

/** Brings the database to the newest version. Throws when it was written by a newer gateway. */
export function migrate(database: DatabaseSync): void {
  const version = Number(database.prepare('PRAGMA user_version').get()?.user_version)
  if (version > migrations.length) {
    throw new Error(
      `the store is at version ${version}, this gateway knows ${migrations.length}: run the newer gateway`,
    )
  }
  for (const [index, migration] of migrations.entries()) {
    if (index < version) continue
    database.exec(`BEGIN IMMEDIATE; ${migration} PRAGMA user_version = ${index + 1}; COMMIT`)
  }
}
