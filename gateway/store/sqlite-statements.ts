const deliveryColumns = `d.id, d.system, d.subject, d.route, d.position, d.state, d.reason, d.due_at_ms, d.settled_at_ms,
  d.created_at_ms, d.first_attempt_at_ms, d.doubt_since_ms, d.lease, d.attempts`

const messageColumns = `m.sequence, m.id, m.type, m.source, m.subject, m.accepted_at_ms, m.correlation_id, m.causation_id,
  m.idempotency_key, m.body, m.body_digest`

/** Every statement on the path of a message. A test reads each one's query plan and fails on a scan. */
export const writes = {
  // Accept
  messageByKey: 'SELECT id, receipt, type, body_digest FROM messages WHERE source = ? AND idempotency_key = ?',
  latestOfScope: `SELECT id, receipt, scope_digest FROM messages
    WHERE source = ? AND scope = ? ORDER BY sequence DESC LIMIT ?`,
  subjectOfAlias: 'SELECT subject FROM aliases WHERE alias = ?',
  insertAlias: 'INSERT INTO aliases (alias, subject) VALUES (?, ?) ON CONFLICT DO NOTHING',
  insertMessage: `INSERT INTO messages (id, type, source, subject, accepted_at_ms, correlation_id, causation_id, idempotency_key,
    scope, scope_digest, body, body_digest, receipt, original, original_media_type, original_digest, verified_by)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  takePosition: `INSERT INTO lanes (system, subject, next_position) VALUES (?, ?, 2)
    ON CONFLICT DO UPDATE SET next_position = next_position + 1 RETURNING next_position - 1 AS position`,
  laneHead: `SELECT id, state FROM deliveries WHERE system = ? AND subject = ? AND blocks = 1 ORDER BY position LIMIT 1`,
  insertDelivery: `INSERT INTO deliveries (id, message_sequence, message_type, system, subject, route, position, state, blocks,
    due_at_ms, created_at_ms, settled_at_ms, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,

  // Claim
  // A process settles its own attempts, however its wall clock jumps; only others' leases can run out.
  expiredLeases: `SELECT id, attempts, claimed_at_ms FROM deliveries
    WHERE state = 'leased' AND due_at_ms < ? AND owner <> ?`,
  leasesOf: `SELECT id, attempts, claimed_at_ms FROM deliveries WHERE state = 'leased' AND owner = ?`,
  owners: `SELECT DISTINCT owner FROM deliveries WHERE state = 'leased'`,
  endLease: `UPDATE deliveries SET state = 'waiting', due_at_ms = ?, owner = NULL WHERE id = ?`,
  dueDeliveries: `SELECT ${deliveryColumns}, l.memory, ${messageColumns
    .replace('m.id', 'm.id AS message_id')
    .replace('m.subject', 'm.subject AS message_subject')}
    FROM deliveries d JOIN messages m ON m.sequence = d.message_sequence
    JOIN lanes l ON l.system = d.system AND l.subject = d.subject
    WHERE d.system = ? AND d.state = 'waiting' AND d.due_at_ms <= ? ORDER BY d.due_at_ms LIMIT ?`,
  lease: `UPDATE deliveries SET state = 'leased', lease = lease + 1, owner = ?, due_at_ms = ?, claimed_at_ms = ?,
    attempts = attempts + 1, first_attempt_at_ms = COALESCE(first_attempt_at_ms, ?),
    doubt_since_ms = COALESCE(doubt_since_ms, ?) WHERE id = ?`,
  nextDue: `SELECT due_at_ms FROM deliveries WHERE system = ? AND state = 'waiting' ORDER BY due_at_ms LIMIT 1`,

  // Settle
  leasedDelivery: `SELECT id, system, subject FROM deliveries WHERE id = ? AND lease = ? AND state = 'leased'`,
  moveDelivery: `UPDATE deliveries SET state = ?, blocks = ?, due_at_ms = ?, doubt_since_ms = ?, settled_at_ms = ?, reason = ?,
    waits_for = ?, owner = NULL WHERE id = ?`,
  insertAttempt: `INSERT INTO attempts (delivery_id, number, started_at_ms, ended_at_ms, outcome, code, cause, sent_digest,
    answer_digest, answer_code) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  remember: 'UPDATE lanes SET memory = ? WHERE system = ? AND subject = ?',
  unblock: `UPDATE deliveries SET state = 'waiting', due_at_ms = ? WHERE id = ? AND state = 'blocked'`,

  // Holds that end by themselves
  awaiting: `SELECT id, system FROM deliveries WHERE waits_for = ? AND state = 'held'`,
  resume: `UPDATE deliveries SET state = 'waiting', due_at_ms = ?, reason = NULL, waits_for = NULL WHERE id = ?`,

  // Journal
  insertJournal: `INSERT INTO journal (chain_id, position, at_ms, kind, entry, previous_hash, hash) VALUES (?, ?, ?, ?, ?, ?, ?)`,
  insertCheckpoint: 'INSERT OR REPLACE INTO checkpoints (at_ms, heads, signature) VALUES (?, ?, ?)',

  putShelf: `INSERT INTO shelves (shelf, key, value, updated_at_ms) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET value = excluded.value, updated_at_ms = excluded.updated_at_ms`,
  touch: `INSERT INTO shelves (shelf, key, value, updated_at_ms) VALUES ('store', 'probe', '1', ?)
    ON CONFLICT DO UPDATE SET updated_at_ms = excluded.updated_at_ms`,
} as const

/** Statements of the reading connection. */
export const reads = {
  messageById: `SELECT ${messageColumns}, m.receipt FROM messages m WHERE m.id = ?`,
  messagesOfSubject: `SELECT ${messageColumns}, m.receipt FROM messages m WHERE m.subject = ? ORDER BY m.sequence`,
  subjectOfAlias: 'SELECT subject FROM aliases WHERE alias = ?',
  aliasesOfSubject: 'SELECT alias FROM aliases WHERE subject = ? ORDER BY alias',
  deliveriesOfMessage: `SELECT ${deliveryColumns} FROM deliveries d WHERE d.message_sequence = ? ORDER BY d.sequence`,
  attemptsOfDelivery: 'SELECT * FROM attempts WHERE delivery_id = ? ORDER BY number',
  takenBefore: `SELECT ${messageColumns} FROM deliveries d JOIN messages m ON m.sequence = d.message_sequence
    WHERE d.system = ? AND d.subject = ? AND d.position < ? AND d.state = 'delivered' ORDER BY d.position`,
  depths: `SELECT system, state, COUNT(*) AS count, MIN(created_at_ms) AS oldest_at_ms FROM deliveries
    WHERE state IN ('waiting', 'leased', 'blocked', 'held', 'dead') GROUP BY system, state`,
  journalFrom: 'SELECT * FROM journal WHERE (chain_id, position) > (?, ?) ORDER BY chain_id, position LIMIT ?',
  checkpoints: 'SELECT * FROM checkpoints ORDER BY at_ms',
  shelf: 'SELECT key, value, updated_at_ms FROM shelves WHERE shelf = ? ORDER BY key',
} as const
